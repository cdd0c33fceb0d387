import { type Clock, identifierKeys, Marketing, Queue, Store, type Answer, type Changes, type Channel, type CommandRecord, type Delivery, type DeliveryRecord, type ImportProgress, type Job, type Lane, type NewDelivery, type OptOuts, type Outgoing, type Parked, type Person, PluginHost, type QueueDepth, type Receipt, type Slot, type UnitOfWork, type Waiting, WalletPlatform } from '#core';
import { KeptLog, KeptMeter, ManualClock } from '../../support/system-fakes.js';

export { KeptLog, KeptMeter, ManualClock };

/** A tenant without plugins. */
export const marketing = { pace: () => ({ events: 100_000, profiles: 100_000 }) };
/** No list asks whoever is put on it to confirm. */
export const lists = { lists: async (_tenant: string, ids: readonly string[]) => ids.map((id) => ({ id, name: id, optIn: 'single' as const })) };
export const noPlugins = new PluginHost({ installed: () => [], ask: async () => [] }, { stage: async () => 'on' }, new KeptMeter());

export class KeptQueue extends Queue {
  readonly sent: Job[] = [];
  readonly woken: string[] = [];
  async work(): Promise<void> {}
  async send(job: Job): Promise<void> {
    this.sent.push(job);
  }
  wake(queue: string): void {
    this.woken.push(queue);
  }
  async every(): Promise<void> {}
  async depths(): Promise<QueueDepth[]> {
    return [];
  }
  async stop(): Promise<void> {}
}

/** Something a test lets go when it wants to. */
export class Gate {
  open!: () => void;
  readonly opened = new Promise<void>((resolve) => (this.open = resolve));
}

interface Command {
  outgoing: Outgoing;
  lane: Lane;
  dueAt: number;
  state: 'waiting' | 'in hand' | 'done';
  background: boolean;
}

/** The store in memory, as far as the use cases look at it; the port suites prove the real one. */
export class MemoryStore extends Store {
  /** What the database cannot hold. */
  refuses: (changes: Changes) => boolean = () => false;

  readonly batches: NewDelivery[][] = [];
  readonly saved: Changes[] = [];
  readonly persons = new Map<string, Person>();
  readonly settled: { answers: Answer[]; jobs: Job[] }[] = [];
  readonly imports: unknown[] = [];
  readonly seenMarks: [string, boolean][] = [];
  undecided: Delivery[] = [];
  commands: Command[] = [];
  waitingDeliveries = 0;
  /** Awaited before a batch of deliveries is written. */
  beforeWrite: () => Promise<void> = async () => {};
  beforeClaim: () => Promise<void> = async () => {};

  constructor(private readonly clock: Clock) {
    super();
  }

  async receive(deliveries: NewDelivery[]): Promise<Receipt[]> {
    await this.beforeWrite();
    this.batches.push(deliveries);
    return deliveries.map(({ key }) => ({ id: `row-of-${key}`, redelivered: false }));
  }

  async backlog(): Promise<number> {
    return this.waitingDeliveries;
  }

  async overdue(): Promise<Job[]> {
    return [];
  }

  async alone<T>(_tenant: string, work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    return work({
      undecided: async (limit, repairs = limit) => {
        const [live, background] = [false, true].map((kind) => this.undecided.filter((delivery) => (delivery.background ?? false) === kind)) as [Delivery[], Delivery[]];
        return live.length > 0 ? live.slice(0, limit) : background.slice(0, repairs);
      },
      persons: async (keys) => [...this.persons.values()].filter((person) => identifierKeys(person).some((key) => keys.includes(key))),
      save: async (changes) => {
        if (this.refuses(changes)) throw new Error('The row is too long for its index.');
        this.saved.push(changes);
        const decided = new Set(changes.outcomes.map(({ id }) => id));
        this.undecided = this.undecided.filter(({ id }) => !decided.has(id));
        for (const person of changes.persons) this.persons.set(person.id, structuredClone(person));
        for (const { from } of changes.absorbed) this.persons.delete(from);
      },
      enqueue: async () => {},
    });
  }

  put(lane: Lane, ...outgoing: Outgoing[]): void {
    this.commands.push(...outgoing.map((one): Command => ({ outgoing: one, lane, dueAt: this.clock.now(), state: 'waiting', background: false })));
  }

  putInBackground(lane: Lane, ...outgoing: Outgoing[]): void {
    this.commands.push(...outgoing.map((one): Command => ({ outgoing: one, lane, dueAt: this.clock.now(), state: 'waiting', background: true })));
  }

  /** A run is finding more. */
  gathers = false;

  async waiting(_tenant: string, lane: Lane, background = false): Promise<Waiting> {
    const open = this.commands.filter((command) => command.lane === lane && command.state === 'waiting' && command.background === background);
    const due = open.filter(({ dueAt }) => dueAt <= this.clock.now()).length;
    if (background && this.gathers) return { due, gathers: true };
    return due > 0 || open.length === 0 ? { due } : { due, nextInMs: Math.min(...open.map(({ dueAt }) => dueAt)) - this.clock.now() };
  }

