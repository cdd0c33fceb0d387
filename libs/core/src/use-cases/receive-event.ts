import { ConnectorError } from '../errors.js';
import type { NewDelivery, Receipt, Store } from '../ports/store.js';
import type { Clock } from '../ports/system.js';

/** So many deliveries are written together at the most; more makes single statements slow without gaining throughput. */
const batchSize = 250;
/** Accepted connections whose delivery is not yet being written; beyond it the sender is asked to come back. */
const mostWaiting = 5_000;

/** So many deliveries within a tenth of a second are a rush. */
const rushPerWindow = 50;
const windowMs = 100;

/**
 * Puts deliveries on disk. While one batch is being written the next one gathers (group commit): one transaction per
 * delivery costs a disk flush each and is several times slower. A delivery is acknowledged only after its own commit.
 */
export class ReceiveEvents {
  private gathering: { delivery: NewDelivery; resolve: (receipt: Receipt) => void; reject: (error: unknown) => void }[] = [];
  private writing = false;
  private closed = false;
  private window: { startsAt: number; counts: Map<string, number>; before: Map<string, number> } = { startsAt: 0, counts: new Map(), before: new Map() };

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly backlogLimit: number,
  ) {}

  receive(delivery: NewDelivery): Promise<Receipt> {
    if (this.closed) return Promise.reject(new ConnectorError('SHUTTING_DOWN'));
    const { counts } = this.rolled();
    counts.set(delivery.tenant, (counts.get(delivery.tenant) ?? 0) + 1);
    if (this.gathering.length >= mostWaiting) return Promise.reject(new ConnectorError('BACKLOG_FULL'));
    return new Promise((resolve, reject) => {
      this.gathering.push({ delivery, resolve, reject });
      if (!this.writing) void this.write();
    });
  }

  /** For a webhook that brings many events at once: answered when all of them are on disk. When one is not, the sender repeats them all, and each that was is recognised by its key. */
  receiveAll(deliveries: readonly NewDelivery[]): Promise<Receipt[]> {
    return Promise.all(deliveries.map((delivery) => this.receive(delivery)));
  }

  /**
   * Resolves when no rush of a tenant's webhooks is under way, at the latest after `mostMs`. Their senders wait for an answer; what is
   * decided a moment later nobody notices. The rush of one tenant keeps no other waiting.
   */
  async calm(tenant: string, mostMs: number): Promise<void> {
    for (const endsAt = this.clock.now() + mostMs; this.isRush(tenant) && this.clock.now() < endsAt; ) await this.clock.wait(windowMs / 4);
  }

  private isRush(tenant: string): boolean {
    const { counts, before } = this.rolled();
    return Math.max(counts.get(tenant) ?? 0, before.get(tenant) ?? 0) >= rushPerWindow;
  }

  private rolled(): ReceiveEvents['window'] {
    const now = this.clock.now();
    const age = now - this.window.startsAt;
    if (age >= windowMs || age < 0) this.window = { startsAt: now, counts: new Map(), before: age < 2 * windowMs ? this.window.counts : new Map() };
    return this.window;
  }

  /** Refuses new deliveries; those already taken are still written and answered. */
  close(): void {
    this.closed = true;
  }

  private async write(): Promise<void> {
    this.writing = true;
    for (;;) {
      // Everything that arrives in the same turn of the event loop goes into one batch. Without it, under load, every second
      // transaction would hold a single delivery.
      await this.clock.nextTurn();
      const batch = this.gathering.splice(0, batchSize);
      if (batch.length === 0) break;
      try {
        if ((await this.store.backlog()) >= this.backlogLimit) throw new ConnectorError('BACKLOG_FULL');
        const receipts = await this.store.receive(batch.map(({ delivery }) => delivery));
        batch.forEach(({ resolve }, i) => resolve(receipts[i]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.writing = false;
  }
}
