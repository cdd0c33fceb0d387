import { FaultPlan, type FaultRule, type KlaviyoEmulator, startKlaviyo, startWalletCrew } from '#emulators';
import { closing } from './support/closing.js';
import { type Caller, eventBody, klaviyoCaller } from './support/klaviyo-client.js';

let klaviyo: KlaviyoEmulator;
let call: Caller;
beforeEach(async () => {
  klaviyo = await startKlaviyo({ limits: 'off', delays: { events: 0 } });
  call = klaviyoCaller(klaviyo.url);
});
afterEach(() => klaviyo.close());

const send = (uniqueId: string) => call('POST', '/api/events', eventBody({ email: 'ana@mail.example' }, 'X', { unique_id: uniqueId }));

test.each([
  [{ kind: 'status', status: 500 }, 'application/vnd.api+json'],
  [{ kind: 'status', status: 503, retryAfter: 7 }, 'application/vnd.api+json'],
  [{ kind: 'status', status: 429 }, 'application/vnd.api+json'],
  [{ kind: 'status', status: 524 }, 'text/html; charset=UTF-8'],
  [{ kind: 'status', status: 525 }, 'text/html; charset=UTF-8'],
  [{ kind: 'status', status: 403, html: true }, 'text/html; charset=UTF-8'],
] as [Extract<FaultRule, { kind: 'status' }>, string][])('%j is answered instead of doing the work', async (fault, type) => {
  klaviyo.faults.set([fault]);
  const { status, headers, text } = await send('u1');
  expect([status, headers.get('content-type'), headers.get('retry-after')]).toEqual([fault.status, type, fault.retryAfter === undefined ? null : String(fault.retryAfter)]);
  if (type.startsWith('text/html')) expect(text).toContain('Cloudflare');
  await klaviyo.settle();
  expect(klaviyo.eventCount()).toBe(0);
});

test('a dropped connection may have done its work: sending again with the same unique_id is safe', async () => {
  klaviyo.faults.set([{ kind: 'drop', operation: 'create_event', times: 1 }]);
  await expect(send('u1')).rejects.toThrow();
  expect((await send('u1')).status).toBe(202);
  await klaviyo.settle();
  expect(klaviyo.eventCount()).toBe(1);
});

test('a reset connection has done nothing', async () => {
  klaviyo.faults.set([{ kind: 'reset', times: 1 }]);
  await expect(send('u1')).rejects.toThrow();
  await klaviyo.settle();
  expect(klaviyo.eventCount()).toBe(0);
  expect(klaviyo.requests().map(({ status, fault }) => [status, fault])).toEqual([['reset', 'reset']]);
});

test('a hanging call is never answered, and the emulator still closes', async () => {
  klaviyo.faults.set([{ kind: 'hang' }]);
  await expect(fetch(`${klaviyo.url}/api/lists`, { signal: AbortSignal.timeout(60) })).rejects.toThrow();
  const waiting = expect(fetch(`${klaviyo.url}/api/lists`)).rejects.toThrow();
  await new Promise((resolve) => setTimeout(resolve, 30));
  await klaviyo.close();
  await waiting;
});

test('a slow answer is late, a malformed one is cut', async () => {
  klaviyo.faults.set([{ kind: 'slow', ms: 80, operation: 'get_lists' }, { kind: 'malformed', operation: 'get_profiles' }]);
  const started = performance.now();
  expect((await call('GET', '/api/lists')).status).toBe(200);
  expect(performance.now() - started).toBeGreaterThanOrEqual(75);
  expect(await call('GET', '/api/profiles')).toMatchObject({ status: 200, body: undefined });
});

test('rules choose operations, counts and shares; the same seed fails the same requests', () => {
  const play = (seed: number) => {
    const plan = new FaultPlan(seed);
    plan.set([{ kind: 'status', status: 500, probability: 0.3 }]);
    return Array.from({ length: 50 }, () => plan.strike('get_lists') !== undefined);
  };
  expect(play(7)).toEqual(play(7));
  expect(play(7)).not.toEqual(play(8));
  const plan = new FaultPlan();
  plan.set([{ kind: 'reset', operation: ['a', 'b'], after: 1, times: 2 }]);
  expect(['a', 'c', 'b', 'a', 'a'].map((operation) => plan.strike(operation)?.kind)).toEqual([undefined, undefined, 'reset', 'reset', undefined]);
  expect(plan.report()).toMatchObject([{ seen: 4, hits: 2 }]);
  plan.clear();
  expect(plan.strike('a')).toBeUndefined();
});

test('another process sets faults over HTTP', async () => {
  const rules = [{ kind: 'status', status: 502 }];
  await fetch(`${klaviyo.url}/__emulator/faults`, { method: 'POST', body: JSON.stringify(rules) });
  expect((await call('GET', '/api/lists')).status).toBe(502);
  await fetch(`${klaviyo.url}/__emulator/reset`, { method: 'POST' });
  expect((await call('GET', '/api/lists')).status).toBe(200);
});

test('The Wallet Crew fails in the same ways, in its own words', async () => {
  const walletCrew = closing(await startWalletCrew());
  walletCrew.faults.set([{ kind: 'status', status: 503, operation: 'list_passes', retryAfter: 2 }]);
  const response = await fetch(`${walletCrew.url}/api/acme/passes`, { headers: { 'X-API-KEY': 'wc_test' } });
  expect([response.status, response.headers.get('retry-after'), response.headers.get('content-type')]).toEqual([503, '2', 'application/problem+json']);
});
