import { type KlaviyoEmulator, startKlaviyo } from '#emulators';
import { type Caller, importBody, klaviyoCaller, profileBody, subscribeBody, unsubscribeBody } from './support/klaviyo-client.js';

let klaviyo: KlaviyoEmulator;
let call: Caller;

beforeEach(async () => {
  klaviyo = await startKlaviyo({
    limits: 'off',
    delays: { subscriptions: 0, imports: 0 },
    lists: [{ id: 'NewsLt', name: 'Newsletter' }, { id: 'Double', name: 'Double', opt_in_process: 'double_opt_in' }],
  });
  call = klaviyoCaller(klaviyo.url);
});
afterEach(() => klaviyo.close());

const ana = { email: 'ana@mail.example' };

async function after(path: string, body: unknown): Promise<number> {
  const { status } = await call('POST', path, body);
  await klaviyo.settle();
  return status;
}
const subscribe = (body: unknown) => after('/api/profile-subscription-bulk-create-jobs', body);
const unsubscribe = (body: unknown) => after('/api/profile-subscription-bulk-delete-jobs', body);
const suppression = (name: string) => after(`/api/profile-suppression-bulk-${name}-jobs`, { data: { type: `profile-suppression-bulk-${name}-job`, attributes: { profiles: { data: [{ type: 'profile', attributes: ana }] } } } });

test('subscribing to a list creates the person, records consent with its source, and starts the list\'s flows', async () => {
  expect(await subscribe(subscribeBody([ana], { list: 'NewsLt', source: 'Shop till' }))).toBe(202);
  expect(klaviyo.subscriptions(ana)?.email).toMatchObject({ consent: 'SUBSCRIBED', customSource: 'Shop till', canReceive: true });
  expect(klaviyo.listMembers('Newsletter').map(({ email }) => email)).toEqual([ana.email]);
  expect(klaviyo.flowsTriggered()).toMatchObject([{ trigger: 'list', listId: 'NewsLt' }]);
});

test('subscribing an unknown address without a list does nothing at all, with 202', async () => {
  expect(await subscribe(subscribeBody([ana]))).toBe(202);
  expect(klaviyo.profileCount()).toBe(0);
});

test('subscribing a known person without a list works', async () => {
  await call('POST', '/api/profile-import', profileBody(ana));
  await subscribe(subscribeBody([ana]));
  expect(klaviyo.subscriptions(ana)?.email.consent).toBe('SUBSCRIBED');
});

test('only the channels that are named change', async () => {
  await subscribe(subscribeBody([{ ...ana, phone_number: '+33639980001', subscriptions: { sms: { marketing: { consent: 'SUBSCRIBED' } } } }], { list: 'NewsLt' }));
  expect(klaviyo.subscriptions(ana)).toMatchObject({ email: { consent: 'NEVER_SUBSCRIBED' }, sms: { consent: 'SUBSCRIBED' } });
});

test('a double opt-in list waits for the person to confirm', async () => {
  await subscribe(subscribeBody([ana], { list: 'Double' }));
  expect(klaviyo.subscriptions(ana)?.email.consent).toBe('NEVER_SUBSCRIBED');
  expect(klaviyo.listMembers('Double')).toEqual([]);
  expect(klaviyo.confirmOptIn(ana)).toBe(1);
  expect(klaviyo.subscriptions(ana)?.email.consent).toBe('SUBSCRIBED');
  expect(klaviyo.listMembers('Double')).toHaveLength(1);
});

test('a historical import bypasses double opt-in and flows and keeps the day of consent', async () => {
  expect(await subscribe(subscribeBody([ana], { list: 'Double', historical: true, consentedAt: '2025-03-01T10:00:00Z' }))).toBe(202);
  expect(klaviyo.subscriptions(ana)?.email).toMatchObject({ consent: 'SUBSCRIBED', consentedAt: '2025-03-01T10:00:00.000000+00:00' });
  expect(klaviyo.flowsTriggered()).toEqual([]);
});

