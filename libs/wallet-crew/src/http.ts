import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/**
 * What came of a request: an answer, or none. `not-sent`: no connection was made, so nobody can have acted on it;
 * `unanswered`: it may have been acted on.
 */
export type Heard = { status: number; headers: IncomingHttpHeaders; text: string } | { lost: 'not-sent' | 'unanswered'; words: string };

export interface HttpRequest {
  method: string;
  headers: Record<string, string>;
  body?: string;
  /** For all of it, from connecting to the last byte. */
  timeoutMs: number;
  /** Not over a connection that was used before: such a one may be closed at the very moment, and nobody knows then what became of the request. */
  fresh?: boolean;
}

/** Shorter than servers keep idle connections, so that they do not close one while it is used again. */
const idleMs = 3_000;
const longestAnswer = 10_000_000;
const kept = { keepAlive: true, timeout: idleMs, scheduling: 'lifo' } as const;
const agents = { 'http:': new HttpAgent(kept), 'https:': new HttpsAgent(kept) };

/** Never throws, never follows a redirect: the key must not travel to wherever it points. */
export function ask(url: URL, { method, headers, body, timeoutMs, fresh }: HttpRequest): Promise<Heard> {
  const isSecure = url.protocol === 'https:';
  return new Promise((resolve) => {
    let isConnected = false;
    const options: RequestOptions = { method, headers: body === undefined ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) }, agent: fresh ? false : agents[isSecure ? 'https:' : 'http:'] };
    const request = (isSecure ? httpsRequest : httpRequest)(url, options);
    const end = (heard: Heard) => {
      clearTimeout(timer);
      resolve(heard);
    };
    const lost = (words: string) => {
      end({ lost: isConnected ? 'unanswered' : 'not-sent', words });
      request.destroy();
    };
    const timer = setTimeout(() => lost(`No answer within ${timeoutMs} ms.`), timeoutMs);
    request.once('socket', (socket) => {
      if (!socket.connecting) isConnected = true;
      else socket.once(isSecure ? 'secureConnect' : 'connect', () => (isConnected = true));
    });
    request.on('error', () => lost('No connection.'));
    request.once('response', (response) => {
      readText(response).then(
        (text) => end({ status: response.statusCode ?? 0, headers: response.headers, text }),
        () => lost('The answer broke off.'),
      );
    });
    request.end(body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > longestAnswer) throw new Error('too long');
    chunks.push(chunk);
  }
  return (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8');
}
