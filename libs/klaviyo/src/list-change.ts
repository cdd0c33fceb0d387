import type { Answer, Outgoing, Subscribe, Unsubscribe } from '#core';
import type { Account, Outcome, Patience } from './account.js';
import { accepted, fromVerdict } from './answers.js';
import { sendIsolated } from './isolation.js';
import type { Operation } from './limits.js';
import { wireBytes } from './requests.js';

/** How long what is meant for a list that Klaviyo does not know waits for it. */
export const listMissingWaitMs = 300_000;

/** Subscriptions or their ends that can share a request, and how they are put into one. */
export interface ListChange<C extends Subscribe | Unsubscribe, E> {
  operation: Operation;
  commands: Outgoing<C>[];
  entry(outgoing: Outgoing<C>): E;
  call(entries: E[], permit: string): Promise<Outcome>;
}

/** Sends them and answers each one. Without a permit of its own the first request takes one too. */
export async function sendListChange<C extends Subscribe | Unsubscribe, E>(account: Account, change: ListChange<C, E>, permit: string | undefined, patience: Patience): Promise<Answer[]> {
  const items = change.commands.map((outgoing) => {
    const entry = change.entry(outgoing);
    return { outgoing, entry, bytes: wireBytes(entry) };
  });
  const verdicts = await sendIsolated({
    account, operation: change.operation, items, patience,
    ...(permit === undefined ? {} : { permit }),
    call: async (part, leave) => listMissing(await change.call(part.map(({ entry }) => entry), leave)),
  });
  return items.map((item) => {
    const verdict = verdicts.get(item);
    return verdict?.is === 'taken' ? accepted(item.outgoing) : fromVerdict(item.outgoing, verdict);
  });
}

/** A list that Klaviyo does not know is a matter of settings: what is meant for it waits, instead of being parked one by one. */
function listMissing(outcome: Outcome): Outcome {
  if (outcome.ok) return outcome;
  const { problem } = outcome;
  const aboutList = problem.kind === 'missing' || (problem.kind === 'items' && problem.pointers.some((pointer) => pointer.startsWith('/data/relationships/list')));
  return aboutList ? { ok: false, problem: { ...problem, kind: 'later', code: 'KLAVIYO_LIST_MISSING', waitMs: listMissingWaitMs } } : outcome;
}
