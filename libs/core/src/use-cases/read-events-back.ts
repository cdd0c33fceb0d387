import type { HeldEvent, Profiles } from '../ports/profiles.js';
import type { Records, UnseenEvents } from '../ports/records.js';
import type { Clock } from '../ports/system.js';
import type { RunInHand } from './run-in-hand.js';

/** Klaviyo shows an event "up to a few minutes" after it took it (Klaviyo: Events API overview). */
const showsWithinMs = 10 * 60_000;
const sentAgainAtOnce = 500;

/** Asks Klaviyo for the events it accepted: 202 says that it means to process them, and some it drops. */
export class ReadEventsBack {
  constructor(
    private readonly profiles: Profiles,
    private readonly records: Records,
    private readonly clock: Clock,
  ) {}

  async run(hand: RunInHand): Promise<void> {
    const { tenant, startedAt, options } = hand.run;
    // Gone on with, a dry run finds the same ones again: it has sent none of them.
    if (options.dryRun) delete hand.checkpoint.found['event-not-seen'];
    const acceptedBefore = Math.min(startedAt, this.clock.now() - showsWithinMs);
    for (const unseen of await this.records.unseenEvents(tenant, acceptedBefore)) {
      await this.read(hand, unseen);
      await this.sendAgain(hand, unseen, acceptedBefore);
    }
  }

  private async read(hand: RunInHand, { metric, from, to }: UnseenEvents): Promise<void> {
    const { checkpoint } = hand;
    let next: string | undefined;
    do {
      const cursor = next;
      const page = await hand.asked<{ events: HeldEvent[]; next?: string }>(() => this.profiles.events(hand.run.tenant, metric, from, to, cursor));
      checkpoint.calls.events += 1;
      checkpoint.events.read += page.events.length;
      await this.records.markEventsSeen(hand.run.tenant, page.events.map(({ uniqueId }) => uniqueId));
      hand.save();
      next = page.next;
    } while (next !== undefined);
  }

  private async sendAgain(hand: RunInHand, unseen: UnseenEvents, acceptedBefore: number): Promise<void> {
    const { tenant, options } = hand.run;
    for (;;) {
      const missing = await this.records.stillUnseen(tenant, unseen, acceptedBefore, options.dryRun ? unseen.count : sentAgainAtOnce);
      for (const { personId } of missing) hand.count('event-not-seen', { personId, about: [unseen.metric] });
      if (missing.length === 0 || options.dryRun) return;
      const sentAgain = await this.records.sendEventsAgain(tenant, missing.map(({ commandId }) => commandId));
      hand.checkpoint.events.sentAgain += sentAgain;
      // Klaviyo dropped them a second time, and will hardly take them the third.
      if (sentAgain < missing.length) hand.refuse('event-not-seen', missing.length - sentAgain, { code: 'KLAVIYO_NOT_SEEN' });
      hand.save();
      await hand.saved();
    }
  }
}
