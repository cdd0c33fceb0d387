import type { Answer, Command, Identity, MarketingLane } from '#core';
import { limits } from '#klaviyo';
import { adapter, answer, consent, outgoing, type Received, track, update, vendor, withdrawal } from '../unit/klaviyo/fakes.js';
import { conforming } from './support/conforming.js';
import { describeContract, operation, publishedLimits } from './support/openapi.js';

const profile = (attributes: object) => ({ type: 'profile', id: '01HZZ', attributes });

/** Answers each operation with as much as the adapter needs to go on. */
function reply({ method, path }: Received): [number, unknown?] {
  if (path.endsWith('/import-errors')) return [200, { data: [], links: { next: null } }];
  if (path.startsWith('/api/profile-bulk-import-jobs')) return [method === 'POST' ? 202 : 200, { data: { type: 'profile-bulk-import-job', id: 'am9iLTE=', attributes: { status: 'complete' } } }];
  if (path === '/api/profile-import') return [200, { data: profile({}) }];
  if (path === '/api/accounts') return [200, { data: [{ type: 'account', id: 'A', attributes: {} }] }];
  if (path === '/api/metrics') return [200, { data: [{ type: 'metric', id: 'Me7ric', attributes: { name: 'Pass Installed' } }], links: { next: null } }];
  if (method === 'GET' && path !== '/api/events') return [200, { data: [profile({ email: 'ada@shop.fr', phone_number: '+33600000001' })], links: { next: null } }];
  return method === 'GET' ? [200, { data: [], links: { next: null } }] : [202];
}

const everything: Identity = { klaviyoId: '01HZZ', externalId: 'customer-1', email: 'ada@shop.fr', phone: '+33600000001' };

