import type { Answer, Command, Grant, Outgoing, Slot } from '#core';
import type { Account } from './account.js';
import { later } from './answers.js';
import { limits, type Operation } from './limits.js';
import { withPassLinks } from './pass-links.js';

/** Nobody waits for what goes in the background: so many batches go as one, unless they are full. */
export const gatherInBackground = 4;

/** Leave that is used once, for sending or for giving it back; afterwards nothing is left of it. */
export function slotOf<C extends Command>(
  account: Account,
  leave: { items: number; bytes: number; permits: string[] },
  send: (commands: Outgoing<C>[], permits: string[]) => Promise<Answer[]>,
): Slot {
  let open = leave.permits;
  const take = () => {
    const permits = open;
    open = [];
    return permits;
  };
  return {
    items: leave.items,
    bytes: leave.bytes,
    async send(commands) {
      const permits = take();
      if (commands.length === 0 || permits.length === 0) {
        await account.giveBack(permits);
        return commands.map((outgoing) => later(outgoing, 'KLAVIYO_BUSY', 0));
      }
      const answers = new Map<string, Answer>();
      try {
        for (const answer of await send(commands.map((outgoing) => withPassLinks(outgoing as Outgoing<C>, account.vault)), permits)) answers.set(answer.id, answer);
      } catch (error) {
        account.log.error('Sending to Klaviyo failed unexpectedly', { account: account.name, error: error instanceof Error ? error.name : 'unknown' });
      }
      return commands.map((outgoing) => answers.get(outgoing.id) ?? later(outgoing, 'KLAVIYO_UNAVAILABLE'));
    },
    async release() {
      await account.giveBack(take());
    },
  };
}

/** An account that failed lately is tried with one item, so that a failure costs one item a try and not thousands. */
export function probing(grant: Grant, items: number): number {
  return grant.failures > 0 ? 1 : items;
}

/** A request is longer than its commands: who it is about and the wrapping of JSON:API come on top. What still does not fit goes in a second request. */
export function claimableBytes(operation: Operation): number {
  const { maxBytes, maxItems } = limits[operation];
  return Math.floor(Math.max(maxBytes * 0.7, maxBytes - maxItems * 300));
}
