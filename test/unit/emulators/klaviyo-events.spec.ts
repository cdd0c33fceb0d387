import { type KlaviyoEmulator, startKlaviyo } from '#emulators';
import { bulkEvents, type Caller, eventBody, klaviyoCaller, metric, profileBody } from './support/klaviyo-client.js';

let klaviyo: KlaviyoEmulator;
let call: Caller;

beforeEach(async () => {
  klaviyo = await startKlaviyo({ limits: 'off', delays: { events: 5 } });
  call = klaviyoCaller(klaviyo.url);
});
afterEach(() => klaviyo.close());

const ana = { email: 'ana@mail.example' };
const installed = 'Wallet Pass Installed';
const send = (rest = {}, profile: Record<string, unknown> = ana) => call('POST', '/api/events', eventBody(profile, installed, rest));

test('202 means accepted; the event and its profile appear later', async () => {
  // Long enough that a busy machine has heard the answer before.
  const slow = await startKlaviyo({ limits: 'off', delays: { events: 500 } });
  try {
    const { status, text } = await klaviyoCaller(slow.url)('POST', '/api/events', eventBody(ana, installed, { unique_id: 'u1' }));
    expect({ status, text }).toEqual({ status: 202, text: '' });
    expect(slow.eventCount()).toBe(0);
    await slow.settle();
    expect(slow.events({ email: ana.email })).toMatchObject([{ metric: installed, uniqueId: 'u1', email: ana.email }]);
  } finally {
    await slow.close();
  }
});

test('the same unique_id for the same person and metric counts once, the first processed wins', async () => {
  await send({ unique_id: 'u1', properties: { n: 1 } });
  await send({ unique_id: 'u1', properties: { n: 2 } });
  await call('POST', '/api/event-bulk-create-jobs', bulkEvents([{ profile: ana, events: [{ unique_id: 'u1', properties: { n: 3 } }] }]));
  await call('POST', '/api/events', eventBody(ana, 'Another metric', { unique_id: 'u1' }));
  await send({ unique_id: 'u1' }, { email: 'leo@mail.example' });
  await klaviyo.settle();
  expect(klaviyo.events({ metric: installed, email: ana.email })).toMatchObject([{ properties: { n: 1 } }]);
  expect(klaviyo.eventCount()).toBe(3);
});

test('without a unique_id one person has one event of a metric per second', async () => {
  await send({ time: '2026-09-04T10:00:00.100Z' });
  await send({ time: '2026-09-04T10:00:00.900Z' });
  await send({ time: '2026-09-04T10:00:01Z' });
  await klaviyo.settle();
  expect(klaviyo.events().map(({ time, uniqueId }) => [time, uniqueId])).toEqual([['2026-09-04T10:00:00+00:00', '1788516000'], ['2026-09-04T10:00:01+00:00', '1788516001']]);
});

test('a backfilled event is recorded and triggers no flow', async () => {
  await send({ unique_id: 'live' });
  await send({ unique_id: 'old', backfill: true });
  await call('POST', '/api/event-bulk-create-jobs', bulkEvents([{ profile: ana, backfill: true, events: [{ unique_id: 'old2' }] }, { profile: ana, events: [{ unique_id: 'live2' }] }]));
  await klaviyo.settle();
  expect(klaviyo.eventCount()).toBe(4);
  expect(klaviyo.flowsTriggered().map(({ uniqueId }) => uniqueId)).toEqual(['live', 'live2']);
});

test('the profile block of an event is an upsert', async () => {
  await call('POST', '/api/profile-import', profileBody({ ...ana, properties: { tier: 'Gold', points: 5 } }));
  await send({}, { ...ana, first_name: 'Ana', properties: { points: 3 }, meta: { patch_properties: { append: { tags: 'x' } } } });
  await klaviyo.settle();
  expect(klaviyo.profile(ana)).toMatchObject({ first_name: 'Ana', properties: { tier: 'Gold', points: 3, tags: ['x'] } });
});

test('an event with the identifiers of two profiles merges the one known only by the weaker', async () => {
  await call('POST', '/api/profile-import', profileBody({ external_id: 'C-1' }));
  await call('POST', '/api/profile-import', profileBody({ ...ana, properties: { from: 'newsletter' } }));
  await send({}, { external_id: 'C-1', ...ana });
  await klaviyo.settle();
  expect(klaviyo.profiles()).toMatchObject([{ external_id: 'C-1', email: ana.email, properties: { from: 'newsletter' } }]);
});

test('an event never takes an address from somebody with a stronger identity of their own', async () => {
  await call('POST', '/api/profile-import', profileBody({ external_id: 'C-1' }));
  await call('POST', '/api/profile-import', profileBody({ external_id: 'C-2', ...ana }));
  await send({}, { external_id: 'C-1', ...ana });
  await klaviyo.settle();
  expect(klaviyo.profile({ externalId: 'C-2' })!.email).toBe(ana.email);
  expect(klaviyo.events({ externalId: 'C-1' })).toHaveLength(1);
});

const at = '/data/attributes/events-bulk-create/data';

