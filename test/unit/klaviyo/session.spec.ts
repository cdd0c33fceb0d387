import { createServer, type Server } from 'node:net';
import { accountOf } from '#klaviyo';
import { adapter, answer, type Handler, outgoing, settingsFor, track, update, vendor } from './fakes.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function against(handler: Handler, more = {}) {
  const server = await vendor(handler);
  const all = { ...adapter(server.url, more), received: server.received };
  closing.push(() => all.marketing.close(), server.close);
  return all;
}

async function sendOne(marketing: ReturnType<typeof adapter>['marketing'], lane: 'track' | 'upsert-profile' = 'track') {
  const slot = await marketing.slot('shop', lane, 1);
  if (!('send' in slot)) throw new Error(`no slot for ${slot.waitMs} ms`);
  const [only] = await slot.send([outgoing(lane === 'track' ? track('u1') : update())]);
  return only;
}

describe('A call to Klaviyo', () => {
  it('pins the revision, refuses to fall forward and speaks the media type of the OpenAPI', async () => {
    const { marketing, received } = await against((_, response) => answer(response, 202));
    expect(await sendOne(marketing)).toMatchObject({ outcome: 'accepted' });
    expect(received[0]?.headers).toMatchObject({
      revision: '2026-07-15',
      'x-klaviyo-revision-fall-forward-opt-out': '1',
      'content-type': 'application/vnd.api+json',
      accept: 'application/vnd.api+json',
      authorization: 'Klaviyo-API-Key pk_secret0123456789',
    });
  });

  it.each([
    ['never answers', () => undefined],
    ['sends headers and then nothing', (_: unknown, response: { writeHead(status: number): { flushHeaders(): void } }) => response.writeHead(200).flushHeaders()],
  ] as [string, Handler][])('ends in time when Klaviyo %s', async (_, handler) => {
    const { marketing, permits } = await against(handler, { timeoutMs: 150 });
    expect(await sendOne(marketing)).toMatchObject({ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE' });
    expect([permits.open, permits.history]).toEqual([0, [expect.objectContaining({ what: 'failed' })]]);
  });

  it('ends in time when the answer drips in byte by byte', async () => {
    const { marketing } = await against((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
    }, { timeoutMs: 200 });
    expect(await sendOne(marketing, 'upsert-profile')).toMatchObject({ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE' });
  });

  it('ends in time when the connection is accepted and no byte ever comes', async () => {
    const silent: Server = createServer(() => undefined);
    const sockets = new Set<{ destroy(): void }>();
    silent.on('connection', (socket) => sockets.add(socket));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      silent.close(resolve);
    }));
    // TLS to a peer that never shakes hands: only the connect timeout ends it.
    const { marketing } = adapter(`https://127.0.0.1:${(silent.address() as { port: number }).port}`, { timeoutMs: 10_000, connectTimeoutMs: 150 });
    closing.push(() => marketing.close());
    const started = performance.now();
    expect(await sendOne(marketing)).toMatchObject({ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE', words: 'No answer in time.' });
    expect(performance.now() - started).toBeLessThan(8000);
  });

  it('makes one attempt, because every attempt needs a permit', async () => {
    const { marketing, received } = await against((_, response) => answer(response, 503, 'busy'));
    expect(await sendOne(marketing)).toMatchObject({ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE' });
    expect(received).toHaveLength(1);
  });

  it('follows no redirect, which would carry the key along', async () => {
    const { marketing, received } = await against((_, response) => answer(response, 307, undefined, { location: '/elsewhere' }));
    expect(await sendOne(marketing)).toMatchObject({ outcome: 'later', code: 'KLAVIYO_BLOCKED' });
    expect(received.map(({ path }) => path)).toEqual(['/api/events']);
  });

  it('does not take half an answer for a whole one', async () => {
    const { marketing } = await against((_, response) => answer(response, 200, '{"data":{"type":"prof'));
    expect(await sendOne(marketing, 'upsert-profile')).toMatchObject({ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE' });
  });

  it('uses one connection for calls in a row', async () => {
    const ports = new Set<number | undefined>();
    const { marketing } = await against((_, response) => {
      ports.add(response.req.socket.remotePort);
      answer(response, 202);
    });
    await sendOne(marketing);
    await sendOne(marketing);
    expect(ports.size).toBe(1);
  });

  it('never shows the key, neither in a log nor in words nor as the name of the account', async () => {
    const { marketing, log, settings } = await against((_, response) => answer(response, 401, { errors: [{ code: 'authentication_failed', title: 'Incorrect authentication credentials.', detail: 'Key pk_secret0123456789 is unknown.' }] }));
    const given = await sendOne(marketing);
    expect(given).toMatchObject({ outcome: 'later', code: 'KLAVIYO_KEY_REFUSED', waitMs: 60_000 });
    expect(JSON.stringify([given, log.lines])).not.toContain('secret0123456789');
    expect(accountOf(settings)).not.toContain('secret');
    expect(accountOf(settings)).toBe(accountOf(settingsFor(`${settings.baseUrl}/`)));
  });
});
