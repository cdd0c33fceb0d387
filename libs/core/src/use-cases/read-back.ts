import type { Marketing } from '../ports/marketing.js';
import type { Queue } from '../ports/queue.js';
import type { Store } from '../ports/store.js';
import type { Log } from '../ports/system.js';

/** Klaviyo shows an event within minutes; after these looks it is reported. */
const looks = 5;
const betweenLooksMs = 10 * 60_000;

/** Turns "accepted" into "seen" for a sample of events: Klaviyo answers 202 before it processes, and may still drop them. */
export class ReadBack {
  constructor(
    private readonly store: Store,
    private readonly queue: Queue,
    private readonly marketing: Marketing,
    private readonly log: Log,
  ) {}

  async run(tenant: string, commandId: string, tries: number): Promise<void> {
    const outgoing = await this.store.command(tenant, commandId);
    if (outgoing?.command.do !== 'track') return;
    const seen = await this.marketing.seen(tenant, outgoing.identity, outgoing.command);
    if (seen) return this.store.markSeen(tenant, commandId, true);
    if (tries + 1 < looks) return this.queue.send({ queue: 'read-back', data: { tenant, commandId, tries: tries + 1 }, afterMs: betweenLooksMs });
    if (seen === undefined) return;
    this.log.warn('an accepted event does not show in Klaviyo', { tenant, command: commandId, code: 'KLAVIYO_NOT_SEEN' });
    await this.store.markSeen(tenant, commandId, false);
  }
}
