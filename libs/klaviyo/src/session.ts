import { Agent as HttpAgent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import axios, { type AxiosInstance, type AxiosRequestConfig, type AxiosResponse, AxiosError } from 'axios';
import type { Session } from 'klaviyo-api';
import { revision } from './revision.js';
import type { KlaviyoSettings } from './settings.js';

/** What Klaviyo answered, kept from the SDK: it would copy every object into classes of its own, which nobody reads. */
export type Answered = AxiosResponse<undefined> & { answer: unknown };

const megabyte = 1_000_000;
const mediaType = 'application/vnd.api+json';

/**
 * Takes the place of the SDK's own transport, which has no timeout at all, retries behind one's back (each attempt must
 * take a permit), sends `application/json` where the OpenAPI knows only `application/vnd.api+json`, and lets proxies of the
 * environment in.
 */
export class KlaviyoSession implements Session {
  readonly #http: AxiosInstance;
  readonly #agents: (HttpAgent | HttpsAgent)[];

  constructor(private readonly settings: KlaviyoSettings) {
    const options: AgentOptions = { keepAlive: true, maxSockets: 400, maxFreeSockets: 16, timeout: settings.timeoutMs, scheduling: 'lifo' };
    const httpAgent = new ConnectingHttpAgent(options, settings.connectTimeoutMs);
    const httpsAgent = new ConnectingHttpsAgent(options, settings.connectTimeoutMs);
    this.#agents = [httpAgent, httpsAgent];
    this.#http = axios.create({
      adapter: 'http',
      httpAgent,
      httpsAgent,
      proxy: false,
      // A redirect would carry the key to wherever it points.
      maxRedirects: 0,
      maxContentLength: 20 * megabyte,
      maxBodyLength: 5 * megabyte,
      responseType: 'json',
      transformRequest: [(body: unknown) => body],
    });
  }

  applyToRequest(config: AxiosRequestConfig): void {
    config.headers = {
      ...config.headers,
      Accept: mediaType,
      'Content-Type': mediaType,
      Authorization: `Klaviyo-API-Key ${this.settings.apiKey}`,
      'User-Agent': 'wallet-crew-klaviyo-connector',
      revision,
      // Without it a retired revision is silently served by a newer one; with it Klaviyo answers 410.
      'X-Klaviyo-Revision-Fall-Forward-Opt-Out': '1',
    };
  }

  async requestWithRetry(config: AxiosRequestConfig): Promise<Answered> {
    const ending = new AbortController();
    // axios' own timeout watches idleness; a body that drips would outlive it.
    const timer = setTimeout(() => ending.abort(), this.settings.timeoutMs);
    try {
      const response = await this.#http.request<unknown>({
        ...config,
        ...(config.data === undefined ? {} : { data: JSON.stringify(config.data) }),
        signal: ending.signal,
      });
      refuseUnreadable(response);
      return Object.assign(response, { answer: response.data, data: undefined });
    } catch (error) {
      throw withoutSecrets(error);
    } finally {
      clearTimeout(timer);
    }
  }

  refreshAndRetry(): boolean {
    return false;
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }
}

/** A body that is there must be JSON: a half one, or a page with status 200, is no answer. */
function refuseUnreadable(response: AxiosResponse<unknown>): void {
  const { data } = response;
  if (data === undefined || data === null || data === '' || typeof data === 'object') return;
  throw new AxiosError('unreadable', 'UNREADABLE', undefined, undefined, /^\s*</.test(String(data)) ? response : undefined);
}

/** An AxiosError carries the whole request, key included, to whoever logs it. */
function withoutSecrets(error: unknown): unknown {
  if (!axios.isAxiosError(error)) return error;
  const { response, code } = error;
  return Object.assign(new Error('Klaviyo did not do it.'), {
    code,
    ...(response ? { response: { status: response.status, headers: response.headers, data: response.data as unknown } } : {}),
  });
}

class ConnectingHttpAgent extends HttpAgent {
  constructor(options: AgentOptions, private readonly connectTimeoutMs: number) {
    super(options);
  }

  override createConnection(options: ClientRequestArgs, callback?: (error: Error | null, stream: Duplex) => void): Duplex | null | undefined {
    return connectingWithin(super.createConnection(options, callback), 'connect', this.connectTimeoutMs);
  }
}

class ConnectingHttpsAgent extends HttpsAgent {
  constructor(options: AgentOptions, private readonly connectTimeoutMs: number) {
    super(options);
  }

  override createConnection(options: RequestOptions, callback?: (error: Error | null, stream: Duplex) => void): Duplex | null | undefined {
    return connectingWithin(super.createConnection(options, callback), 'secureConnect', this.connectTimeoutMs);
  }
}

function connectingWithin<S extends Duplex | null | undefined>(socket: S, connected: string, ms: number): S {
  if (!socket) return socket;
  const timer = setTimeout(() => socket.destroy(Object.assign(new Error('connect timeout'), { code: 'ETIMEDOUT' })), ms);
  const clear = () => clearTimeout(timer);
  socket.once(connected, clear).once('close', clear);
  return socket;
}
