import { EventStore } from './event-store.js';
import type { Flow } from './flow.js';
import { shortId } from './ids.js';
import { type ImportJob } from './import-job.js';
import { List } from './list.js';
import type { KlaviyoAccountOptions, KlaviyoListOptions } from './options.js';
import { ProfileStore } from './profile-store.js';
import type { Profile } from './profile.js';
import type { Segment, SegmentDefinition } from './segment.js';
import { SystemEvents } from './system-events.js';

/** Something that would have started a flow in Klaviyo. */
export interface FlowTrigger {
  accountId: string;
  trigger: 'metric' | 'list';
  /** Metric name or list name. */
  name: string;
  profileId: string;
  eventId?: string;
  uniqueId?: string;
  listId?: string;
  /** ISO time of the trigger. */
  at: string;
}

/** A double opt-in message that waits for its answer. */
export interface PendingOptIn {
  profileId: string;
  listId: string | undefined;
  confirm: () => void;
}

/** Everything one Klaviyo account holds. */
export class Account {
  readonly profiles: ProfileStore;
  readonly events: EventStore;
  readonly systemEvents: SystemEvents;
  readonly lists = new Map<string, List>();
  readonly segments = new Map<string, Segment>();
  readonly flows = new Map<string, Flow>();
  readonly jobs = new Map<string, ImportJob>();
  readonly flowsTriggered: FlowTrigger[] = [];
  pendingOptIns: PendingOptIn[] = [];
  /** Events accepted with 202 that never became visible, with the reason. */
  readonly lostEvents: { reason: string; metric: string; uniqueId: string }[] = [];
  private lastTick = 0;
  private pending = new Set<Promise<void>>();
  private closed = false;
  private serial = 0;

  constructor(
    readonly id: string,
    readonly options: KlaviyoAccountOptions,
    lists: readonly KlaviyoListOptions[],
    readonly now: () => number,
  ) {
    this.profiles = new ProfileStore(() => this.tick());
    this.events = new EventStore(id);
    this.systemEvents = new SystemEvents(id);
    for (const list of lists) this.createList(list);
  }

  createList({ id, name, opt_in_process }: KlaviyoListOptions): List {
    const list = new List(id ?? shortId(`${this.id} list ${name} ${this.lists.size}`), name, opt_in_process ?? 'single_opt_in', this.tick());
    this.lists.set(list.id, list);
    return list;
  }

  createSegment(name: string, definition: SegmentDefinition, starred: boolean): Segment {
    const segment = { id: shortId(`${this.id} segment ${name} ${this.segments.size}`), name, definition, starred, created: this.tick() };
    this.segments.set(segment.id, segment);
    return segment;
  }

  createFlow(name: string, definition: Flow['definition']): Flow {
    const flow: Flow = { id: shortId(`${this.id} flow ${name} ${this.flows.size}`), name, status: 'draft', definition, created: this.tick() };
    this.flows.set(flow.id, flow);
    return flow;
  }

  /** The present in microseconds, never the same twice: creation and change are strictly ordered. */
  tick(): number {
    this.lastTick = Math.max(Math.floor(this.now() * 1000), this.lastTick + 1);
    return this.lastTick;
  }

  nextSerial = (): number => ++this.serial;

  listsOf = (profileId: string): List[] => [...this.lists.values()].filter((list) => list.has(profileId));

  join(list: List, profile: Profile, { triggersFlows }: { triggersFlows: boolean }): void {
    if (!list.add(profile, this.tick()) || !triggersFlows) return;
    this.flowsTriggered.push({ accountId: this.id, trigger: 'list', name: list.name, listId: list.id, profileId: profile.id, at: new Date(this.now()).toISOString() });
  }

  removeProfile(profile: Profile, mergedInto?: Profile): void {
    for (const list of this.lists.values()) list.remove(profile.id);
    if (!mergedInto) this.events.removeProfile(profile.id);
    this.profiles.remove(profile, mergedInto);
  }

  /** Work Klaviyo does after its 202. */
  later(ms: number, work: () => void): void {
    const done = new Promise<void>((resolve, reject) => {
      setTimeout(() => {
        try {
          if (!this.closed) work();
          resolve();
        } catch (error) {
          reject(error as Error);
        }
      }, ms);
    });
    const entry: Promise<void> = done.finally(() => this.pending.delete(entry));
    this.pending.add(entry);
  }

  async settle(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }

  /** Work still under way is dropped, not applied. */
  close(): void {
    this.closed = true;
  }
}
