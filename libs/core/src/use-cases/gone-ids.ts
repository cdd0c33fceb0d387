import type { Profiles } from '../ports/profiles.js';
import type { RunInHand } from './run-in-hand.js';

/** Profiles that Klaviyo is asked for with one call. */
export const idsAtOnce = 100;

/** Which of these ids Klaviyo has no more. */
export async function goneIds(hand: RunInHand, profiles: Pick<Profiles, 'byIds'>, ids: readonly string[]): Promise<Set<string>> {
  const gone = new Set(ids);
  for (let next = 0; next < ids.length; next += idsAtOnce) {
    const held = await hand.asked(() => profiles.byIds(hand.run.tenant, ids.slice(next, next + idsAtOnce)));
    hand.checkpoint.calls.profiles += 1;
    for (const { name } of held) gone.delete(name.klaviyoId);
  }
  return gone;
}