  async claim(_tenant: string, lane: Lane, want: { items: number }, _leaseMs: number, background = false): Promise<Outgoing[]> {
    await this.beforeClaim();
    const taken = this.commands.filter((command) => command.lane === lane && command.state === 'waiting' && command.background === background && command.dueAt <= this.clock.now()).slice(0, want.items);
    for (const command of taken) command.state = 'in hand';
    return taken.map(({ outgoing }) => outgoing);
  }

  async settle(_tenant: string, answers: Answer[], jobs: Job[]): Promise<void> {
    this.settled.push({ answers, jobs });
    for (const answer of answers) {
      const command = this.commands.find(({ outgoing }) => outgoing.id === answer.id)!;
      command.state = answer.outcome === 'later' ? 'waiting' : 'done';
      if (answer.outcome === 'later') command.dueAt = this.clock.now() + answer.waitMs;
    }
  }

  async settleImport(_tenant: string, receipt: string, end: object): Promise<void> {
    this.imports.push({ receipt, ...end });
  }

  async command(_tenant: string, id: string): Promise<Outgoing | undefined> {
    return this.commands.find(({ outgoing }) => outgoing.id === id)?.outgoing;
  }

  async markSeen(_tenant: string, id: string, seen: boolean): Promise<void> {
    this.seenMarks.push([id, seen]);
  }

  async personByIdentifier(_tenant: string, identifier: string): Promise<Person | undefined> {
    return [...this.persons.values()].find((person) => identifierKeys(person).includes(identifier));
  }

  async withOldToken(_tenant: string, before: number, limit: number): Promise<Person[]> {
    return [...this.persons.values()].filter(({ token }) => token && token.at < before).slice(0, limit);
  }

  readonly watermarks = new Map<string, number>();

  async watermark(tenant: string, name: string): Promise<number | undefined> {
    return this.watermarks.get(`${tenant} ${name}`);
  }

  async setWatermark(tenant: string, name: string, at: number): Promise<void> {
    this.watermarks.set(`${tenant} ${name}`, Math.max(at, this.watermarks.get(`${tenant} ${name}`) ?? 0));
  }

  delivery = (): Promise<DeliveryRecord | undefined> => notUsed();
  parked = (): Promise<Parked[]> => notUsed();
  replay = (): Promise<boolean> => notUsed();
  commandCounts = (): Promise<{ lane: CommandRecord['lane']; status: string; count: number }[]> => notUsed();
  tidy = (): Promise<number> => notUsed();
  ping = (): Promise<boolean> => notUsed();
  close = async (): Promise<void> => {};
}

function notUsed(): never {
  throw new Error('no use case under test asks this');
}

/** Klaviyo as a test tells it to behave; without being told it takes everything at once. */
export class ToldMarketing extends Marketing {
  readonly sent: Outgoing[][] = [];
  released = 0;
  waits: number[] = [];
  items = 10;
  answer: (outgoing: Outgoing) => Answer = ({ id }) => ({ id, outcome: 'accepted' });
  /** Awaited before the answers come. */
  beforeAnswer: () => Promise<void> = async () => {};
  progress: ImportProgress = { done: true, lost: false, refused: [] };
  shows: boolean | undefined = true;

  readonly pace = marketing.pace;

  /** For each leave that was asked for, whether it was for the background. */
  readonly askedInBackground: boolean[] = [];

  async slot(_tenant: string, _lane: string, _waiting: number, background = false): Promise<Slot | { waitMs: number }> {
    this.askedInBackground.push(background);
    const waitMs = this.waits.shift();
    if (waitMs !== undefined) return { waitMs };
    return {
      items: this.items,
      bytes: 1_000_000,
      send: async (commands) => {
        this.sent.push(commands);
        await this.beforeAnswer();
        return commands.map((outgoing) => this.answer(outgoing));
      },
      release: async () => void this.released++,
    };
  }

  async importProgress(_tenant: string, _receipt: string, background = false): Promise<ImportProgress> {
    this.askedInBackground.push(background);
    return this.progress;
  }

  async seen(): Promise<boolean | undefined> {
    return this.shows;
  }

  /** Pages of opt-outs, the first first; when there are none left, nobody has opted out. */
  pages: (OptOuts | { waitMs: number })[] = [];
  readonly askedForOptOuts: { tenant: string; channel: Channel; since: number; next?: string }[] = [];

  async optOuts(tenant: string, channel: Channel, since: number, next?: string): Promise<OptOuts | { waitMs: number }> {
    this.askedForOptOuts.push({ tenant, channel, since, ...(next === undefined ? {} : { next }) });
    return this.pages.shift() ?? { events: [] };
  }

  async ping(): Promise<{ ok: boolean; words: string }> {
    return { ok: true, words: '' };
  }
}

/** The Wallet Crew, which takes everything at once. */
export class ToldWallet extends WalletPlatform {
  readonly sent: Outgoing[] = [];
  answer: (outgoing: Outgoing) => Answer = ({ id }) => ({ id, outcome: 'accepted' });

  async slot(): Promise<Slot> {
    return {
      items: 10,
      bytes: 1_000_000,
      send: async (commands) => {
        this.sent.push(...commands);
        return commands.map((outgoing) => this.answer(outgoing));
      },
      release: async () => undefined,
    };
  }
}
