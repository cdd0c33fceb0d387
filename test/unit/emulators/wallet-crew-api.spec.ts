import { type StoryEvent, startWalletCrew, type WalletCrewEmulator } from '#emulators';

let walletCrew: WalletCrewEmulator;
beforeEach(async () => {
  walletCrew = await startWalletCrew({ tenants: { acme: { apiKeys: { wc_full: ['*'], wc_read: ['Pass.Read'] } }, other: { apiKeys: { wc_other: ['*'] } } } });
});
afterEach(() => walletCrew.close());

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = { 'X-API-KEY': 'wc_full' }) {
  const response = await fetch(walletCrew.url + path, { method, headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }), redirect: 'manual' });
  const text = await response.text();
  let parsed: any;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: response.status, headers: response.headers, text, body: parsed };
}

const identifiers = { customerId: 'C-1', email: 'ana@mail.example', 'y2.customerId': 'Y-1' };
const create = async (extra: Record<string, unknown> = {}, passType = 'loyalty') => (await call('POST', `/api/acme/passes?passType=${passType}`, { identifiers, ...extra })).text;
const install = (passId: string, device: 'apple' | 'google', kind: string, count: number): StoryEvent => ({ kind, at: '2026-09-04T10:00:00.000Z', identifiers, passId, device, additionalInformation: { activeRegistrationCount: count } });

test('401 without a valid key of this tenant, 403 without the scope, both as ProblemDetails', async () => {
  for (const [headers, status] of [[{}, 401], [{ 'X-API-KEY': 'wrong' }, 401], [{ 'X-API-KEY': 'wc_other' }, 401], [{ 'X-API-KEY': 'wc_read' }, 403]] as const) {
    const answer = await call('POST', '/api/acme/passes?passType=loyalty', { identifiers }, headers);
    expect([answer.status, answer.headers.get('content-type'), answer.body.status]).toEqual([status, 'application/problem+json', status]);
  }
  expect((await call('GET', '/api/acme/passes', undefined, { 'X-API-KEY': 'wc_read' })).status).toBe(200);
  expect((await call('GET', '/api/nobody/passes')).status).toBe(404);
});

test('a created pass is answered by its id as text, and found by its identifiers', async () => {
  const id = await create();
  expect(id).toMatch(/^[\w-]{5,50}$/);
  expect(await call('GET', '/api/acme/passes/findPass?passType=loyalty&y2.customerId=Y-1&customerId.hmac=abc', undefined, {})).toMatchObject({ status: 200, text: id });
  expect((await call('GET', '/api/acme/passes/findPass?passType=gift&customerId=C-1')).status).toBe(204);
  expect(await call('GET', '/api/acme/passes/findPass?customerId=C-1', undefined, { accept: 'application/json' })).toMatchObject({ body: id });
});

test('passes are listed page by page, filtered and sorted, with the total in a header', async () => {
  for (let n = 0; n < 25; n++) await call('POST', `/api/acme/passes?passType=${n % 2 ? 'gift' : 'loyalty'}`, { identifiers: { customerId: `N-${String(n).padStart(2, '0')}` }, metadata: { storeId: n < 5 ? 'Paris' : 'Lyon' } });
  const page = async (query: string) => call('GET', `/api/acme/passes?${query}`);
  const first = await page('');
  expect([first.body.length, first.headers.get('x-pagination-total')]).toEqual([20, '25']);
  expect((await page('pageIndex=1&pageSize=20')).body).toHaveLength(5);
  const filtered = await page('filter[0].field=passType&filter[0].operator=equals&filter[0].value=loyalty&filter[1].field=metadata.storeId&filter[1].operator=contains&filter[1].value=Par&sortBy[0].field=identifiers.customerId&sortBy[0].direction=DESC');
  expect(filtered.body.map((pass: any) => pass.identifiers.customerId)).toEqual(['N-04', 'N-02', 'N-00']);
  expect(filtered.body[0]).toEqual({ id: expect.any(String), secret: expect.any(String), creationDate: expect.any(String), lastUpdateDate: expect.any(String), passType: 'loyalty', identifiers: { customerId: 'N-04' }, metadata: { storeId: 'Paris' }, additionalData: {}, providers: {} });
  for (const bad of ['pageSize=101', 'pageIndex=-1', 'filter[0].field=age&filter[0].operator=equals&filter[0].value=1', 'filter[0].field=passType&filter[0].operator=greaterThan&filter[0].value=1', 'sortBy[0].field=id&sortBy[0].direction=UP']) {
    expect([bad, (await page(bad)).status]).toEqual([bad, 400]);
  }
});