test.each([
  ['an unknown field', { colour: 'red' }, `${at}/1/attributes/events/data/0/attributes`],
  ['a Unix time', { time: 1_788_516_000 }, `${at}/1/attributes/events/data/0/attributes/time`],
  ['a time long ago', { time: '1989-01-01' }, `${at}/1/attributes/events/data/0/attributes/time`],
  ['a metric without a name', { metric: metric('') }, `${at}/1/attributes/events/data/0/attributes/metric/data/attributes/name`],
  ['a long text', { properties: { text: 'é'.repeat(60_000) } }, `${at}/1/attributes/events/data/0/attributes/properties`],
  ['401 properties', { properties: Object.fromEntries(Array.from({ length: 401 }, (_, n) => [`p${n}`, n])) }, `${at}/1/attributes/events/data/0/attributes/properties`],
  ['a long unique_id', { unique_id: 'x'.repeat(256) }, `${at}/1/attributes/events/data/0/attributes/unique_id`],
  ['a number as unique_id', { unique_id: 7 }, `${at}/1/attributes/events/data/0/attributes/unique_id`],
])('%s spoils the whole batch, and the pointer names the culprit', async (_, bad, pointer) => {
  const { status, body } = await call('POST', '/api/event-bulk-create-jobs', bulkEvents([{ profile: ana, events: [{ unique_id: 'good' }] }, { profile: ana, events: [bad] }]));
  expect(status).toBe(400);
  expect(body.errors).toMatchObject([{ code: 'invalid', source: { pointer } }]);
  await klaviyo.settle();
  expect(klaviyo.eventCount()).toBe(0);
});

test('a unique_id repeated within a batch refuses the batch', async () => {
  const { status, body } = await call('POST', '/api/event-bulk-create-jobs', bulkEvents([{ profile: ana, events: [{ unique_id: 'u' }] }, { profile: { email: 'leo@mail.example' }, events: [{ unique_id: 'u' }] }, { profile: { email: 'ANA@mail.example' }, events: [{ unique_id: 'u' }] }]));
  expect(status).toBe(400);
  expect(body.errors).toMatchObject([{ source: { pointer: `${at}/2/attributes/events/data/0/attributes/unique_id` } }]);
});

test('a batch takes 1 000 events in all and not one more', async () => {
  const batch = (size: number) => bulkEvents([{ profile: ana, events: Array.from({ length: size }, (_, n) => ({ unique_id: `u${n}` })) }]);
  expect((await call('POST', '/api/event-bulk-create-jobs', batch(1001))).status).toBe(400);
  expect((await call('POST', '/api/event-bulk-create-jobs', batch(1000))).status).toBe(202);
});

test('a body of more than 5 MB is refused, however small it is compressed', async () => {
  const { gzipSync } = await import('node:zlib');
  const response = await fetch(`${klaviyo.url}/api/event-bulk-create-jobs`, {
    method: 'POST',
    headers: { authorization: 'Klaviyo-API-Key pk_test', revision: '2026-07-15', 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: new Uint8Array(gzipSync(JSON.stringify({ data: ' '.repeat(5_000_001) }))),
  });
  expect(response.status).toBe(400);
});

test('an unusable phone number is dropped when there is a good address, and fatal when there is none', async () => {
  expect((await send({}, { ...ana, phone_number: '06 39' })).status).toBe(202);
  expect((await send({}, { phone_number: '06 39' })).status).toBe(400);
  await klaviyo.settle();
  expect(klaviyo.profiles()).toMatchObject([{ email: ana.email, phone_number: undefined }]);
});

test('events are read back by person, metric and time, with $event_id, metric and profile', async () => {
  await send({ unique_id: 'a', time: '2026-09-04T10:00:00Z', value: 12.5, value_currency: 'EUR', properties: { passId: 'p1' } });
  await send({ unique_id: 'b', time: '2026-09-04T12:00:00Z' });
  await send({ unique_id: 'c', time: '2026-09-04T11:00:00Z' }, { email: 'leo@mail.example' });
  await klaviyo.settle();
  const { id } = klaviyo.profile(ana)!;
  const mine = (await call('GET', `/api/events?filter=${encodeURIComponent(`equals(profile_id,"${id}")`)}&include=metric,profile`)).body;
  expect(mine.data.map((event: any) => event.attributes.event_properties.$event_id)).toEqual(['b', 'a']);
  expect(mine.data[1].attributes).toMatchObject({ timestamp: 1_788_516_000, event_properties: { passId: 'p1', $value: 12.5, $value_currency: 'EUR' } });
  expect(mine.included.map((one: any) => one.type)).toEqual(['metric', 'profile']);
  const late = (await call('GET', `/api/events?sort=datetime&filter=${encodeURIComponent('greater-than(datetime,2026-09-04T10:30:00Z)')}`)).body;
  expect(late.data.map((event: any) => event.attributes.event_properties.$event_id)).toEqual(['c', 'b']);
  expect((await call('GET', `/api/events/${mine.data[0].id}`)).status).toBe(200);
  expect((await call('GET', '/api/events/short')).status).toBe(400);
});

test('events at example.com vanish after their 202 when that is asked for', async () => {
  await klaviyo.close();
  klaviyo = await startKlaviyo({ dropTestDomains: true, delays: { events: 0 } });
  expect((await klaviyoCaller(klaviyo.url)('POST', '/api/events', eventBody({ email: 'ana@example.com' }, installed))).status).toBe(202);
  await klaviyo.settle();
  expect(klaviyo.eventCount()).toBe(0);
  expect(klaviyo.lostEvents()).toMatchObject([{ reason: 'test domain' }]);
});
