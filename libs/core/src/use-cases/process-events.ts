import type { WalletCommand } from '../command.js';
import { decide, type Decision, type Note } from '../decide.js';
import { ConnectorError } from '../errors.js';
import { identifierKeys, lookupKeys } from '../person/identity.js';
import type { Person } from '../person/person.js';
import type { Queue } from '../ports/queue.js';
import type { Changes, Delivery, DeliveryOutcome, Store, UnitOfWork } from '../ports/store.js';
import type { Clock, Log, Meter } from '../ports/system.js';
import type { Rules } from '../rules.js';
import type { WalletEvent } from '../wallet/event.js';
import { subjectOfAction } from '../wallet/flow-action.js';
import { OneAtATime } from './one-at-a-time.js';
import type { ReceiveEvents } from './receive-event.js';

/** Enough to make bulk statements worthwhile, few enough to keep the transaction short. */
const batchSize = 200;
/** So long at the most a batch lets a rush of webhooks go first; several hundred deliveries a second are decided meanwhile. */
const mostCourtesyMs = 250;
/** Deciding is computing; after so many deliveries the webhooks that have come meanwhile get their turn. */
const breathEvery = 10;
/** After so many batches the tenant goes back to the queue, so that every tenant gets its turn. */
const turnBatches = 20;

/** Takes waiting deliveries, decides about each in the order they came, and saves state, commands and outcomes together. */
export class ProcessEvents {
  private readonly tenants = new OneAtATime();

  constructor(
    private readonly store: Store,
    private readonly queue: Queue,
    private readonly intake: Pick<ReceiveEvents, 'calm'>,
    private readonly rulesOf: (tenant: string) => Rules | undefined,
    /** Reads a body that could not be read when it came; a replay after an upgrade gives it another chance. */
    private readonly read: (body: string, receivedAt: number) => WalletEvent,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly meter: Meter,
  ) {}

  async run(tenant: string): Promise<void> {
    const rules = this.rulesOf(tenant);
    // The tenant was taken out of the configuration: its deliveries stay in the inbox for when it comes back.
    if (!rules) return this.log.warn('deliveries wait for a tenant that is not configured', { tenant });
    let more = false;
    const ran = await this.tenants.run(tenant, async () => {
      more = await this.turn(rules);
      return !more;
    });
    if (ran && more) await this.queue.send({ queue: 'process-events', data: { tenant } });
  }

  /** Answers whether more may wait. */
  private async turn(rules: Rules): Promise<boolean> {
    for (let batches = 0; batches < turnBatches; batches++) {
      await this.intake.calm(mostCourtesyMs);
      const decided = await this.store.alone(rules.tenant, (unit) => this.batch(unit, rules, batchSize)).catch((error: unknown) => this.oneByOne(error, rules));
      if (decided > 0) this.queue.wake('send-commands');
      if (decided < batchSize) return false;
    }
    return true;
  }

  /**
   * Something in a batch cannot be saved, and nobody can say what. So each delivery goes alone, and the one that fails alone, twice,
   * is parked: otherwise the batch would be tried for ever and the tenant stand still.
   */
  private async oneByOne(error: unknown, rules: Rules): Promise<number> {
    const alone = (work: (unit: UnitOfWork) => Promise<number>) => this.store.alone(rules.tenant, work);
    const single = () => alone((unit) => this.batch(unit, rules, 1));
    const park = (cause: unknown) => alone((unit) => this.parkFirst(unit, rules, cause));
    /** While the database is away nothing is wrong with any delivery. */
    const unlessAway = (next: (cause: unknown) => Promise<number>) => (cause: unknown) => {
      if (cause instanceof ConnectorError && cause.retry === 'later') throw cause;
      return next(cause);
    };
    const all = async () => {
      for (let n = 0; n < batchSize; n++) {
        if ((await single().catch(unlessAway(single)).catch(unlessAway(park))) === 0) return n;
      }
      return batchSize;
    };
    return unlessAway(all)(error);
  }

  private async parkFirst(unit: UnitOfWork, { tenant }: Rules, error: unknown): Promise<number> {
    const [delivery] = await unit.undecided(1);
    if (!delivery) return 0;
    await unit.save({ persons: [], absorbed: [], commands: [], outcomes: [this.parked(delivery.id, tenant, error)] });
    return 1;
  }

  private async batch(unit: UnitOfWork, rules: Rules, size: number): Promise<number> {
    const waiting = await unit.undecided(size);
    if (waiting.length === 0) return 0;
    const deliveries = waiting.map((delivery) => this.readAgain(delivery)).map((delivery) => ({ ...delivery, keys: keysToLoad(delivery.event, rules) }));
    const known = new Known(await unit.persons([...new Set(deliveries.flatMap(({ keys }) => keys))]));
    const outcomes: DeliveryOutcome[] = [];
    for (const [index, delivery] of deliveries.entries()) {
      if (index % breathEvery === 0) await this.clock.nextTurn();
      outcomes.push(this.one(delivery, known, rules));
    }
    await unit.save(known.changes(outcomes));
    return deliveries.length;
  }

