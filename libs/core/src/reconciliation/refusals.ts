import type { Refused } from '../ports/records.js';
import type { Refusal } from '../ports/runs.js';

/** A report that gives more reasons is not read. */
export const mostRefusals = 50;

/** Klaviyo gives each error an id of its own, for its support. It stands in the ledger; among reasons it would make each answer one of its own. Also a regular expression of PostgreSQL. */
export const errorId = ' \\(error [0-9A-Fa-f-]{36}\\)';
const errorIds = new RegExp(errorId, 'g');

/** Counts what was refused with the others of the same reason. */
export function withRefusal(refusals: readonly Refusal[], { code, words, deliveryId }: Refused, personId: string | undefined, count = 1): Refusal[] {
  return sumOfRefusals(refusals, [{ code, ...(words === undefined ? {} : { words: words.replaceAll(errorIds, '') }), count, sample: { ...(personId === undefined ? {} : { personId }), ...(deliveryId === undefined ? {} : { deliveryId }) } }]);
}

/** The most frequent reason first. */
export function sumOfRefusals(some: readonly Refusal[], others: readonly Refusal[]): Refusal[] {
  const sums = [...some];
  for (const one of others) {
    const at = sums.findIndex(({ code, words }) => code === one.code && words === one.words);
    if (at < 0) sums.push(one);
    else sums[at] = { ...sums[at]!, count: sums[at]!.count + one.count };
  }
  return sums.toSorted((a, b) => b.count - a.count).slice(0, mostRefusals);
}