test('installs and uninstalls show in the providers, and only the last device empties a wallet', async () => {
  const id = await create();
  const installed = async (wallet: string) => (await call('GET', `/api/acme/passes?filter[0].field=installationStatus&filter[0].operator=contains&filter[0].value=${wallet}`)).body.length;
  walletCrew.hold([install(id, 'apple', 'Pass:Installed', 1), install(id, 'apple', 'Pass:Installed', 2), install(id, 'apple', 'Pass:Uninstalled', 1)]);
  expect([await installed('apple'), await installed('google')]).toEqual([1, 0]);
  walletCrew.hold([install(id, 'apple', 'Pass:Uninstalled', 0)]);
  expect(await installed('apple')).toBe(0);
  expect(walletCrew.pass({ id })!.providers).toEqual({});
});

test('the Klaviyo listener updates the pass all identifiers agree on, and answers nothing', async () => {
  const id = await create();
  const push = (body: unknown, headers?: Record<string, string>) => call('POST', '/api/acme/webhooks/listeners/klaviyo/passes/pushUpdate', body, headers);
  expect(await push({ identifiers: { email: 'ana@mail.example' }, passType: 'loyalty-gold', additionalData: { points: 1250 }, updateMetadata: false })).toMatchObject({ status: 200, text: '' });
  expect(walletCrew.pass({ id })).toMatchObject({ passType: 'loyalty-gold', additionalData: { points: 1250 } });
  expect(await push({ identifiers: { email: 'ana@mail.example', customerId: 'C-2' } })).toMatchObject({ status: 404, text: '' });
  expect((await push({ additionalData: {} })).status).toBe(400);
  expect((await push({ identifiers: {} }, { 'X-API-KEY': 'wc_read' })).status).toBe(403);
});

test('a pass is updated by id or identifiers, and notified', async () => {
  const id = await create();
  expect((await call('PATCH', `/api/acme/passes/${id}?passType=vip`, { additionalData: { a: 1 } })).status).toBe(200);
  expect((await call('PATCH', '/api/acme/passes?passType=vip', { identifiers: { customerId: 'C-1' }, metadata: { tier: 'Gold' } })).status).toBe(200);
  expect(walletCrew.pass({ id })).toMatchObject({ passType: 'vip', additionalData: { a: 1 }, metadata: { tier: 'Gold' } });
  expect((await call('PATCH', '/api/acme/passes/nobody-here', {})).status).toBe(404);
  expect((await call('POST', `/api/acme/passes/${id}/notifications`, { content: null })).status).toBe(400);
  expect((await call('POST', `/api/acme/passes/${id}/notifications`, { localizedContent: { fr: 'Bonjour' } })).status).toBe(200);
  expect(walletCrew.notifications()).toMatchObject([{ passId: id, content: null, localizedContent: { fr: 'Bonjour' } }]);
});

test('a customer is authenticated to a token, which opens the pages of a message', async () => {
  walletCrew.hold([{ kind: 'Customer:Upserted', at: '2026-09-04T10:00:00Z', identifiers, account: { firstName: '<Ana>' } }]);
  const ask = (provider: string, body: unknown) => call('POST', `/api/acme/customer/authenticate${provider}`, body, {});
  expect((await ask('', identifiers)).status).toBe(400);
  expect((await ask('?provider=klaviyo', { email: 'nobody@mail.example' })).status).toBe(422);
  const { text: token } = await ask('?provider=klaviyo', { identifiers: { email: 'ana@mail.example' } });
  for (const path of ['mail', 'mail/confirm']) {
    const page = await call('GET', `/acme/${path}?neo.authToken=${encodeURIComponent(token)}`, undefined, {});
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.text).toContain('&lt;Ana&gt;');
    expect((await call('GET', `/acme/${path}?neo.authToken=${token}x`, undefined, {})).status).toBe(401);
    expect((await call('GET', `/acme/${path}`, undefined, {})).status).toBe(401);
  }
  expect((await call('GET', '/api/acme/customer', undefined, { authorization: `Bearer ${token}` })).body).toEqual({ firstName: '<Ana>' });
});

test('webhook subscriptions are created, read, changed and removed', async () => {
  const created = await call('POST', '/api/acme/webhooks', { endpoint: 'https://connector.example/hook', events: ['Customer:*'], description: 'Klaviyo connector' });
  expect(created).toMatchObject({ status: 200, body: { id: expect.stringMatching(/^\w{5}$/), signatureSecret: expect.stringMatching(/^\w{64}$/), enabled: true } });
  const path = `/api/acme/webhooks/${created.body.id}`;
  expect((await call('GET', path)).body).toEqual(created.body);
  expect((await call('PATCH', path, { enabled: false })).body.enabled).toBe(false);
  expect((await call('GET', '/api/acme/webhooks')).body).toHaveLength(1);
  expect((await call('POST', '/api/acme/webhooks', { endpoint: 'nowhere', events: [] })).body.errors).toEqual({ endpoint: [expect.any(String)], events: [expect.any(String)] });
  expect((await call('DELETE', path)).status).toBe(204);
  expect((await call('GET', path)).status).toBe(404);
});
