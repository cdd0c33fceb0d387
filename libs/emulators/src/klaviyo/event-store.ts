import { SettlingSequence } from '../settling-sequence.js';
import { shortId } from './ids.js';
import { type Sequence, sortedSequence } from './sequence.js';
import type { Fields } from './shape.js';

export interface Metric {
  id: string;
  name: string;
  /** Microseconds. */
  created: number;
}

export interface StoredEvent {
  id: string;
  metric: Metric;
  profileId: string;
  /** Event time, truncated to the second. */
  seconds: number;
  /** Microseconds. */
  received: number;
  properties: Fields;
  uniqueId: string;
  value: number | undefined;
  currency: string | undefined;
  backfill: boolean;
  /** Time and order of arrival in one number: what pages are cut by. */
  rank: number;
}

export type NewEvent = Omit<StoredEvent, 'id' | 'rank' | 'metric'> & { metricName: string };

const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Eleven characters, as in `4L3cwQae2TX`. */
function eventId(serial: number): string {
  let id = '';
  for (let place = 0, rest = serial; place < 10; place++) {
    id = alphabet[rest % alphabet.length]! + id;
    rest = Math.floor(rest / alphabet.length);
  }
  return `4${id}`;
}

export const looksLikeEventId = (id: string) => /^[A-Za-z0-9]{11}$/.test(id);

export class EventStore {
  private readonly byId = new Map<string, StoredEvent>();
  private readonly byProfile = new Map<string, StoredEvent[]>();
  private readonly metricsByName = new Map<string, Metric>();
  private readonly seen = new Set<string>();
  private serial = 0;
  private readonly inOrder = new SettlingSequence<StoredEvent>(({ rank }) => rank);
  /** By metric id. */
  private readonly inOrderByMetric = new Map<string, SettlingSequence<StoredEvent>>();

  constructor(private readonly accountId: string) {}

  get size(): number {
    return this.byId.size;
  }

  /** Undefined: the event was a repetition and silently discarded; (profile, metric, unique_id) decides, the first processed one wins. */
  record({ metricName, ...event }: NewEvent): StoredEvent | undefined {
    const metric = this.metric(metricName, event.received);
    const key = dedupeKey(event.profileId, metric, event.uniqueId);
    if (this.seen.has(key)) return undefined;
    this.seen.add(key);
    const serial = ++this.serial;
    const stored: StoredEvent = { ...event, id: eventId(serial), metric, rank: event.seconds * 1_000_000 + (serial % 1_000_000) };
    this.byId.set(stored.id, stored);
    this.of(stored.profileId).push(stored);
    this.inOrder.add(stored);
    this.inOrderByMetric.get(metric.id)!.add(stored);
    return stored;
  }

  get = (id: string): StoredEvent | undefined => this.byId.get(id);

  all = (): IterableIterator<StoredEvent> => this.byId.values();

  ofProfile = (profileId: string): readonly StoredEvent[] => this.byProfile.get(profileId) ?? [];

  metrics = (): Metric[] => [...this.metricsByName.values()];

  /** The events of a metric, or all, in order of their time; those of profiles that are gone are among them still. */
  inOrderOfTime(metricId?: string): Sequence<StoredEvent> {
    return metricId === undefined ? this.inOrder : (this.inOrderByMetric.get(metricId) ?? sortedSequence<StoredEvent>([], ({ rank }) => rank));
  }

  moveEvents(fromProfile: string, toProfile: string): void {
    for (const event of this.byProfile.get(fromProfile) ?? []) {
      event.profileId = toProfile;
      this.seen.add(dedupeKey(toProfile, event.metric, event.uniqueId));
      this.of(toProfile).push(event);
    }
    this.byProfile.delete(fromProfile);
  }

  removeProfile(profileId: string): void {
    for (const event of this.byProfile.get(profileId) ?? []) this.byId.delete(event.id);
    this.byProfile.delete(profileId);
  }

  private of(profileId: string): StoredEvent[] {
    let events = this.byProfile.get(profileId);
    if (!events) this.byProfile.set(profileId, (events = []));
    return events;
  }

  /** Metrics come into being with their first event; there is no call to create one. */
  private metric(name: string, now: number): Metric {
    let metric = this.metricsByName.get(name);
    if (!metric) {
      this.metricsByName.set(name, (metric = { id: shortId(`${this.accountId} metric ${name}`), name, created: now }));
      this.inOrderByMetric.set(metric.id, new SettlingSequence(({ rank }) => rank));
    }
    return metric;
  }
}

const dedupeKey = (profileId: string, metric: Metric, uniqueId: string) => `${profileId} ${metric.id} ${uniqueId}`;
