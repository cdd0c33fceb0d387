import { type KlaviyoEmulator, startKlaviyo } from '#emulators';
import { type Caller, importBody, klaviyoCaller, profileBody } from './support/klaviyo-client.js';

let klaviyo: KlaviyoEmulator;
let call: Caller;

beforeEach(async () => {
  klaviyo = await startKlaviyo({ limits: 'off', delays: { imports: 40 }, lists: [{ id: 'NewsLt', name: 'Newsletter' }] });
  call = klaviyoCaller(klaviyo.url);
});
afterEach(() => klaviyo.close());

const start = (body: unknown) => call('POST', '/api/profile-bulk-import-jobs', body);

test('an import job goes from queued to processing to complete', async () => {
  await klaviyo.close();
  klaviyo = await startKlaviyo({ limits: 'off', delays: { imports: 1000 } });
  call = klaviyoCaller(klaviyo.url);
  const { body } = await start(importBody([{ email: 'ana@mail.example' }]));
  const seen = new Set<string>();
  while (!seen.has('complete')) {
    seen.add((await call('GET', `/api/profile-bulk-import-jobs/${encodeURIComponent(body.data.id)}`)).body.data.attributes.status);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect([...seen]).toEqual(['queued', 'processing', 'complete']);
});

test('a complete job may have failed people: each comes back with its reason and its payload', async () => {
  await call('POST', '/api/profile-import', profileBody({ external_id: 'C-1' }));
  await call('POST', '/api/profile-import', profileBody({ email: 'leo@mail.example' }));
  const { body } = await start(importBody([{ email: 'ok@mail.example' }, { email: 'broken' }, { external_id: 'C-1', email: 'leo@mail.example' }, { phone_number: '0639' }]));
  await klaviyo.settle();
  expect(klaviyo.jobs()).toMatchObject([{ status: 'complete', total: 4, completed: 1, failed: 3 }]);
  const errors = (await call('GET', `/api/profile-bulk-import-jobs/${encodeURIComponent(body.data.id)}/import-errors?page[size]=2`)).body;
  expect(errors.data.map((error: any) => [error.attributes.code, error.attributes.source.pointer])).toEqual([
    ['invalid', '/data/attributes/profiles/data/1/attributes/email'],
    ['duplicate_profile', '/data/attributes/profiles/data/2/attributes'],
  ]);
  expect(errors.data[1].attributes.original_payload).toEqual({ type: 'profile', attributes: { external_id: 'C-1', email: 'leo@mail.example' } });
  expect((await call('GET', errors.links.next)).body.data).toHaveLength(1);
});

test('somebody without any identifier refuses the whole import', async () => {
  const { status, body } = await start(importBody([{ email: 'ok@mail.example' }, { first_name: 'Nobody' }]));
  expect(status).toBe(400);
  expect(body.errors).toMatchObject([{ source: { pointer: '/data/attributes/profiles/data/1/attributes' } }]);
});

test('an import takes 10 000 people and not one more', async () => {
  const people = (count: number) => Array.from({ length: count }, (_, n) => ({ external_id: `p${n}` }));
  expect((await start(importBody(people(10_001)))).status).toBe(400);
  expect((await start(importBody(people(10_000)))).status).toBe(202);
  await klaviyo.settle();
  expect(klaviyo.profileCount()).toBe(10_000);
});

test('jobs are listed, by state if asked', async () => {
  await start(importBody([{ email: 'ana@mail.example' }]));
  await klaviyo.settle();
  await start(importBody([{ email: 'leo@mail.example' }]));
  const count = async (filter: string) => (await call('GET', `/api/profile-bulk-import-jobs?filter=${encodeURIComponent(filter)}`)).body.data.length;
  expect([await count('equals(status,"complete")'), await count('any(status,["queued","processing","complete"])')]).toEqual([1, 2]);
});

test('members join a list by Klaviyo id, are found by address, and leave again', async () => {
  const { id } = (await call('POST', '/api/profile-import', profileBody({ email: 'ana@mail.example', phone_number: '+33639980001' }))).body.data;
  const members = { data: [{ type: 'profile', id }] };
  expect((await call('POST', '/api/lists/NewsLt/relationships/profiles', members)).status).toBe(204);
  const find = async (filter: string) => (await call('GET', `/api/lists/NewsLt/profiles?filter=${encodeURIComponent(filter)}`)).body.data;
  expect(await find('any(email,["ana@mail.example","leo@mail.example"])')).toMatchObject([{ id, attributes: { joined_group_at: expect.any(String) } }]);
  expect(await find('any(phone_number,["+33639980001"])')).toHaveLength(1);
  expect((await call('GET', `/api/profiles/${id}/lists`)).body.data).toMatchObject([{ id: 'NewsLt' }]);
  expect((await call('GET', '/api/lists/NewsLt?additional-fields[list]=profile_count')).body.data.attributes.profile_count).toBe(1);
  expect((await call('DELETE', '/api/lists/NewsLt/relationships/profiles', members)).status).toBe(204);
  expect(await find('any(email,["ana@mail.example"])')).toEqual([]);
  expect((await call('POST', '/api/lists/NewsLt/relationships/profiles', { data: [{ type: 'profile', id: 'nobody' }] })).status).toBe(400);
});

test('lists come ten to a page', async () => {
  for (let n = 0; n < 11; n++) await call('POST', '/api/lists', { data: { type: 'list', attributes: { name: `List ${n}` } } });
  const first = (await call('GET', '/api/lists')).body;
  expect(first.data).toHaveLength(10);
  expect((await call('GET', first.links.next)).body.data).toHaveLength(2);
  expect((await call('GET', '/api/lists?page[size]=11')).status).toBe(400);
});