test.each([
  ['consented_at without historical_import', subscribeBody([ana], { consentedAt: '2025-03-01T10:00:00Z' })],
  ['historical_import without consented_at', subscribeBody([ana], { historical: true })],
  ['consent given in the future', subscribeBody([ana], { historical: true, consentedAt: '2099-01-01T00:00:00Z' })],
  ['consent before 1990', subscribeBody([ana], { historical: true, consentedAt: '1989-12-31T00:00:00Z' })],
  ['SMS without a number', subscribeBody([{ ...ana, subscriptions: { sms: { marketing: { consent: 'SUBSCRIBED' } } } }])],
  ['a number that is not E.164', subscribeBody([{ phone_number: '06 39 98 00 01' }])],
  ['1 001 people', subscribeBody(Array.from({ length: 1001 }, (_, n) => ({ email: `p${n}@mail.example` })))],
])('%s is refused', async (_, body) => {
  expect(await subscribe(body)).toBe(400);
});

test('one bad number refuses the whole batch and the pointer names it', async () => {
  const { status, body } = await call('POST', '/api/profile-subscription-bulk-create-jobs', subscribeBody([ana, { phone_number: '123' }], { list: 'NewsLt' }));
  expect(status).toBe(400);
  expect(body.errors).toMatchObject([{ source: { pointer: '/data/attributes/profiles/data/1/attributes/phone_number' } }]);
  await klaviyo.settle();
  expect(klaviyo.profileCount()).toBe(0);
});

test('a number outside the regions the account sends SMS to refuses the batch', async () => {
  await klaviyo.close();
  klaviyo = await startKlaviyo({ supportsSms: ['+33'], lists: [{ id: 'NewsLt', name: 'Newsletter' }] });
  call = klaviyoCaller(klaviyo.url);
  const status = async (phone_number: string) => (await call('POST', '/api/profile-subscription-bulk-create-jobs', subscribeBody([{ phone_number }], { list: 'NewsLt' }))).status;
  expect([await status('+33639980001'), await status('+34600000001')]).toEqual([202, 400]);
});

test('leaving a list keeps every other consent', async () => {
  await subscribe(subscribeBody([ana], { list: 'NewsLt' }));
  await unsubscribe(unsubscribeBody([ana], 'NewsLt'));
  expect(klaviyo.subscriptions(ana)?.email).toMatchObject({ consent: 'SUBSCRIBED', suppression: [], listSuppressions: ['NewsLt'] });
  expect(klaviyo.listMembers('NewsLt')).toEqual([]);
});

test('"leaving" a list somebody is not on unsubscribes them from everything', async () => {
  await subscribe(subscribeBody([ana], { list: 'NewsLt' }));
  await unsubscribe(unsubscribeBody([ana], 'Double'));
  expect(klaviyo.subscriptions(ana)?.email).toMatchObject({ consent: 'UNSUBSCRIBED', suppression: ['UNSUBSCRIBE'], canReceive: false });
});

test('at most 100 people are unsubscribed at a time', async () => {
  expect(await unsubscribe(unsubscribeBody(Array.from({ length: 101 }, (_, n) => ({ email: `p${n}@mail.example` }))))).toBe(400);
});

test('subscribing lifts an unsubscribe and a manual suppression', async () => {
  await subscribe(subscribeBody([ana], { list: 'NewsLt' }));
  await unsubscribe(unsubscribeBody([ana]));
  await suppression('create');
  expect(klaviyo.subscriptions(ana)?.email.suppression).toEqual(['UNSUBSCRIBE', 'USER_SUPPRESSED']);
  await subscribe(subscribeBody([ana], { list: 'NewsLt' }));
  expect(klaviyo.subscriptions(ana)?.email).toMatchObject({ suppression: [], consent: 'SUBSCRIBED' });
});

test('unsuppressing lifts only what was suppressed by hand', async () => {
  await subscribe(subscribeBody([ana], { list: 'NewsLt' }));
  await unsubscribe(unsubscribeBody([ana]));
  await suppression('create');
  await suppression('delete');
  expect(klaviyo.subscriptions(ana)?.email).toMatchObject({ suppression: ['UNSUBSCRIBE'], consent: 'UNSUBSCRIBED' });
});

test('importing people or adding them to a list gives no consent', async () => {
  await call('POST', '/api/profile-bulk-import-jobs', importBody([ana], ['NewsLt']));
  await klaviyo.settle();
  expect(klaviyo.listMembers('NewsLt')).toHaveLength(1);
  expect(klaviyo.subscriptions(ana)?.email.consent).toBe('NEVER_SUBSCRIBED');
});
