import { ConnectorError, type HeldEvent, type HeldProfile, type NotNow, type ProfileName, type ProfilePage, type ProfileRange, Profiles } from '#core';
import type { Account } from './account.js';
import type { KlaviyoAccounts } from './accounts.js';
import { after, allOf, any, before, equals, notBefore } from './filters.js';
import { heldEvent, metricIdOf, metricNames } from './held-event.js';
import { heldFields, heldProfile } from './held-profile.js';
import { limits } from './limits.js';
import { MetricIds } from './metric-ids.js';
import { type Listed, readPage } from './reading.js';

const newest = 50;
const second = 1000;
const nameField = { klaviyoId: 'id', externalId: 'external_id', email: 'email', phone: 'phone_number' } as const satisfies Record<keyof ProfileName, string>;

/** The reading port over Klaviyo. */
export class KlaviyoProfiles extends Profiles {
  readonly #metricIds = new WeakMap<Account, MetricIds>();

  constructor(private readonly accounts: KlaviyoAccounts) {
    super();
  }

  /**
   * Klaviyo counts microseconds and knows only strict comparisons here. A profile of a millisecond begun is after that
   * millisecond and not before it, so nothing is between two ranges that meet; `createdAt` is the millisecond it began in.
   */
  async page(tenant: string, { createdAfter, createdBefore, changedAfter }: ProfileRange, next?: string): Promise<ProfilePage | NotNow> {
    const filter = allOf(
      createdAfter === undefined ? undefined : after('created', createdAfter),
      createdBefore === undefined ? undefined : before('created', createdBefore),
      changedAfter === undefined ? undefined : after('updated', changedAfter),
    );
    const page = await this.#profiles(tenant, { ...(filter === '' ? {} : { filter }), sort: changedAfter === undefined ? 'created' : 'updated' }, next);
    if ('waitMs' in page) return page;
    return { profiles: heldIn(page), ...(page.next === undefined ? {} : { next: page.next }) };
  }

  async byIds(tenant: string, klaviyoIds: readonly string[]): Promise<HeldProfile[] | NotNow> {
    if (klaviyoIds.length === 0) return [];
    const page = await this.#profiles(tenant, { filter: any('id', klaviyoIds) });
    return 'waitMs' in page ? page : heldIn(page);
  }

  pagesPerMinute(tenant: string): number {
    return this.accounts.of(tenant).background.perMinute('get_profiles');
  }

  async find(tenant: string, name: ProfileName): Promise<HeldProfile[] | NotNow> {
    const found = new Map<string, HeldProfile>();
    for (const part of ['klaviyoId', 'externalId', 'email', 'phone'] as const) {
      const value = name[part];
      if (value === undefined || value === '') continue;
      const page = await this.#profiles(tenant, { filter: equals(nameField[part], value) }).catch(refusedAsName);
      if ('waitMs' in page) return page;
      for (const profile of heldIn(page)) found.set(profile.name.klaviyoId, profile);
    }
    return [...found.values()];
  }

  async events(tenant: string, metric: string, from: number, to: number, next?: string): Promise<{ events: HeldEvent[]; next?: string } | NotNow> {
    const account = this.accounts.of(tenant);
    const id = await this.#metricIdsOf(account).of(metric);
    if (id === undefined) return { events: [] };
    if (typeof id !== 'string') return id;
    // Klaviyo keeps whole seconds: what happened within the first one stands at its beginning.
    const filter = allOf(equals('metric_id', id), notBefore('datetime', Math.floor(from / second) * second), before('datetime', to));
    const page = await readPage(account, 'get_events', next, (sdk, at) =>
      sdk.events.getEvents({ filter, sort: 'datetime', fieldsEvent: ['datetime', 'event_properties'], pageSize: limits.get_events.maxItems, ...at }),
    );
    if ('waitMs' in page) return page;
    return { events: page.data.flatMap((event) => heldEvent(event, metric) ?? []), ...(page.next === undefined ? {} : { next: page.next }) };
  }

  async newestEvents(tenant: string, klaviyoId: string): Promise<HeldEvent[] | NotNow> {
    const page = await readPage(this.accounts.of(tenant), 'get_events', undefined, (sdk) =>
      sdk.events.getEvents({ filter: equals('profile_id', klaviyoId), sort: '-datetime', include: ['metric'], fieldsEvent: ['datetime', 'event_properties'], fieldsMetric: ['name'], pageSize: newest }),
    );
    if ('waitMs' in page) return page;
    const names = metricNames(page.included);
    return page.data.flatMap((event) => heldEvent(event, String(names.get(metricIdOf(event)) ?? metricIdOf(event))) ?? []);
  }

  #profiles(tenant: string, question: { filter?: string; sort?: 'created' | 'updated' }, next?: string): Promise<Listed | NotNow> {
    return readPage(this.accounts.of(tenant), 'get_profiles', next, (sdk, at) =>
      sdk.profiles.getProfiles({ ...question, additionalFieldsProfile: ['subscriptions'], fieldsProfile: [...heldFields], pageSize: limits.get_profiles.maxItems, ...at }),
    );
  }

  #metricIdsOf(account: Account): MetricIds {
    const known = this.#metricIds.get(account) ?? new MetricIds(account);
    this.#metricIds.set(account, known);
    return known;
  }
}

const heldIn = ({ data }: Listed): HeldProfile[] => data.flatMap((profile) => heldProfile(profile) ?? []);

/** A name that Klaviyo does not accept in a filter is nobody's. */
function refusedAsName(error: unknown): Listed {
  if (error instanceof ConnectorError && error.code === 'KLAVIYO_REFUSED_ITEM') return { data: [], included: undefined };
  throw error;
}
