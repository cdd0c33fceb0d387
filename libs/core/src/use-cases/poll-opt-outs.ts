import type { Channel } from '../command.js';
import type { Marketing } from '../ports/marketing.js';
import type { Queue } from '../ports/queue.js';
import type { NewDelivery, Store } from '../ports/store.js';
import type { Clock, Log } from '../ports/system.js';
import type { WalletEvent } from '../wallet/event.js';

const minuteMs = 60_000;
/** How far the first look goes back. An older opt-out is found all the same: Klaviyo is asked before anybody is subscribed on an old yes. */
const firstLookBackMs = 30 * 24 * 60 * minuteMs;
/** So much is read twice: clocks differ, and what happened is not always found at once. */
const overlapMs = 5 * minuteMs;
/** So long the look at a tenant may last; what is left is read at the next one. */
const longestLookMs = 2 * minuteMs;

/** Asks Klaviyo who opted out there, for accounts that cannot send system webhooks, and hands what it hears to the inbox like a webhook. */
export class PollOptOuts {
  constructor(
    private readonly store: Store,
    private readonly queue: Queue,
    private readonly marketing: Marketing,
    /** Whose opt-outs are asked for, and of which channels. */
    private readonly asked: ReadonlyMap<string, readonly Channel[]>,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  async run(tenant?: string): Promise<void> {
    const tenants = tenant === undefined ? [...this.asked.keys()] : [];
    for (const each of tenants) await this.queue.send({ queue: 'poll-opt-outs', data: { tenant: each } });
    if (tenant === undefined) return;
    const endsAt = this.clock.now() + longestLookMs;
    for (const channel of this.asked.get(tenant) ?? []) await this.look(tenant, channel, endsAt);
  }

  private async look(tenant: string, channel: Channel, endsAt: number): Promise<void> {
    const name = `opt-outs:${channel}`;
    const startedAt = this.clock.now();
    const since = (await this.store.watermark(tenant, name)) ?? startedAt - firstLookBackMs;
    let next: string | undefined;
    let heard = 0;
    do {
      const page = await this.marketing.optOuts(tenant, channel, since, next);
      // Asked again at the next look, from where this one came to.
      if ('waitMs' in page) return;
      await this.keep(tenant, channel, page.events);
      heard += page.events.length;
      next = page.next;
      const toldUntil = next === undefined ? startedAt - overlapMs : page.toldUntil;
      if (toldUntil !== undefined && toldUntil > since) await this.store.setWatermark(tenant, name, Math.min(toldUntil, startedAt - overlapMs));
    } while (next !== undefined && this.clock.now() < endsAt);
    if (next !== undefined) this.log.info('opt-outs are still being read', { tenant, channel, heard });
  }

  private async keep(tenant: string, channel: Channel, events: readonly WalletEvent[]): Promise<void> {
    const receivedAt = this.clock.now();
    const deliveries = events.map((event): NewDelivery => ({ tenant, receivedAt, key: `klaviyo:opt-out:${event.profile?.klaviyoId}:${channel}:${event.at}`, event, body: JSON.stringify(event) }));
    if (deliveries.length > 0) await this.store.receive(deliveries);
  }
}
