import { type KlaviyoEmulator, klaviyoLimits, type OperationId, startKlaviyo } from '#emulators';
import { type Answer, type Caller, bulkEvents, eventBody, importBody, klaviyoCaller, profileBody, subscribeBody, unsubscribeBody } from '../unit/emulators/support/klaviyo-client.js';
import { describeContract, operation, operationIds, parametersValidator, publishedLimits, requestValidator, responseValidator } from './support/openapi.js';

const documented = operationIds();
const ana = { email: 'ana@mail.example', phone_number: '+33639980001', external_id: 'C-1', first_name: 'Ana', location: { city: 'Paris', latitude: 48.8 }, properties: { 'neostore.authenticationToken': 'abc', points: 3 } };

describeContract('The Klaviyo emulator answers as Klaviyo documents', () => {
  let klaviyo: KlaviyoEmulator;
  let call: Caller;

  beforeEach(async () => {
    klaviyo = await startKlaviyo({
      limits: 'off',
      delays: { events: 0, imports: 0, subscriptions: 0, other: 0 },
      accounts: { pk_test: { lists: [{ id: 'NewsLt', name: 'Newsletter' }] }, pk_none: { scopes: [] } },
    });
    call = klaviyoCaller(klaviyo.url);
  });
  afterEach(() => klaviyo.close());

  /** Sends a documented request and checks the answer against the document of its operation and status. */
  async function conforms(id: string, status: number, path: string, body?: unknown): Promise<Answer> {
    const { method } = operation(id);
    if (body !== undefined && status < 400) expect(requestValidator(id)(body)).toEqual({ valid: true, errors: [] });
    const [, query = ''] = path.split('?');
    if (status < 400) expect(parametersValidator(id)(new URLSearchParams(query))).toEqual({ valid: true, errors: [] });
    const answer = await call(method, path, body);
    expect({ id, status: answer.status, body: answer.status === status ? undefined : answer.body }).toEqual({ id, status, body: undefined });
    expect({ id, ...responseValidator(id, status)(answer.body) }).toEqual({ id, valid: true, errors: [] });
    if (answer.text !== '') expect(answer.headers.get('content-type')).toBe('application/vnd.api+json');
    return answer;
  }

  const person = async () => (await call('POST', '/api/profile-import', profileBody(ana))).body.data.id as string;

  test('for profiles: created, updated, patched, found and read, with subscriptions and predictive analytics', async () => {
    const created = await conforms('create_or_update_profile', 201, '/api/profile-import?additional-fields[profile]=subscriptions,predictive_analytics', profileBody(ana));
    const { id } = created.body.data;
    await conforms('create_or_update_profile', 200, '/api/profile-import', profileBody({ email: ana.email, last_name: null }, { meta: { patch_properties: { append: { tags: 'vip' }, unset: 'points' } } }));
    await conforms('update_profile', 200, `/api/profiles/${id}?additional-fields[profile]=subscriptions`, profileBody({ title: 'Dr' }, { id }));
    await call('POST', '/api/profile-subscription-bulk-create-jobs', subscribeBody([{ email: ana.email }], { list: 'NewsLt', source: 'form' }));
    await klaviyo.settle();
    await call('POST', '/api/profile-suppression-bulk-create-jobs', { data: { type: 'profile-suppression-bulk-create-job', attributes: { profiles: { data: [{ type: 'profile', attributes: { email: ana.email } }] } } } });
    await klaviyo.settle();
    const found = await conforms('get_profiles', 200, `/api/profiles?filter=any(email,["${ana.email}"])&additional-fields[profile]=subscriptions&page[size]=100&sort=-updated`);
    expect(found.body.data).toHaveLength(1);
    expect(found.body.data[0].attributes.subscriptions.email.marketing.suppression).toHaveLength(1);
    await conforms('get_profiles', 200, '/api/profiles?fields[profile]=email,properties,location.city');
    await conforms('get_profile', 200, `/api/profiles/${id}?include=lists&additional-fields[profile]=subscriptions,predictive_analytics`);
  });

  test('for a page in the middle of many profiles', async () => {
    for (let n = 0; n < 5; n++) await call('POST', '/api/profile-import', profileBody({ external_id: `p${n}` }));
    const first = await conforms('get_profiles', 200, '/api/profiles?page[size]=2&sort=created');
    const cursor = new URL(first.body.links.next).searchParams.get('page[cursor]')!;
    const second = await conforms('get_profiles', 200, `/api/profiles?page[size]=2&sort=created&page[cursor]=${encodeURIComponent(cursor)}`);
    expect([second.body.links.prev, second.body.links.next].every((link) => typeof link === 'string')).toBe(true);
  });

  test('for events, one by one and in bulk, and for reading them back with their metric and profile', async () => {
    await conforms('create_event', 202, '/api/events', eventBody({ email: ana.email, properties: { a: 1 } }, 'Wallet Pass Installed', { unique_id: 'u1', value: 3.5, value_currency: 'EUR', time: '2026-09-04T10:00:00Z' }));
    await conforms('bulk_create_events', 202, '/api/event-bulk-create-jobs', bulkEvents([{ profile: { email: ana.email }, events: [{ unique_id: 'u2' }, { unique_id: 'u3', backfill: true }] }]));
    await klaviyo.settle();
    const events = await conforms('get_events', 200, '/api/events?include=metric,profile&page[size]=1000&sort=-datetime');
    expect(events.body.data).toHaveLength(3);
    expect(events.body.included).toHaveLength(2);
    await conforms('get_metrics', 200, '/api/metrics');
  });

  test('for bulk imports, their job and their errors', async () => {
    const job = await conforms('bulk_import_profiles', 202, '/api/profile-bulk-import-jobs', importBody([ana, { email: 'not an address', external_id: 'C-2' }], ['NewsLt']));
    const id = encodeURIComponent(job.body.data.id);
    await klaviyo.settle();
    const done = await conforms('get_bulk_import_profiles_job', 200, `/api/profile-bulk-import-jobs/${id}?include=lists`);
    expect(done.body.data.attributes).toMatchObject({ status: 'complete', total_count: 2, completed_count: 1, failed_count: 1 });
    const errors = await conforms('get_errors_for_bulk_import_profiles_job', 200, `/api/profile-bulk-import-jobs/${id}/import-errors?page[size]=100`);
    expect(errors.body.data[0].attributes.original_payload.attributes.external_id).toBe('C-2');
  });

  test('for consent: subscribe, unsubscribe, suppress', async () => {
    await conforms('bulk_subscribe_profiles', 202, '/api/profile-subscription-bulk-create-jobs', subscribeBody([{ email: ana.email, phone_number: ana.phone_number }], { list: 'NewsLt', historical: true, consentedAt: '2026-01-01T00:00:00Z' }));
    await conforms('bulk_unsubscribe_profiles', 202, '/api/profile-subscription-bulk-delete-jobs', unsubscribeBody([{ email: ana.email }], 'NewsLt'));
    await conforms('bulk_suppress_profiles', 202, '/api/profile-suppression-bulk-create-jobs', { data: { type: 'profile-suppression-bulk-create-job', attributes: { profiles: { data: [{ type: 'profile', attributes: { email: ana.email } }] } } } });
  });

  test('for lists and their members', async () => {
    const id = await person();
    await conforms('create_list', 201, '/api/lists', { data: { type: 'list', attributes: { name: 'VIP' } } });
    await conforms('get_lists', 200, '/api/lists?filter=equals(name,"VIP")&page[size]=10&sort=name');
    await conforms('get_list', 200, '/api/lists/NewsLt?additional-fields[list]=profile_count');
    await conforms('add_profiles_to_list', 204, '/api/lists/NewsLt/relationships/profiles', { data: [{ type: 'profile', id }] });
    const members = await conforms('get_profiles_for_list', 200, `/api/lists/NewsLt/profiles?filter=any(email,["${ana.email}"])&page[size]=100&additional-fields[profile]=subscriptions`);
    expect(members.body.data).toHaveLength(1);
    await conforms('remove_profiles_from_list', 204, '/api/lists/NewsLt/relationships/profiles', { data: [{ type: 'profile', id }] });
  });

  test('for segments and flows', async () => {
    const conditions = [{ type: 'profile-property', property: "properties['a.b']", filter: { type: 'string', operator: 'equals', value: 'x' } }, { type: 'profile-property', property: "properties['a.b']", filter: { type: 'existence', operator: 'not-set' } }];
    const segment = await conforms('create_segment', 201, '/api/segments', { data: { type: 'segment', attributes: { name: 'A', definition: { condition_groups: [{ conditions }] } } } });
    const { id } = segment.body.data;
    for (const query of ['?filter=any(name,["A","B"])&page[size]=10&sort=-created', '?fields[segment]=name', '?include=tags']) {
      const found = await conforms('get_segments', 200, `/api/segments${query}`);
      expect(found.body.data).toHaveLength(1);
    }
    const action = { temporary_id: 'one', type: 'send-webhook', data: { message: { url: 'https://shop.example/hook', headers: { 'X-API-KEY': 'k' }, body: '{}', name: 'Hook' }, status: 'draft' } };
    const flow = await conforms('create_flow', 201, '/api/flows?additional-fields[flow]=definition', { data: { type: 'flow', attributes: { name: 'F', definition: { triggers: [{ type: 'segment', id }], actions: [action], entry_action_id: 'one' } } } });
    expect(flow.body.data.attributes).toMatchObject({ status: 'draft', definition: { actions: [{ id: flow.body.data.attributes.definition.entry_action_id, data: action.data }] } });
    expect((await conforms('get_flows', 200, '/api/flows?filter=equals(name,"F")&fields[flow]=name,status')).body.data).toHaveLength(1);
    expect((await conforms('get_flows', 200, '/api/flows?filter=equals(name,"G")')).body.data).toEqual([]);
    await conforms('create_segment', 400, '/api/segments', { data: { type: 'segment', attributes: { name: 'A', definition: { condition_groups: [{ conditions: [{ type: 'profile-property', property: 'x', filter: { type: 'string', operator: 'is' } }] }] } } } });
    await conforms('create_flow', 400, '/api/flows', { data: { type: 'flow', attributes: { name: 'F', definition: { triggers: [{ type: 'segment', id: 'nobody' }], actions: [{ ...action, id: '1' }], entry_action_id: 'two' } } } });
  });

  test('for accounts, merges and deletions', async () => {
    const id = await person();
    const other = (await call('POST', '/api/profile-import', profileBody({ email: 'ana2@mail.example' }))).body.data.id;
    await conforms('get_accounts', 200, '/api/accounts');
    await conforms('merge_profiles', 201, '/api/profile-merge', { data: { type: 'profile-merge', id, relationships: { profiles: { data: [{ type: 'profile', id: other }] } } } });
    await klaviyo.settle();
    await conforms('request_profile_deletion', 202, '/api/data-privacy-deletion-jobs', { data: { type: 'data-privacy-deletion-job', attributes: { profile: { data: { type: 'profile', attributes: { email: ana.email } } } } } });
  });

  test('for refusals: wrong bodies, conflicts and webhooks of a private key', async () => {
    await conforms('create_or_update_profile', 400, '/api/profile-import', profileBody({ email: 'nonsense' }));
    await conforms('bulk_create_events', 400, '/api/event-bulk-create-jobs', bulkEvents([{ profile: {}, events: [{}] }]));
    await conforms('bulk_subscribe_profiles', 400, '/api/profile-subscription-bulk-create-jobs', subscribeBody([{ email: ana.email }], { historical: true }));
    await conforms('get_profiles', 400, '/api/profiles?filter=nonsense');
    await conforms('get_list', 404, '/api/lists/nobody');
    await person();
    await call('POST', '/api/profile-import', profileBody({ email: 'other@mail.example' }));
    await conforms('create_or_update_profile', 409, '/api/profile-import', profileBody({ external_id: 'C-1', email: 'other@mail.example' }));
    await conforms('get_webhooks', 403, '/api/webhooks');
    await conforms('get_webhook_topics', 403, '/api/webhook-topics');
    await conforms('create_webhook', 403, '/api/webhooks', {});
  });

  test('and the check itself notices a wrong answer, a wrong request and a wrong parameter', () => {
    expect(responseValidator('get_accounts', 200)({ data: [{ type: 'account', id: 'x' }] }).valid).toBe(false);
    expect(responseValidator('create_event', 202)({ data: {} }).valid).toBe(false);
    expect(requestValidator('create_event')({ data: { type: 'event', attributes: { properties: {} } } }).valid).toBe(false);
    expect(parametersValidator('get_profiles')(new URLSearchParams('page[size]=101')).errors).toEqual(['page[size]: 101 is not between 1 and 100']);
    expect(parametersValidator('get_profiles')(new URLSearchParams('sort=age&page[number]=2')).errors).toHaveLength(2);
  });

  const ours = (Object.keys(klaviyoLimits) as OperationId[]).filter((id) => documented.includes(id));

  test.each(ours)('%s refuses an unknown key with 401 and a key without the scope with 403, in the documented form', async (id) => {
    const { method, path } = operation(id);
    const address = path.replaceAll(/\{\w+\}/g, 'abc');
    const unknown = await klaviyoCaller(klaviyo.url, 'pk_wrong')(method, address, method === 'GET' ? undefined : {});
    expect(unknown.status).toBe(401);
    expect(responseValidator(id, 401)(unknown.body)).toEqual({ valid: true, errors: [] });
    const barred = await klaviyoCaller(klaviyo.url, 'pk_none')(method, address, method === 'GET' ? undefined : {});
    expect(barred.status).toBe(403);
    expect(responseValidator(id, 403)(barred.body)).toEqual({ valid: true, errors: [] });
  });

  test.each(ours)('%s has the limits and scopes Klaviyo publishes', (id) => {
    const published = publishedLimits(id);
    const { burstPerSecond, steadyPerMinute, scopes } = klaviyoLimits[id];
    expect({ burst: `${burstPerSecond}/s`, steady: `${steadyPerMinute}/m`, scopes: [...scopes].sort() }).toEqual({ burst: published?.burst, steady: published?.steady, scopes: [...(published?.scopes ?? [])].sort() });
  });

  test('and the events of its system webhooks have the shape of those that are read', () => {
    const { email, phone_number: phone } = ana;
    const told = [
      klaviyo.optIn({ email }, 'email'),
      klaviyo.optOut({ email }, 'email', { included: false }),
      klaviyo.optOut({ phone }, 'sms'),
      klaviyo.emailHappens({ email }, 'suppressed'),
      klaviyo.emailHappens({ email }, 'spam'),
      klaviyo.merge({ email }, { phone }),
    ].map(({ payload }) => payload as { data: unknown; included?: unknown[] });
    const answer = { data: told.map(({ data }) => data), included: told.flatMap(({ included = [] }) => included), links: { self: 'https://a.klaviyo.com/api/events/', next: null, prev: null } };
    expect(responseValidator('get_events', 200)(answer)).toEqual({ valid: true, errors: [] });
  });
});
