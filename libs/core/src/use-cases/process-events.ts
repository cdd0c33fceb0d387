import { ConnectorError } from '../errors.js';
import { hookNames } from '../plugin/hooks.js';
import type { PluginHost } from '../plugin/host.js';
import { inBackground, type Queue } from '../ports/queue.js';
import type { Delivery, DeliveryOutcome, Store, UnitOfWork } from '../ports/store.js';
import type { Clock, Log, Meter } from '../ports/system.js';
import type { Rules } from '../rules.js';
import type { WalletEvent } from '../wallet/event.js';
import { DecideBatch } from './decide-batch.js';
import { OneAtATime } from './one-at-a-time.js';
import type { ReceiveEvents } from './receive-event.js';

/** Enough to make bulk statements worthwhile, few enough to keep the transaction short. */
const batchSize = 200;
/** So long at the most a batch lets a rush of webhooks go first; several hundred deliveries a second are decided meanwhile. */
const mostCourtesyMs = 250;
/** Plugins take their time, and a batch is one transaction. */
const batchSizeWithPlugins = 50;
/** A live event that comes while repairs are decided waits until the batch is saved. */
const backgroundBatchSize = 50;
/** After so many batches the tenant goes back to the queue, so that every tenant gets its turn. */
const turnBatches = 20;
const backgroundTurnBatches = 5;

/** How many deliveries a batch takes at the most. */
interface Most {
  live: number;
  /** 0: none, they have a run of their own. */
  background: number;
}

/** Batches are of one kind: live ones, or repairs of runs. Undefined: nothing waited. */
type Decided = { count: number; background: boolean } | undefined;

/** Takes waiting deliveries, decides about each in the order they came, and saves state, commands and outcomes together. Live ones come before repairs. */
export class ProcessEvents {
  private readonly tenants = new OneAtATime();
  private readonly decideBatch: DecideBatch;

  constructor(
    private readonly store: Store,
    private readonly queue: Queue,
    private readonly intake: Pick<ReceiveEvents, 'calm'>,
    private readonly rulesOf: (tenant: string) => Rules | undefined,
    private readonly plugins: PluginHost,
    /** Reads a body that could not be read when it came; a replay after an upgrade gives it another chance. */
    private readonly read: (body: string, receivedAt: number) => WalletEvent,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly meter: Meter,
  ) {
    this.decideBatch = new DecideBatch(plugins, clock, (id, tenant, error) => this.parked(id, tenant, error));
  }

  async run(tenant: string, background = false): Promise<void> {
    const rules = this.rulesOf(tenant);
    // The tenant was taken out of the configuration: its deliveries stay in the inbox for when it comes back.
    if (!rules) return this.log.warn('deliveries wait for a tenant that is not configured', { tenant });
    const job = { tenant, ...inBackground(background) };
    let more = false;
    const ran = await this.tenants.run(JSON.stringify(job), async () => {
      more = await this.turn(rules, background);
      return !more;
    });
    if (ran && more) await this.queue.send({ queue: 'process-events', data: job });
  }

  /** Answers whether more may wait. */
  private async turn(rules: Rules, background: boolean): Promise<boolean> {
    for (let batches = 0; batches < (background ? backgroundTurnBatches : turnBatches); batches++) {
      await this.intake.calm(rules.tenant, mostCourtesyMs);
      const live = hookNames.some((hook) => this.plugins.has(rules.tenant, hook)) ? batchSizeWithPlugins : batchSize;
      const most: Most = { live, background: background ? backgroundBatchSize : 0 };
      const decided = await this.store.alone(rules.tenant, (unit) => this.batch(unit, rules, most)).catch((error: unknown) => this.oneByOne(error, rules, most));
      if (!decided) return false;
      // Where live ones went first, repairs may still wait.
      if (decided.background === background && decided.count < (background ? most.background : most.live)) return false;
    }
    return true;
  }

  /**
   * Something in a batch cannot be saved, and nobody can say what. So each delivery goes alone, and the one that fails alone, twice,
   * is parked: otherwise the batch would be tried for ever and the tenant stand still.
   */
  private async oneByOne(error: unknown, rules: Rules, most: Most): Promise<Decided> {
    const alone = (work: (unit: UnitOfWork) => Promise<Decided>) => this.store.alone(rules.tenant, work);
    const one: Most = { live: 1, background: Math.min(1, most.background) };
    let tried: string | undefined;
    let failed: string | undefined;
    const single = () => alone((unit) => this.batch(unit, rules, one, (id) => (tried = id)));
    const again = () => {
      failed = tried;
      return single();
    };
    const park = (cause: unknown) => alone((unit) => this.parkFirst(unit, rules, one, failed === tried ? failed : undefined, cause));
    /** While the database is away nothing is wrong with any delivery. */
    const unlessAway = (next: (cause: unknown) => Promise<Decided>) => (cause: unknown) => {
      if (cause instanceof ConnectorError && cause.retry === 'later') throw cause;
      return next(cause);
    };
    const all = async (): Promise<Decided> => {
      for (let n = 0; n < batchSize; n++) {
        if (!(await single().catch(unlessAway(again)).catch(unlessAway(park)))) return undefined;
      }
      return { count: batchSize, background: most.background > 0 };
    };
    return unlessAway(all)(error);
  }

  private async parkFirst(unit: UnitOfWork, { tenant }: Rules, one: Most, failed: string | undefined, error: unknown): Promise<Decided> {
    const [delivery] = await unit.undecided(one.live, one.background);
    if (!delivery) return undefined;
    // A live one that has come meanwhile goes before it, and did not fail twice.
    if (delivery.id === failed) await unit.save({ persons: [], absorbed: [], commands: [], outcomes: [this.parked(delivery.id, tenant, error)] });
    return { count: 1, background: delivery.background ?? false };
  }

  /** `trying` is told of the first. */
  private async batch(unit: UnitOfWork, rules: Rules, most: Most, trying?: (id: string) => void): Promise<Decided> {
    const waiting = await unit.undecided(most.live, most.background);
    const [first] = waiting;
    if (!first) return undefined;
    trying?.(first.id);
    for (const { event } of waiting) this.meter.count('connector_events_total', { tenant: rules.tenant, kind: event.kind });
    await unit.save(await this.decideBatch.run(unit, rules, waiting.map((delivery) => this.readAgain(delivery))));
    return { count: waiting.length, background: first.background ?? false };
  }

  private readAgain(delivery: Delivery): Delivery & { unreadable?: unknown } {
    if (delivery.event.kind !== 'unknown' || delivery.body === undefined) return delivery;
    try {
      return { ...delivery, event: this.read(delivery.body, delivery.receivedAt) };
    } catch (unreadable) {
      return { ...delivery, unreadable };
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
