import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Command, Identity, Outgoing } from '#core';
import { KlaviyoAccounts, KlaviyoMarketing, KlaviyoProfiles, KlaviyoSettings } from '#klaviyo';
import { MemoryPermits } from '../../support/memory-permits.js';
import { GlassVault, KeptLog, KeptMeter, ManualClock } from '../../support/system-fakes.js';

export { GlassVault, KeptLog, KeptMeter, ManualClock };

export interface Received {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  text: string;
  body: unknown;
}
export type Handler = (request: Received, response: ServerResponse, index: number) => void;

/** A server that keeps every request and answers as a test wants it. */
export async function vendor(handle: Handler): Promise<{ url: string; received: Received[]; close(): Promise<void> }> {
  const received: Received[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://vendor');
      const text = Buffer.concat(chunks).toString('utf8');
      const one = { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers, text, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
      received.push(one);
      handle(one, response, received.length - 1);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export function answer(response: ServerResponse, status: number, body?: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/vnd.api+json', ...headers });
  response.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
}

export function errorBody(status: number, code: string, pointer: string | undefined, detail = 'Wrong.', meta: Record<string, unknown> = {}): unknown {
  return { errors: [{ id: '11111111-2222-4333-8444-555555555555', status, code, title: 'Invalid input.', detail, source: pointer === undefined ? {} : { pointer }, links: {}, meta }] };
}

export function settingsFor(baseUrl: string, more: Partial<KlaviyoSettings> = {}): KlaviyoSettings {
  return Object.assign(new KlaviyoSettings(), { baseUrl, apiKey: 'pk_secret0123456789', timeoutMs: 5000, ...more });
}

/** The adapter for one tenant, `shop`, with everything around it in hand. Waiting for a permit moves the clock. */
export function adapter(baseUrl: string, more: Partial<KlaviyoSettings> = {}, clock: ManualClock = new ManualClock()) {
  const permits = new MemoryPermits(clock);
  const log = new KeptLog();
  const meter = new KeptMeter();
  const settings = settingsFor(baseUrl, more);
  const accounts = new KlaviyoAccounts({ settingsOf: (tenant) => (tenant === 'shop' ? settings : undefined), permits, vaultOf: () => new GlassVault(), clock, log, meter });
  return { marketing: new KlaviyoMarketing(accounts), profiles: new KlaviyoProfiles(accounts), permits, log, meter, clock, settings };
}

let serial = 0;
export function outgoing<C extends Command>(command: C, identity: Identity = { email: 'ada@shop.fr' }, attempts = 0): Outgoing<C> {
  return { id: `command-${++serial}`, attempts, identity, command };
}

export const track = (uniqueId: string, more: object = {}) => ({ do: 'track' as const, uniqueId, metric: 'Pass Installed', at: Date.UTC(2026, 7, 31, 10, 0, 0, 250), properties: { 'neostore.pass': 'p1' }, backfill: false, ...more });
export const update = (properties: Record<string, string | number | boolean> = { 'neostore.wallet.loyaltyCard.Apple': 'Installed' }) => ({ do: 'upsert-profile' as const, attributes: {}, properties });
export const consent = (more: object = {}) => ({ do: 'subscribe' as const, listId: 'LIST01', channel: 'email' as const, consentedAt: Date.UTC(2026, 8, 1, 11, 59, 50), field: 'newsletter', historical: false, ...more });
export const withdrawal = (more: object = {}) => ({ do: 'unsubscribe' as const, listId: 'LIST01', channel: 'email' as const, withdrawnAt: Date.UTC(2026, 8, 1, 11), field: 'newsletter', ...more });
