import { type KlaviyoEmulator, type KlaviyoOptions, startKlaviyo } from '#emulators';
import { eventBody, klaviyoCaller, profileBody } from './support/klaviyo-client.js';

let klaviyo: KlaviyoEmulator;
let clock: number;
afterEach(() => klaviyo.close());

async function start(options: KlaviyoOptions = {}) {
  clock = Date.parse('2026-09-04T10:00:00Z');
  klaviyo = await startKlaviyo({ now: () => clock, ...options });
  return klaviyoCaller(klaviyo.url);
}

const repeat = async (times: number, ask: () => Promise<{ status: number }>) => {
  const statuses: number[] = [];
  for (let n = 0; n < times; n++) statuses.push((await ask()).status);
  return statuses;
};

test('ten bulk requests in a second are fine, the eleventh waits', async () => {
  const call = await start();
  const ask = () => call('GET', '/api/metrics');
  expect(new Set(await repeat(10, ask))).toEqual(new Set([200]));
  const refused = await ask();
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(refused.headers.get('ratelimit-limit')).toBeNull();
  expect(refused.body.errors[0]).toMatchObject({ status: 429, code: 'throttled', title: 'Request was throttled.', detail: 'Request was throttled. Expected available in 1 second.' });
  clock += 1000;
  expect((await ask()).status).toBe(200);
});

test('the minute has a limit of its own', async () => {
  const call = await start();
  const ask = () => call('GET', '/api/accounts');
  for (let n = 0; n < 15; n++) {
    expect((await ask()).status).toBe(200);
    clock += 1000;
  }
  const refused = await ask();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '45']);
  clock += 45_000;
  expect((await ask()).status).toBe(200);
});

test('the headers are those a live account sends', async () => {
  const call = await start();
  const { headers } = await call('POST', '/api/profile-import', profileBody({ email: 'ana@mail.example' }));
  expect([headers.get('ratelimit-limit'), headers.get('ratelimit-remaining'), headers.get('ratelimit-reset')]).toEqual(['75, 75;w=1, 750;w=60', '74', '0']);
  const refused = await call('POST', '/api/profile-import', profileBody({ email: 'nonsense' }));
  expect([refused.status, refused.headers.get('ratelimit-remaining')]).toEqual([400, '73']);
  expect((await klaviyoCaller(klaviyo.url, 'pk_wrong')('GET', '/api/lists')).headers.get('ratelimit-limit')).toBeNull();
});

test('every operation counts for itself; the keys of one account count together', async () => {
  await start({ accounts: { pk_a: { id: 'AccOne' }, pk_b: { id: 'AccOne' }, pk_c: { id: 'AccTwo' } } });
  const ask = (key: string, path: string) => klaviyoCaller(klaviyo.url, key)('GET', path);
  expect((await ask('pk_a', '/api/accounts')).status).toBe(200);
  expect((await ask('pk_b', '/api/accounts')).status).toBe(429);
  expect((await ask('pk_c', '/api/accounts')).status).toBe(200);
  expect((await ask('pk_a', '/api/lists')).status).toBe(200);
});

test('reading one profile with its lists costs a much narrower bucket', async () => {
  const call = await start();
  const { id } = (await call('POST', '/api/profile-import', profileBody({ email: 'ana@mail.example' }))).body.data;
  expect((await call('GET', `/api/profiles/${id}?include=lists`)).headers.get('ratelimit-limit')).toBe('1, 1;w=1, 15;w=60');
  expect((await call('GET', `/api/profiles/${id}?include=lists`)).status).toBe(429);
  expect((await call('GET', `/api/profiles/${id}`)).status).toBe(200);
});

test('150 lists a day', async () => {
  const call = await start();
  const ask = () => call('POST', '/api/lists', { data: { type: 'list', attributes: { name: 'L' } } });
  for (let n = 0; n < 150; n++) {
    expect((await ask()).status).toBe(201);
    clock += 500;
  }
  clock += 60_000;
  const refused = await ask();
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3600);
});

test('a sliding window also catches a burst across the edge of a fixed one', async () => {
  const burst = async (window: 'fixed' | 'sliding') => {
    const call = await start({ window });
    const ask = () => call('GET', '/api/metrics');
    await ask();
    clock += 990;
    const early = await repeat(9, ask);
    clock += 20;
    const late = await repeat(10, ask);
    return [...early, ...late].filter((status) => status === 429).length;
  };
  expect(await burst('fixed')).toBe(0);
  await klaviyo.close();
  expect(await burst('sliding')).toBe(9);
});

test('compressed time lets a minute pass in a second', async () => {
  const call = await start({ timeScale: 60 });
  const ask = () => call('GET', '/api/accounts');
  await ask();
  clock += 17;
  expect((await ask()).status).toBe(200);
  expect((await ask()).status).toBe(429);
});

test('limits can be changed or switched off', async () => {
  const call = await start({ limits: { create_event: { burstPerSecond: 1, steadyPerMinute: 60, scopes: [], maxItems: 1 } } });
  const ask = () => call('POST', '/api/events', eventBody({ email: 'ana@mail.example' }, 'X'));
  expect(await repeat(2, ask)).toEqual([202, 429]);
  klaviyo.resetLimits();
  expect(await repeat(1, ask)).toEqual([202]);
  expect(klaviyo.stats()).toMatchObject({ requests: 3, throttled: 1, operations: { create_event: { byStatus: { 202: 2, 429: 1 } } } });
});
