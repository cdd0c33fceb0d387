import { type HeldEvent, type HeldProfile, type NotNow, type ProfileName, type ProfilePage, type ProfileRange, Profiles } from '#core';
import { ReadyAnswers } from './ready-answers.js';

type Given = Partial<Omit<HeldProfile, 'name'>> & { name?: ProfileName };

/** Klaviyo's profiles and events of one account in memory. `faults` says what goes wrong; `calls` is every call so far. */
export class MemoryProfiles extends Profiles {
  readonly faults = new ReadyAnswers();
  readonly calls: { what: 'page' | 'byIds' | 'find' | 'events' | 'newestEvents'; range?: ProfileRange; next?: string }[] = [];
  /** By profile id. */
  readonly held = new Map<string, HeldProfile>();
  readonly #events: (HeldEvent & { klaviyoId: string })[] = [];
  readonly #pageSize: number;
  readonly #eventsPerPage: number;
  readonly #perMinute: number;
  #serial = 0;

  constructor({ pageSize = 100, eventsPerPage = 1000, perMinute = 675 }: { pageSize?: number; eventsPerPage?: number; perMinute?: number } = {}) {
    super();
    this.#pageSize = pageSize;
    this.#eventsPerPage = eventsPerPage;
    this.#perMinute = perMinute;
  }

  /** Holds a profile, in place of the one with its id. What is not said is made up: an id, a time of creation, no consent. */
  put({ name, ...given }: Given = {}): HeldProfile {
    const klaviyoId = name?.klaviyoId ?? `profile-${String(++this.#serial).padStart(6, '0')}`;
    const createdAt = given.createdAt ?? Date.UTC(2026, 0, 1) + this.#serial * 1000;
    const profile: HeldProfile = { createdAt, updatedAt: createdAt, properties: {}, consents: { email: { says: 'never' }, sms: { says: 'never' } }, optOuts: [], ...given, name: { ...name, klaviyoId } };
    this.held.set(klaviyoId, profile);
    return structuredClone(profile);
  }

  delete(klaviyoId: string): void {
    this.held.delete(klaviyoId);
  }

  /** Klaviyo shows this event on the profile; its times are whole seconds. */
  putEvent(klaviyoId: string, event: HeldEvent): void {
    this.#events.push({ ...event, at: Math.floor(event.at / 1000) * 1000, klaviyoId });
  }

  async page(_tenant: string, range: ProfileRange, next?: string): Promise<ProfilePage | NotNow> {
    this.calls.push({ what: 'page', range, ...(next === undefined ? {} : { next }) });
    const instead = await this.faults.instead();
    if (instead) return instead;
    const { createdAfter = -Infinity, createdBefore = Infinity, changedAfter } = range;
    const timeOf = ({ createdAt, updatedAt }: HeldProfile) => (changedAfter === undefined ? createdAt : updatedAt);
    const wanted = [...this.held.values()].filter(({ createdAt, updatedAt }) => createdAt > createdAfter && createdAt < createdBefore && updatedAt > (changedAfter ?? -Infinity));
    const { items, next: rest } = pageOf(wanted, (profile) => `${String(timeOf(profile)).padStart(15, '0')} ${profile.name.klaviyoId}`, this.#pageSize, next);
    return { profiles: structuredClone(items), ...(rest === undefined ? {} : { next: rest }) };
  }

  async byIds(_tenant: string, klaviyoIds: readonly string[]): Promise<HeldProfile[] | NotNow> {
    this.calls.push({ what: 'byIds' });
    return (await this.faults.instead()) ?? structuredClone(klaviyoIds.flatMap((id) => this.held.get(id) ?? []));
  }

  pagesPerMinute(): number {
    return this.#perMinute;
  }

  async find(_tenant: string, { klaviyoId, externalId, email, phone }: ProfileName): Promise<HeldProfile[] | NotNow> {
    this.calls.push({ what: 'find' });
    const instead = await this.faults.instead();
    if (instead) return instead;
    const same = (one?: string, other?: string) => one !== undefined && one.toLowerCase() === other?.toLowerCase();
    const found = [...this.held.values()].filter(({ name }) => same(klaviyoId, name.klaviyoId) || same(externalId, name.externalId) || same(email, name.email) || same(phone, name.phone));
    return structuredClone(found);
  }

  async events(_tenant: string, metric: string, from: number, to: number, next?: string): Promise<{ events: HeldEvent[]; next?: string } | NotNow> {
    this.calls.push({ what: 'events', ...(next === undefined ? {} : { next }) });
    const instead = await this.faults.instead();
    if (instead) return instead;
    const wanted = this.#events.filter((event) => event.metric === metric && event.at >= Math.floor(from / 1000) * 1000 && event.at < to);
    const { items, next: rest } = pageOf(wanted, (event) => `${String(event.at).padStart(15, '0')} ${event.uniqueId}`, this.#eventsPerPage, next);
    return { events: items.map(shown), ...(rest === undefined ? {} : { next: rest }) };
  }

  async newestEvents(_tenant: string, klaviyoId: string): Promise<HeldEvent[] | NotNow> {
    this.calls.push({ what: 'newestEvents' });
    const instead = await this.faults.instead();
    if (instead) return instead;
    return this.#events.filter((event) => event.klaviyoId === klaviyoId).toSorted((a, b) => b.at - a.at).slice(0, 50).map(shown);
  }
}

const shown = ({ metric, uniqueId, at }: HeldEvent): HeldEvent => ({ metric, uniqueId, at });

/** The cursor is the key of the last item, so what comes or goes meanwhile moves nothing. */
function pageOf<T>(all: T[], keyOf: (item: T) => string, size: number, after = ''): { items: T[]; next?: string } {
  const rest = all.map((item) => ({ key: keyOf(item), item })).filter(({ key }) => key > after).sort((a, b) => (a.key < b.key ? -1 : 1));
  const page = rest.slice(0, size);
  return { items: page.map(({ item }) => item), ...(rest.length > size ? { next: page.at(-1)!.key } : {}) };
}
