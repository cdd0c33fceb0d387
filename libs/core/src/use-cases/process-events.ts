import { ConnectorError } from '../errors.js';
import { hookNames } from '../plugin/hooks.js';
import type { PluginHost } from '../plugin/host.js';
import type { Queue } from '../ports/queue.js';
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
/** After so many batches the tenant goes back to the queue, so that every tenant gets its turn. */
const turnBatches = 20;

/** Takes waiting deliveries, decides about each in the order they came, and saves state, commands and outcomes together. */
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
      await this.intake.calm(rules.tenant, mostCourtesyMs);
      const size = hookNames.some((hook) => this.plugins.has(rules.tenant, hook)) ? batchSizeWithPlugins : batchSize;
      const decided = await this.store.alone(rules.tenant, (unit) => this.batch(unit, rules, size)).catch((error: unknown) => this.oneByOne(error, rules));
      if (decided > 0) this.queue.wake('send-commands');
      if (decided < size) return false;
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
    for (const { event } of waiting) this.meter.count('connector_events_total', { tenant: rules.tenant, kind: event.kind });
    await unit.save(await this.decideBatch.run(unit, rules, waiting.map((delivery) => this.readAgain(delivery))));
    return waiting.length;
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
