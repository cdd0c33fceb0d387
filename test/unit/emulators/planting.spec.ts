import { startKlaviyo, startWalletCrew } from '#emulators';
import { closing } from './support/closing.js';
import { eventBody, klaviyoCaller, profileBody } from './support/klaviyo-client.js';

const created = Date.UTC(2025, 0, 10, 9);
const iso = (at: number) => new Date(at).toISOString();

describe('a Klaviyo account that is filled', () => {
  async function filled() {
    const klaviyo = closing(await startKlaviyo({ limits: 'off', delays: { events: 0 } }));
    const call = klaviyoCaller(klaviyo.url);
    const emails = async (query: string): Promise<string[]> => {
      const found: string[] = [];
      for (let path: string | undefined = `/api/profiles?${query}`; path !== undefined;) {
        const { body } = await call('GET', path);
        found.push(...body.data.map(({ attributes }: { attributes: { email: string } }) => attributes.email));
        path = body.links.next === null ? undefined : body.links.next.slice(klaviyo.url.length).replace('/?', '?');
      }
      return found;
    };
    return { klaviyo, call, emails };
  }

  test('holds profiles with their true dates, in whatever order they are given and beside those that the API made', async () => {
    const { klaviyo, call, emails } = await filled();
    await call('POST', '/api/profile-import', profileBody({ email: 'now@mail.example' }));
    klaviyo.holdProfiles([2, 0, 1].map((n) => ({ email: `p${n}@mail.example`, created: created + n, updated: created + 10_000 - n, properties: { n } })));
    expect(await emails('sort=created')).toEqual(['p0@mail.example', 'p1@mail.example', 'p2@mail.example', 'now@mail.example']);
    expect(await emails('sort=updated')).toEqual(['p2@mail.example', 'p1@mail.example', 'p0@mail.example', 'now@mail.example']);
    expect(klaviyo.profile({ email: 'p1@mail.example' })).toMatchObject({ properties: { n: 1 }, created: expect.stringContaining('2025-01-10T09:00:00.001') as string });
    expect(() => klaviyo.holdProfiles([{ created: Date.now() + 60_000 }])).toThrow('in the future');
  });

  test.each(['created', '-created', 'updated', '-updated'])('answers a range of time by %s with the whole range and nothing else, page by page', async (sort) => {
    const { klaviyo, emails } = await filled();
    klaviyo.holdProfiles(Array.from({ length: 40 }, (_, n) => ({ email: `p${n}@mail.example`, created: created + n * 1000 })));
    const field = sort.replace('-', '');
    const filter = (after: number, before: number) => encodeURIComponent(`greater-than(${field},${iso(created + after * 1000 - 1)}),less-than(${field},${iso(created + before * 1000)})`);
    const wanted = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `p${from + n}@mail.example`);
    for (const [from, to] of [[0, 40], [5, 31], [12, 12], [39, 40]] as const) {
      const expected = wanted(from, to);
      expect(await emails(`page[size]=7&sort=${sort}&filter=${filter(from, to)}`)).toEqual(sort.startsWith('-') ? expected.reverse() : expected);
    }
  });

  test('lets properties and profiles be changed as if by somebody in Klaviyo', async () => {
    const { klaviyo, emails } = await filled();
    klaviyo.holdProfiles([{ email: 'ana@mail.example', created, properties: { a: 1, b: 2 } }, { email: 'leo@mail.example', created }]);
    klaviyo.changeProperties({ email: 'ana@mail.example' }, { a: undefined, c: 3 });
    expect(klaviyo.profile({ email: 'ana@mail.example' })!.properties).toEqual({ b: 2, c: 3 });
    klaviyo.deleteProfile({ email: 'leo@mail.example' });
    expect(await emails('sort=created')).toEqual(['ana@mail.example']);
    expect(await emails(`filter=${encodeURIComponent(`greater-than(updated,${iso(created + 1000)})`)}&sort=updated`)).toEqual(['ana@mail.example']);
  });

  test('answers events of a metric and a range of time, those that came late in their place', async () => {
    const { klaviyo, call } = await filled();
    klaviyo.holdProfiles([{ email: 'ana@mail.example', created }, { email: 'gone@mail.example', created }]);
    const seed = (n: number, metric = 'Installed', email = 'ana@mail.example') => ({ profile: { email }, metric, uniqueId: `u${n}`, time: created + n * 1000 });
    klaviyo.holdEvents([...[5, 1, 3].map((n) => seed(n)), seed(2, 'Other'), seed(4, 'Installed', 'gone@mail.example')]);
    const { body: metrics } = await call('GET', '/api/metrics');
    const id = metrics.data.find(({ attributes }: { attributes: { name: string } }) => attributes.name === 'Installed').id;
    const read = async (condition: string) => {
      const { body } = await call('GET', `/api/events?sort=datetime&filter=${encodeURIComponent(`equals(metric_id,"${id}")${condition}`)}`);
      return body.data.map(({ attributes }: { attributes: { event_properties: { $event_id: string } } }) => attributes.event_properties.$event_id);
    };
    expect(await read('')).toEqual(['u1', 'u3', 'u4', 'u5']);
    await call('POST', '/api/events', eventBody({ email: 'ana@mail.example' }, 'Installed', { unique_id: 'late', time: iso(created + 2000) }));
    await klaviyo.settle();
    klaviyo.deleteProfile({ email: 'gone@mail.example' });
    expect(await read('')).toEqual(['u1', 'late', 'u3', 'u5']);
    expect(await read(`,greater-or-equal(datetime,${iso(created + 2000)}),less-than(datetime,${iso(created + 5000)})`)).toEqual(['late', 'u3']);
    expect(await read(`,greater-than(datetime,${iso(created + 2000)}),less-or-equal(datetime,${iso(created + 5000)})`)).toEqual(['u3', 'u5']);
    expect(await read(`,greater-than(timestamp,${created / 1000 + 2}.5)`)).toEqual(['u3', 'u5']);
  });
});

test('a tenant of The Wallet Crew that is filled lists its passes by their creation, and passes that change or go without a word', async () => {
  const vendor = closing(await startWalletCrew());
  const list = async () => ((await (await fetch(`${vendor.url}/api/acme/passes?sortBy[0].field=creationDate&sortBy[0].direction=ASC`, { headers: { 'x-api-key': 'wc_test' } })).json()) as { id: string }[]).map(({ id }) => id);
  vendor.holdPasses([3, 1, 2].map((n) => ({ id: `pass-${n}`, creationDate: iso(created + n), identifiers: { customerId: 'C-1' }, providers: { apple: iso(created + n) } })));
  expect(await list()).toEqual(['pass-1', 'pass-2', 'pass-3']);
  vendor.hold([{ kind: 'Pass:Created', at: iso(created + 1), passId: 'pass-same', identifiers: { customerId: 'C-1' } }]);
  vendor.deletePass('pass-2');
  expect(await list()).toEqual(['pass-1', 'pass-same', 'pass-3']);
  vendor.changePass('pass-3', { providers: { google: iso(created + 5) } });
  expect(vendor.pass({ id: 'pass-3' })!.providers).toEqual({ google: iso(created + 5) });
  expect(vendor.pass({ identifiers: { customerId: 'C-1' } })!.id).toBe('pass-3');
  expect(vendor.deliveries()).toEqual([]);
});