describeContract('Every request the connector sends is one that Klaviyo documents', () => {
  let server: Awaited<ReturnType<typeof vendor>>;
  let connector: ReturnType<typeof adapter>;

  beforeEach(async () => {
    server = await vendor((request, response) => answer(response, ...reply(request)));
    connector = adapter(server.url);
  });
  afterEach(async () => {
    connector.marketing.close();
    await server.close();
  });

  async function send(lane: MarketingLane, commands: [Command, Identity?][], waiting = commands.length): Promise<Answer[]> {
    const slot = await connector.marketing.slot('shop', lane, waiting);
    if (!('send' in slot)) throw new Error('no slot');
    return slot.send(commands.map(([command, identity = everything]) => outgoing(command, identity)));
  }

  const conforms = (operationId: string, count?: number): Received[] => conforming(server.received, operationId, count);

  test('for single events, with nothing lost on the way through the SDK', async () => {
    await send('track', [[track('u1', { backfill: true, properties: { 'neostore.pass.kind': 'loyaltyCard', tags: ['a', 'b'], points: 3, gold: false } })], [track('u2'), { klaviyoId: '01HZZ' }]]);
    const [first, second] = conforms('create_event', 2);
    expect(first?.body).toEqual({
      data: {
        type: 'event',
        attributes: {
          metric: { data: { type: 'metric', attributes: { name: 'Pass Installed' } } },
          profile: { data: { type: 'profile', attributes: { external_id: 'customer-1' } } },
          properties: { 'neostore.pass.kind': 'loyaltyCard', tags: ['a', 'b'], points: 3, gold: false },
          time: '2026-08-31T10:00:00Z',
          unique_id: 'u1',
          backfill: true,
        },
      },
    });
    expect(second?.body).toMatchObject({ data: { attributes: { profile: { data: { type: 'profile', id: '01HZZ', attributes: {} } } } } });
  });

  test('for events in bulk', async () => {
    await send('track', [[track('u1')], [track('u2', { backfill: true }), { phone: '+33600000001' }]], 500);
    const [sent] = conforms('bulk_create_events');
    expect(sent?.body).toEqual({
      data: {
        type: 'event-bulk-create-job',
        attributes: {
          'events-bulk-create': {
            data: [
              { type: 'event-bulk-create', attributes: { profile: { data: { type: 'profile', attributes: { external_id: 'customer-1' } } }, events: { data: [{ type: 'event', attributes: expect.objectContaining({ unique_id: 'u1', time: '2026-08-31T10:00:00Z' }) as unknown }] } } },
              { type: 'event-bulk-create', attributes: { profile: { data: { type: 'profile', attributes: { phone_number: '+33600000001' } } }, events: { data: [{ type: 'event', attributes: expect.objectContaining({ unique_id: 'u2', backfill: true }) as unknown }] } } },
            ],
          },
        },
      },
    });
  });

  const named = { ...update({ 'neostore.wallet.loyaltyCard.Apple': 'Installed' }), attributes: { firstName: 'Ada', lastName: 'Lovelace', locale: 'fr-FR' } };
  const onTheWire = {
    type: 'profile',
    id: '01HZZ',
    attributes: {
      external_id: 'customer-1', email: 'ada@shop.fr', first_name: 'Ada', last_name: 'Lovelace', locale: 'fr-FR',
      properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed', 'neostore.withheld.phone': '+33600000001' },
    },
  };

  test('for a profile', async () => {
    await send('upsert-profile', [[named, { ...everything, withheld: ['phone'] }]]);
    expect(conforms('create_or_update_profile')[0]?.body).toEqual({ data: onTheWire });
  });

  test('for an import of profiles and for following it', async () => {
    await send('upsert-profile', [[named, { ...everything, withheld: ['phone'] }]], 100);
    expect(conforms('bulk_import_profiles')[0]?.body).toEqual({ data: { type: 'profile-bulk-import-job', attributes: { profiles: { data: [onTheWire] } } } });
    await connector.marketing.importProgress('shop', 'am9iLTE=');
    expect(conforms('get_bulk_import_profiles_job')[0]?.path).toBe('/api/profile-bulk-import-jobs/am9iLTE%3D');
    expect(conforms('get_errors_for_bulk_import_profiles_job')[0]?.query.get('page[size]')).toBe('100');
  });

  test('for consents, new and of the past, by e-mail and by SMS', async () => {
    await send('subscribe', [[consent()], [consent({ channel: 'sms' })], [consent({ historical: true, listId: undefined })]]);
    const [now, past] = conforms('bulk_subscribe_profiles', 2);
    expect(now?.body).toEqual({
      data: {
        type: 'profile-subscription-bulk-create-job',
        attributes: {
          custom_source: 'newsletter',
          profiles: {
            data: [
              { type: 'profile', attributes: { email: 'ada@shop.fr', subscriptions: { email: { marketing: { consent: 'SUBSCRIBED' } } } } },
              { type: 'profile', attributes: { email: 'ada@shop.fr', phone_number: '+33600000001', subscriptions: { sms: { marketing: { consent: 'SUBSCRIBED' } } } } },
            ],
          },
        },
        relationships: { list: { data: { type: 'list', id: 'LIST01' } } },
      },
    });
    expect(past?.body).toMatchObject({ data: { attributes: { historical_import: true, profiles: { data: [{ attributes: { subscriptions: { email: { marketing: { consent: 'SUBSCRIBED', consented_at: '2026-09-01T11:59:50Z' } } } } }] } } } });
    expect(past?.text).not.toContain('relationships');
  });

  test('for reading what Klaviyo holds before an old consent', async () => {
    await send('subscribe', [[consent({ consentedAt: 0, historical: true }), { email: 'a"b\\c+d@shop.fr' }], [consent({ consentedAt: 0, historical: true, channel: 'sms' }), { phone: '+33600000001' }]]);
    const [email, phone] = conforms('get_profiles', 2);
    expect(Object.fromEntries(email!.query)).toEqual({ 'additional-fields[profile]': 'subscriptions', filter: 'any(email,["a\\"b\\\\c+d@shop.fr"])', 'page[size]': '100' });
    // A plus sign that arrives as a blank would find nobody.
    expect(phone?.query.get('filter')).toBe('any(phone_number,["+33600000001"])');
  });

  test.each([
    ['email', 'subscriptions.email.marketing.suppression.timestamp'],
    ['sms', 'updated'],
  ] as const)('for asking who opted out (%s), with a filter, a sort and fields that this operation has', async (channel, field) => {
    const since = Date.UTC(2026, 8, 1, 10, 0, 0, 123);
    await connector.marketing.optOuts('shop', channel, since);
    await connector.marketing.optOuts('shop', channel, since, 'bmV4dA==');
    const [first, second] = conforms('get_profiles', 2);
    expect(first!.query.get('filter')).toBe(`greater-than(${field},2026-09-01T10:00:00.123Z)`);
    const { parameters } = operation('get_profiles').description;
    expect(parameters.find(({ name }) => name === 'filter')?.description).toMatch(new RegExp(`\`${field.replaceAll('.', '\\.')}\`:[^<]*\`greater-than\``));
    expect(Object.fromEntries(second!.query)).toMatchObject({ sort: field, 'page[size]': '100', 'page[cursor]': 'bmV4dA==', 'additional-fields[profile]': 'subscriptions' });
  });

  test('for withdrawals and the membership check before them', async () => {
    await send('unsubscribe', [[withdrawal()], [withdrawal({ channel: 'sms' })]]);
    const checks = conforms('get_profiles_for_list', 2);
    expect(checks.map(({ path }) => path)).toEqual(['/api/lists/LIST01/profiles', '/api/lists/LIST01/profiles']);
    expect(conforms('bulk_unsubscribe_profiles')[0]?.body).toEqual({
      data: {
        type: 'profile-subscription-bulk-delete-job',
        attributes: {
          profiles: {
            data: [
              { type: 'profile', attributes: { email: 'ada@shop.fr', subscriptions: { email: { marketing: { consent: 'UNSUBSCRIBED' } } } } },
              { type: 'profile', attributes: { phone_number: '+33600000001', subscriptions: { sms: { marketing: { consent: 'UNSUBSCRIBED' } } } } },
            ],
          },
        },
        relationships: { list: { data: { type: 'list', id: 'LIST01' } } },
      },
    });
  });

  test('for reading an event back and for the health question', async () => {
    expect(await connector.marketing.seen('shop', everything, { metric: 'Pass Installed', uniqueId: 'u1' })).toBe(false);
    expect(conforms('get_profiles')[0]?.query.get('filter')).toBe('equals(external_id,"customer-1")');
    expect(conforms('get_events')[0]?.query.get('filter')).toBe('equals(profile_id,"01HZZ")');
    await connector.marketing.ping('shop');
    conforms('get_accounts');
  });

  const allowed = (operationId: string, field: string, operator: string) => {
    const filter = operation(operationId).description.parameters.find(({ name }) => name === 'filter')?.description;
    return new RegExp(`\`${field}\`:[^<]*\`${operator}\``).test(filter ?? '');
  };

  test('for reading profiles page by page, of a stretch of creation time or of what has changed', async () => {
    const [from, to] = [Date.UTC(2026, 7, 1, 0, 0, 0, 7), Date.UTC(2026, 8, 1)];
    await connector.profiles.page('shop', {});
    await connector.profiles.page('shop', { createdAfter: from, createdBefore: to }, 'bmV4dA==');
    await connector.profiles.page('shop', { changedAfter: from, createdBefore: to });
    const [all, stretch, changed] = conforms('get_profiles', 3);
    expect(Object.fromEntries(all!.query)).toEqual({
      sort: 'created', 'page[size]': '100', 'additional-fields[profile]': 'subscriptions',
      'fields[profile]': [
        'email', 'phone_number', 'external_id', 'created', 'updated', 'properties',
        ...['consent', 'consent_timestamp', 'last_updated', 'suppression'].map((field) => `subscriptions.email.marketing.${field}`),
        ...['consent', 'consent_timestamp', 'last_updated'].map((field) => `subscriptions.sms.marketing.${field}`),
      ].join(','),
    });
    expect(Object.fromEntries(stretch!.query)).toMatchObject({ filter: 'greater-than(created,2026-08-01T00:00:00.007Z),less-than(created,2026-09-01T00:00:00.000Z)', sort: 'created', 'page[cursor]': 'bmV4dA==' });
    expect(Object.fromEntries(changed!.query)).toMatchObject({ filter: 'less-than(created,2026-09-01T00:00:00.000Z),greater-than(updated,2026-08-01T00:00:00.007Z)', sort: 'updated' });
    expect([allowed('get_profiles', 'created', 'greater-than'), allowed('get_profiles', 'created', 'less-than'), allowed('get_profiles', 'updated', 'greater-than')]).toEqual([true, true, true]);
  });

  test('for finding a profile by each of its names', async () => {
    await connector.profiles.find('shop', everything);
    expect(conforms('get_profiles', 4).map(({ query }) => query.get('filter'))).toEqual(['equals(id,"01HZZ")', 'equals(external_id,"customer-1")', 'equals(email,"ada@shop.fr")', 'equals(phone_number,"+33600000001")']);
  });

  test('for reading the events of a metric and the newest ones of a profile', async () => {
    await connector.profiles.events('shop', 'Pass Installed', Date.UTC(2026, 7, 1, 0, 0, 0, 7), Date.UTC(2026, 8, 1));
    await connector.profiles.newestEvents('shop', '01HZZ');
    expect(Object.fromEntries(conforms('get_metrics')[0]!.query)).toEqual({ 'fields[metric]': 'name,integration' });
    const [ofMetric, newest] = conforms('get_events', 2);
    expect(Object.fromEntries(ofMetric!.query)).toEqual({
      filter: 'equals(metric_id,"Me7ric"),greater-or-equal(datetime,2026-08-01T00:00:00.000Z),less-than(datetime,2026-09-01T00:00:00.000Z)',
      sort: 'datetime', 'page[size]': '1000', 'fields[event]': 'datetime,event_properties',
    });
    expect([allowed('get_events', 'metric_id', 'equals'), allowed('get_events', 'datetime', 'greater-or-equal'), allowed('get_events', 'datetime', 'less-than'), allowed('get_events', 'profile_id', 'equals')]).toEqual([true, true, true, true]);
    expect(Object.fromEntries(newest!.query)).toEqual({ filter: 'equals(profile_id,"01HZZ")', sort: '-datetime', 'page[size]': '50', include: 'metric', 'fields[event]': 'datetime,event_properties', 'fields[metric]': 'name' });
  });

  test.each(Object.keys(limits) as (keyof typeof limits)[])('and the limits of %s are those that are published', (operationId) => {
    const { burst, steady } = limits[operationId];
    expect(publishedLimits(operationId)).toMatchObject({ burst: `${burst}/s`, steady: `${steady}/m` });
  });
});
