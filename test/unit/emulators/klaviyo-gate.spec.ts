import { type KlaviyoEmulator, startKlaviyo } from '#emulators';
import { type Caller, klaviyoCaller, profileBody } from './support/klaviyo-client.js';

let klaviyo: KlaviyoEmulator;
let call: Caller;
beforeEach(async () => {
  klaviyo = await startKlaviyo({ limits: 'off', accounts: { pk_full: {}, pk_read: { id: 'AccRd1', scopes: ['profiles:read'] }, oauth_token: { oauth: true } } });
  call = klaviyoCaller(klaviyo.url, 'pk_full');
});
afterEach(() => klaviyo.close());

const ana = profileBody({ email: 'ana@mail.example' });

test('a call without a known key is 401, with the words Klaviyo uses', async () => {
  for (const authorization of ['', 'Klaviyo-API-Key pk_wrong', 'Bearer pk_full', 'Basic abc', 'Klaviyo-API-Key oauth_token']) {
    const { status, body } = await call('GET', '/api/profiles', undefined, { authorization });
    expect([authorization, status, body.errors[0].code, body.errors[0].source.pointer]).toEqual([authorization, 401, 'authentication_failed', '/data/']);
  }
  expect((await call('GET', '/api/profiles', undefined, { authorization: 'Bearer oauth_token' })).status).toBe(200);
});

test('a key does what its scopes allow', async () => {
  const reader = klaviyoCaller(klaviyo.url, 'pk_read');
  expect((await reader('GET', '/api/profiles')).status).toBe(200);
  expect(await reader('POST', '/api/profile-import', ana)).toMatchObject({ status: 403, body: { errors: [{ code: 'permission_denied' }] } });
});

test('every call names its revision', async () => {
  expect((await call('GET', '/api/profiles', undefined, { revision: '' })).status).toBe(400);
  expect((await call('GET', '/api/profiles', undefined, { revision: 'latest' })).status).toBe(400);
});

test('a retired revision falls forward silently, unless the caller opts out', async () => {
  expect((await call('GET', '/api/profiles', undefined, { revision: '2023-02-22' })).status).toBe(200);
  expect((await call('GET', '/api/profiles', undefined, { revision: '2023-02-22', 'X-Klaviyo-Revision-Fall-Forward-Opt-Out': '1' })).status).toBe(410);
});

test('both JSON media types are taken and nothing else', async () => {
  const send = async (type: string) => (await call('POST', '/api/profile-import', ana, { 'content-type': type })).status;
  expect(await send('application/json')).toBe(201);
  expect(await send('application/vnd.api+json; charset=utf-8')).toBe(200);
  expect(await send('text/plain')).toBe(415);
  expect((await call('POST', '/api/profile-import', JSON.stringify(ana), { 'content-encoding': 'zstd' })).status).toBe(415);
  expect((await call('POST', '/api/profile-import', '{"data":')).status).toBe(400);
});

test('unknown addresses are 404, wrong methods 405, a trailing slash is the same address', async () => {
  expect((await call('GET', '/api/nothing')).status).toBe(404);
  expect((await call('DELETE', '/api/profiles')).status).toBe(405);
  expect((await call('GET', '/api/profiles/')).status).toBe(200);
});

test('the account tells whether it is a test account', async () => {
  const { body } = await call('GET', '/api/accounts');
  expect(body.data).toMatchObject([{ type: 'account', attributes: { test_account: true, public_api_key: expect.stringMatching(/^\w{6}$/) } }]);
});

test('webhooks are closed to private keys', async () => {
  for (const [method, path] of [['GET', '/api/webhooks'], ['POST', '/api/webhooks'], ['GET', '/api/webhooks/x'], ['PATCH', '/api/webhooks/x'], ['DELETE', '/api/webhooks/x'], ['GET', '/api/webhook-topics'], ['GET', '/api/webhook-topics/x']] as const) {
    const { status, body } = await call(method, path, method === 'POST' || method === 'PATCH' ? {} : undefined);
    expect([status, body.errors[0].detail]).toEqual([403, 'You must have Advanced KDP enabled to use this endpoint.']);
  }
});