  private readAgain(delivery: Delivery): Delivery & { unreadable?: unknown } {
    if (delivery.event.kind !== 'unknown' || delivery.body === undefined) return delivery;
    try {
      return { ...delivery, event: this.read(delivery.body, delivery.receivedAt) };
    } catch (unreadable) {
      return { ...delivery, unreadable };
    }
  }

  private one({ id, event, unreadable, keys }: Delivery & { unreadable?: unknown; keys: string[] }, known: Known, rules: Rules): DeliveryOutcome {
    this.meter.count('connector_events_total', { tenant: rules.tenant, kind: event.kind });
    try {
      // Parked again: as "ignored" it would vanish from what the operator has to look after.
      if (unreadable !== undefined) throw unreadable;
      if (event.kind === 'flow-action') {
        known.ask(id, event.command);
        return { id, status: 'processed', notes: [{ by: 'flow', says: 'Passed on to The Wallet Crew.' }] };
      }
      if (event.kind === 'unknown') return { id, status: 'ignored', notes: [{ by: 'wallet-crew', says: `"${event.name}" is kept, but means nothing to us.` }] };
      const decision = decide(event, known.owners(keys), rules, this.clock.now());
      return { id, status: 'processed', notes: [...decision.notes, ...known.learn(id, decision)] };
    } catch (error) {
      return this.parked(id, rules.tenant, error);
    }
  }

  private parked(id: string, tenant: string, error: unknown): DeliveryOutcome {
    const code = error instanceof ConnectorError ? error.code : 'PROCESSING_FAILED';
    const says = error instanceof ConnectorError ? error.message : 'Deciding failed unexpectedly.';
    this.log.error('delivery parked', { tenant, delivery: id, code, error: error instanceof Error ? error.name : typeof error });
    this.meter.count('connector_parked_total', { tenant, code });
    return { id, status: 'parked', code, notes: [{ by: 'decide', says, code }] };
  }
}

/** An event that cannot even be looked up is parked when its turn comes; it must not keep the others from theirs. */
function keysToLoad(event: Delivery['event'], rules: Rules): string[] {
  if (event.kind === 'flow-action') return [];
  try {
    return lookupKeys(event, rules);
  } catch {
    return [];
  }
}

/** The persons of a batch as they change while it is decided. */
class Known {
  private readonly persons = new Map<string, Person>();
  private readonly ownerOf = new Map<string, Set<string>>();
  private readonly touched = new Set<string>();
  private readonly absorbed: Changes['absorbed'] = [];
  private commands: Changes['commands'] = [];

  constructor(persons: Person[]) {
    for (const person of persons) this.put(person);
  }

  owners(keys: string[]): Person[] {
    const ids = new Set(keys.flatMap((key) => [...(this.ownerOf.get(key) ?? [])]));
    return [...ids].flatMap((id) => this.persons.get(id) ?? []);
  }

  learn(deliveryId: string, { person, absorbed, commands, goes }: Decision): Note[] {
    for (const from of absorbed) {
      this.persons.delete(from);
      this.touched.delete(from);
      for (const owners of this.ownerOf.values()) owners.delete(from);
      this.absorbed.push({ from, into: person.id });
      this.commands = this.commands.map((known) => (known.personId === from ? { ...known, personId: person.id } : known));
    }
    this.put(person);
    this.touched.add(person.id);
    // Only the last profile of a batch is worth sending; it holds all that the earlier ones held.
    const folded = commands.some((command) => command.do === 'upsert-profile')
      ? this.commands.filter((known) => known.personId === person.id && known.command.do === 'upsert-profile')
      : [];
    this.commands = this.commands.filter((known) => !folded.includes(known));
    for (const command of commands) this.commands.push({ deliveryId, personId: person.id, command, goes });
    return folded.length ? [{ by: 'profile', says: 'An earlier profile update of the same batch was folded into this one.' }] : [];
  }

  /** What a flow asks concerns a pass as The Wallet Crew knows it, so there is nobody to look up. */
  ask(deliveryId: string, command: WalletCommand): void {
    this.commands.push({ deliveryId, personId: subjectOfAction(command), command, goes: 'at-once' });
  }

  changes(outcomes: DeliveryOutcome[]): Changes {
    const persons = [...this.touched].map((id) => this.persons.get(id)!);
    const goes = new Map(this.commands.map((command) => [command.personId, command.goes]));
    return {
      persons,
      absorbed: this.absorbed,
      // What is known at the end of the batch counts: an identifier learned last serves the first command too.
      commands: this.commands.map((command) => ({ ...command, goes: goes.get(command.personId)! })),
      outcomes,
    };
  }

  private put(person: Person): void {
    this.persons.set(person.id, person);
    for (const key of identifierKeys(person)) this.ownerOf.set(key, (this.ownerOf.get(key) ?? new Set()).add(person.id));
  }
}
