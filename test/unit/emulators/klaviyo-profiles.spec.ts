import { type KlaviyoEmulator, startKlaviyo } from '#emulators';
import { type Caller, klaviyoCaller, profileBody } from './support/klaviyo-client.js';

let klaviyo: KlaviyoEmulator;
let call: Caller;

beforeEach(async () => {
  klaviyo = await startKlaviyo({ limits: 'off', delays: { other: 0 } });
  call = klaviyoCaller(klaviyo.url);
});
afterEach(() => klaviyo.close());

const save = (attributes: Record<string, unknown>, rest = {}) => call('POST', '/api/profile-import', profileBody(attributes, rest));

test('a profile is created once and updated after that: 201, then 200', async () => {
  const first = await save({ email: 'ana@mail.example' });
  const second = await save({ email: 'ANA@mail.example', first_name: 'Ana' });
  expect([first.status, second.status]).toEqual([201, 200]);
  expect(second.body.data.id).toBe(first.body.data.id);
  expect(first.body.data.id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(first.body.data.attributes.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/);
});

test('what is missing stays, null clears', async () => {
  await save({ email: 'ana@mail.example', phone_number: '+33639980001', first_name: 'Ana', properties: { points: 1, tier: 'Gold', nested: { a: 1, b: 2 } } });
  await save({ email: 'ana@mail.example', phone_number: null, properties: { points: 2, nested: { a: 3 } } });
  expect(klaviyo.profile({ email: 'ana@mail.example' })).toMatchObject({ phone_number: undefined, first_name: 'Ana', properties: { points: 2, tier: 'Gold', nested: { a: 3 } } });
  expect(klaviyo.profile({ email: 'ana@mail.example' })!.properties['nested']).toEqual({ a: 3 });
});

test('append wraps a single value into a list, unappend takes out, unset removes', async () => {
  await save({ external_id: 'C-1', properties: { tag: 'one', list: [1, 2, 3], gone: true, 'a.b': 1 } });
  await save({ external_id: 'C-1' }, { meta: { patch_properties: { append: { tag: ['two'], fresh: 'x' }, unappend: { list: [2] }, unset: ['gone', 'a.b'] } } });
  expect(klaviyo.profile({ externalId: 'C-1' })!.properties).toEqual({ tag: ['one', 'two'], list: [1, 3], fresh: ['x'] });
});

test('property names with dots stay as they are', async () => {
  await save({ email: 'ana@mail.example', properties: { 'neostore.authenticationToken': 'abc' } });
  const { body } = await call('GET', '/api/profiles?filter=equals(email,"ana@mail.example")');
  expect(body.data[0].attributes.properties).toEqual({ 'neostore.authenticationToken': 'abc' });
});

test('identifiers of two different people are a conflict that names the other one', async () => {
  const ana = (await save({ external_id: 'C-1', email: 'ana@mail.example' })).body.data.id;
  const leo = (await save({ email: 'leo@mail.example' })).body.data.id;
  const conflict = { status: 409, body: { errors: [{ code: 'duplicate_profile', meta: { duplicate_profile_id: leo } }] } };
  expect(await save({ external_id: 'C-1', email: 'leo@mail.example' })).toMatchObject(conflict);
  expect(await call('PATCH', `/api/profiles/${ana}`, profileBody({ email: 'leo@mail.example' }, { id: ana }))).toMatchObject(conflict);
  expect(await call('POST', '/api/profiles', profileBody({ email: 'leo@mail.example' }))).toMatchObject(conflict);
  expect(klaviyo.profileCount()).toBe(2);
});

test('the stronger identifier decides whose profile it is', async () => {
  await save({ external_id: 'C-1', email: 'old@mail.example' });
  await save({ external_id: 'C-1', email: 'new@mail.example' });
  expect(klaviyo.profiles()).toMatchObject([{ external_id: 'C-1', email: 'new@mail.example' }]);
  expect(klaviyo.profile({ email: 'old@mail.example' })).toBeUndefined();
});

test.each([
  [{ email: 'nonsense' }, '/data/attributes/email'],
  [{ phone_number: '06 39 98 00 01' }, '/data/attributes/phone_number'],
  [{ external_id: 'x'.repeat(256) }, '/data/attributes/external_id'],
  [{ first_name: 'Nobody' }, '/data/attributes'],
  [{ email: 'ana@mail.example', firstName: 'Ana' }, '/data/attributes'],
])('%j is refused and the answer points at %s', async (attributes, pointer) => {
  const { status, body } = await save(attributes);
  expect(status).toBe(400);
  expect(body.errors[0]).toMatchObject({ code: 'invalid', source: { pointer } });
});

test('a profile of more than 100 KB is refused', async () => {
  expect((await save({ email: 'ana@mail.example', properties: { big: 'x'.repeat(100_000) } })).status).toBe(400);
});

test('updating needs the id in the body as well', async () => {
  const { id } = (await save({ email: 'ana@mail.example' })).body.data;
  expect((await call('PATCH', `/api/profiles/${id}`, profileBody({ first_name: 'Ana' }))).status).toBe(400);
  expect((await call('PATCH', `/api/profiles/${id}`, profileBody({ first_name: 'Ana' }, { id }))).status).toBe(200);
});

test('pages of profiles lead from the first to the last and back, whatever the order', async () => {
  for (let n = 0; n < 7; n++) await save({ external_id: `p${n}`, email: `p${(n * 3) % 7}@mail.example` });
  await save({ external_id: 'p2', first_name: 'changed last' });
  for (const sort of ['created', '-created', 'updated', '-updated', 'email', '-email', 'id']) {
    const seen: string[] = [];
    const starts: string[] = [];
    let url: string | null = `${klaviyo.url}/api/profiles?page[size]=3&sort=${sort}`;
    let last;
    while (url) {
      last = (await call('GET', url)).body;
      starts.push(last.data[0].id);
      seen.push(...last.data.map((profile: { id: string }) => profile.id));
      url = last.links.next;
    }
    expect(new Set(seen).size).toBe(7);
    expect(seen).toHaveLength(7);
    const back = (await call('GET', last.links.prev)).body;
    expect(back.data[0].id).toBe(starts[1]);
    expect(back.data).toHaveLength(3);
  }
});

test('profiles are found by any identifier and by when they changed', async () => {
  await save({ email: 'ana@mail.example', phone_number: '+33639980001', external_id: 'C,1"x' });
  const middle = (await save({ email: 'leo@mail.example' })).body.data.attributes.updated;
  await save({ email: 'mia@mail.example' });
  const find = async (filter: string) => (await call('GET', `/api/profiles?filter=${encodeURIComponent(filter)}`)).body.data.map((profile: any) => profile.attributes.email);
  expect(await find('any(email,["ana@mail.example","leo@mail.example","nobody@mail.example"])')).toEqual(['ana@mail.example', 'leo@mail.example']);
  expect(await find('equals(phone_number,"+33639980001")')).toEqual(['ana@mail.example']);
  expect(await find('equals(external_id,"C,1\\"x")')).toEqual(['ana@mail.example']);
  expect(await find(`greater-than(updated,${middle})`)).toEqual(['mia@mail.example']);
  expect(await find(`less-than(created,${middle}),any(email,["ana@mail.example","mia@mail.example"])`)).toEqual(['ana@mail.example']);
});

test.each(['equals(properties,"x")', 'greater-or-equal(updated,2026-01-01T00:00:00Z)', 'equals(email,ana@mail.example)', 'any(email,[])', 'or(equals(id,"x"))', 'equals(email,"a"'])('the filter %s is refused', async (filter) => {
  const { status, body } = await call('GET', `/api/profiles?filter=${encodeURIComponent(filter)}`);
  expect(status).toBe(400);
  expect(body.errors[0].source).toEqual({ parameter: 'filter' });
});

test.each(['page[size]=101', 'page[size]=0', 'sort=age', 'page[cursor]=junk', 'page[number]=2', 'include=lists', 'fields[profile]=nonsense'])('the parameter %s is refused on the list of profiles', async (parameter) => {
  expect((await call('GET', `/api/profiles?${parameter}`)).status).toBe(400);
});

test('only the fields asked for come back, sub-fields included', async () => {
  await save({ email: 'ana@mail.example', location: { city: 'Paris', zip: '75001' }, properties: { a: 1 } });
  const { body } = await call('GET', '/api/profiles?fields[profile]=email,location.city,subscriptions.email.marketing.consent&additional-fields[profile]=subscriptions');
  expect(body.data[0].attributes).toEqual({ email: 'ana@mail.example', location: { city: 'Paris' }, subscriptions: { email: { marketing: { consent: 'NEVER_SUBSCRIBED' } } } });
});

test('a merge fills the gaps of the destination, and the old id still leads to it', async () => {
  const to = (await save({ external_id: 'C-1', properties: { tier: 'Gold' } })).body.data.id;
  const from = (await save({ email: 'ana@mail.example', properties: { tier: 'Silver', points: 1 } })).body.data.id;
  const merge = { data: { type: 'profile-merge', id: to, relationships: { profiles: { data: [{ type: 'profile', id: from }] } } } };
  expect((await call('POST', '/api/profile-merge', merge)).status).toBe(201);
  await klaviyo.settle();
  expect(klaviyo.profiles()).toMatchObject([{ id: to, email: 'ana@mail.example', properties: { tier: 'Gold', points: 1 } }]);
  expect((await call('GET', `/api/profiles/${from}`)).body.data.id).toBe(to);
});

test('a deletion takes exactly one identifier and then the person is gone', async () => {
  await save({ email: 'ana@mail.example', phone_number: '+33639980001' });
  const ask = (attributes: object, rest = {}) => call('POST', '/api/data-privacy-deletion-jobs', { data: { type: 'data-privacy-deletion-job', attributes: { profile: { data: { type: 'profile', attributes, ...rest } } } } });
  expect((await ask({ email: 'ana@mail.example', phone_number: '+33639980001' })).status).toBe(400);
  expect((await ask({ external_id: 'C-1' })).status).toBe(400);
  expect((await ask({})).status).toBe(400);
  expect((await ask({ email: 'ana@mail.example' })).status).toBe(202);
  await klaviyo.settle();
  expect(klaviyo.profileCount()).toBe(0);
});

test('two accounts never see each other', async () => {
  await klaviyo.close();
  klaviyo = await startKlaviyo({ accounts: { pk_a: {}, pk_b: {} } });
  await klaviyoCaller(klaviyo.url, 'pk_a')('POST', '/api/profile-import', profileBody({ email: 'ana@mail.example' }));
  expect((await klaviyoCaller(klaviyo.url, 'pk_b')('GET', '/api/profiles')).body.data).toEqual([]);
  expect([klaviyo.profileCount('pk_a'), klaviyo.profileCount('pk_b')]).toEqual([1, 0]);
});
