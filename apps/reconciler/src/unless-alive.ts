import { leaseMs, type Clock, type Reconciled } from '#core';

const lookMs = 2_000;

/** Whoever held the run may have died; its lease runs out soon. One that lives saves how far it is every few seconds. */
export async function unlessAlive(run: () => Promise<Reconciled>, clock: Clock, goesOn: () => boolean = () => true): Promise<Reconciled> {
  const endsAt = clock.now() + leaseMs + lookMs;
  let ended = await run();
  for (let before = ended; ended.is === 'busy' && goesOn() && clock.now() < endsAt; before = ended) {
    await clock.wait(lookMs);
    ended = await run();
    if (ended.is === 'busy' && ended.run.checkpoint.spentMs !== before.run.checkpoint.spentMs) return ended;
  }
  return ended;
}
