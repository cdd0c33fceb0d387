import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Answer, Outgoing, Slot } from '#core';
import { WalletCrewPlatform, WalletCrewSettings } from '#wallet-crew';
import { MemoryPermits } from '../../support/memory-permits.js';
import { KeptLog, KeptMeter, ManualClock } from '../../support/system-fakes.js';

type Reply = { status: number; headers?: Record<string, string>; body?: string } | 'silence' | 'hang up';

describe('what The Wallet Crew answers', () => {
  let server: Server;
  let reply: Reply;
  let heard: { method: string; url: string; key: unknown; body: string }[];
  let permits: MemoryPermits;
  let clock: ManualClock;
  let platform: WalletCrewPlatform;

  beforeEach(async () => {
    heard = [];
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        heard.push({ method: request.method!, url: request.url!, key: request.headers['x-api-key'], body });
        if (reply === 'silence') return;
        if (reply === 'hang up') return void request.socket.destroy();
        response.writeHead(reply.status, reply.headers).end(reply.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const settings = Object.assign(new WalletCrewSettings(), { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: 'the-key', webhookSecret: 'secret-secret', timeoutMs: 200, requestsPerMinute: 20 });
    clock = new ManualClock();
    permits = new MemoryPermits(clock);
    platform = new WalletCrewPlatform({ settingsOf: (tenant) => (tenant === 'acme' ? settings : undefined), permits, log: new KeptLog(), meter: new KeptMeter() });
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const update = (id: string, attempts = 0): Outgoing => ({ id, attempts, identity: {}, command: { do: 'push-update', identifiers: { email: 'ana@mail.example' }, additionalData: { points: 5 }, updateMetadata: false } });
  const leave = async (waiting = 1) => (await platform.slot('acme', 'push-update', waiting)) as Slot;
  const say = async (answer: Reply, attempts = 0): Promise<Answer> => {
    reply = answer;
    return (await (await leave()).send([update('c-1', attempts)]))[0]!;
  };

  it('the call is The Wallet Crew\'s own, with its key and nothing but the documented fields', async () => {
    await say({ status: 200 });
    expect(heard).toEqual([{ method: 'POST', url: '/api/acme/webhooks/listeners/klaviyo/passes/pushUpdate', key: 'the-key', body: '{"identifiers":{"email":"ana@mail.example"},"additionalData":{"points":5},"updateMetadata":false}' }]);
  });

  it.each<[string, Reply, object]>([
    ['200 is done', { status: 200 }, { outcome: 'accepted' }],
    ['204 is done', { status: 204 }, { outcome: 'accepted' }],
    ['404 means there is no such pass', { status: 404 }, { outcome: 'refused', code: 'WALLET_CREW_PASS_MISSING', words: '404' }],
    ['400 tells the fields, without their values', { status: 400, body: '{"title":"One or more validation errors occurred.","detail":"ana@mail.example","errors":{"identifiers":["ana@mail.example is bad"]}}' }, { outcome: 'refused', code: 'WALLET_CREW_REFUSED', words: '400 One or more validation errors occurred. (identifiers)' }],
    ['401 waits for a better key', { status: 401 }, { outcome: 'later', code: 'WALLET_CREW_KEY_REFUSED', waitMs: 60_000 }],
    ['403 waits for the scope', { status: 403, body: '{"title":"Forbidden"}' }, { outcome: 'later', code: 'WALLET_CREW_KEY_REFUSED' }],
    ['a page with 403 is the network\'s', { status: 403, body: '<!DOCTYPE html>' }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['429 waits as long as it says', { status: 429, headers: { 'retry-after': '7' } }, { outcome: 'later', code: 'WALLET_CREW_BUSY', waitMs: 7_000 }],
    ['429 without a time waits a little', { status: 429 }, { outcome: 'later', code: 'WALLET_CREW_BUSY', waitMs: 5_000 }],
    ['500 is tried again', { status: 500 }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE', waitMs: 1_000 }],
    ['525 with a page is tried again', { status: 525, body: '<html>' }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['a redirect is not followed', { status: 302, headers: { location: 'http://127.0.0.1:9/' } }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['silence is given up', 'silence', { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE', words: 'No answer within 200 ms.' }],
    ['a broken connection is tried again', 'hang up', { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE', words: 'No connection.' }],
  ])('%s', async (_title, answer, expected) => {
    expect(await say(answer)).toMatchObject({ id: 'c-1', ...expected });
    expect(permits.open).toBe(0);
  });

  it('what fails again and again is tried less and less often', async () => {
    const waits: unknown[] = [];
    for (const attempts of [0, 1, 2, 5, 20]) {
      waits.push(((await say({ status: 503 }, attempts)) as { waitMs?: number }).waitMs);
      clock.at += 120_000;
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 32_000, 300_000]);
  });

  it('an account that fails is left alone for a while, and is well again with its first answer', async () => {
    await say({ status: 503 });
    expect(await platform.slot('acme', 'push-update', 5)).toEqual({ waitMs: expect.any(Number) as number });
    clock.at += 60_000;
    const probe = await leave(5);
    expect(probe.items).toBe(1);
    reply = { status: 200 };
    await probe.send([update('c-2')]);
    expect(permits.history.map(({ what }) => what)).toEqual(['failed', 'recovered']);
    clock.at += 2_000;
    expect((await leave(5)).items).toBe(2);
  });

  it('takes no more calls than the tenant allows, and gives back those it does not need', async () => {
    const slot = await leave(50);
    expect(slot.items).toBe(2);
    await slot.release();
    const [one, two] = [await leave(50), await platform.slot('acme', 'push-update', 50)];
    expect([one.items, two]).toEqual([2, { waitMs: expect.any(Number) as number }]);
    reply = { status: 200 };
    expect(await one.send([update('c-9')])).toEqual([{ id: 'c-9', outcome: 'accepted' }]);
    expect(permits.open).toBe(0);
    expect(await platform.slot('nobody', 'push-update', 1)).toEqual({ waitMs: 300_000 });
  });
});
