import type { ErrorCode } from '#core';
import type { Account, Outcome, Patience } from './account.js';
import type { Problem, VendorError } from './errors.js';
import { limits, type Operation } from './limits.js';
import { fitting } from './requests.js';

/** What became of one item of a bulk request. `position` is its index in the request that took it, `data` that request's answer. */
export type Verdict =
  | { is: 'taken'; data: unknown; position: number }
  | { is: 'refused'; code: ErrorCode; error: VendorError }
  | { is: 'later'; code: ErrorCode; waitMs?: number; words?: string };

export interface Bulk<T extends { bytes: number }> {
  account: Account;
  operation: Operation;
  items: T[];
  /** Leave for the first request, already taken; further requests take their own. */
  permit?: string;
  patience: Patience;
  call(items: T[], permit: string): Promise<Outcome>;
}

/** More requests than this in one send would be a batch that is bad throughout; the rest goes with the next one. */
const mostRequests = 40;

/**
 * Klaviyo validates a bulk request as a whole: one bad item and none is taken. So the items its pointers name are refused
 * and the others sent again; where no pointer helps, the batch is halved until the culprits stand alone.
 */
export async function sendIsolated<T extends { bytes: number }>(bulk: Bulk<T>): Promise<Map<T, Verdict>> {
  const verdicts = new Map<T, Verdict>();
  const decide = (items: T[], verdict: Verdict) => items.forEach((item) => verdicts.set(item, verdict));
  const parts = packed(bulk.items, bulk.operation);
  let { permit } = bulk;
  let requests = 0;

  for (let part = parts.shift(); part; part = parts.shift()) {
    if (requests++ === mostRequests) {
      decide([part, ...parts].flat(), { is: 'later', code: 'KLAVIYO_BUSY', waitMs: 0 });
      break;
    }
    if (permit === undefined) {
      const taken = await bulk.account.takeOne(bulk.operation, bulk.patience);
      if (!('permit' in taken)) {
        decide([part, ...parts].flat(), { is: 'later', code: 'KLAVIYO_BUSY', waitMs: taken.waitMs });
        break;
      }
      permit = taken.permit;
    }
    const outcome = await bulk.call(part, permit);
    permit = undefined;

    if (outcome.ok) {
      part.forEach((item, position) => verdicts.set(item, { is: 'taken', data: outcome.data, position }));
      continue;
    }
    const { problem } = outcome;
    if (problem.kind === 'later') {
      decide([part, ...parts].flat(), { is: 'later', code: problem.code, words: problem.words, ...(problem.waitMs === undefined ? {} : { waitMs: problem.waitMs }) });
      break;
    }
    const named = culprits(problem, part.length);
    const [first] = problem.errors;
    if (named.size > 0) {
      part.forEach((item, index) => {
        const error = named.get(index);
        if (error) verdicts.set(item, { is: 'refused', code: problem.code, error });
      });
      const rest = part.filter((_, index) => !named.has(index));
      if (rest.length > 0) parts.unshift(rest);
    } else if (part.length === 1 || concernsAll(problem)) {
      decide(part, { is: 'refused', code: problem.code, error: first ?? { code: problem.status, words: problem.words } });
    } else {
      const middle = Math.ceil(part.length / 2);
      parts.unshift(part.slice(0, middle), part.slice(middle));
    }
  }
  if (permit !== undefined) await bulk.account.giveBack([permit]);
  return verdicts;
}

function packed<T extends { bytes: number }>(items: T[], operation: Operation): T[][] {
  const { maxItems, maxBytes } = limits[operation];
  const parts: T[][] = [];
  for (let from = 0; from < items.length; ) {
    const part = fitting(items.slice(from, from + maxItems), maxItems, maxBytes);
    parts.push(part);
    from += part.length;
  }
  return parts;
}

/** The items that the pointers of a refusal name, by index. */
export function culprits(problem: Pick<Problem, 'errors'>, length: number): Map<number, VendorError> {
  const named = new Map<number, VendorError>();
  for (const error of problem.errors) {
    const index = indexIn(error.pointer);
    if (index !== undefined && index < length && !named.has(index)) named.set(index, error);
  }
  return named;
}

export function indexIn(pointer: string | undefined): number | undefined {
  const match = /\/(?:events-bulk-create|profiles)\/data\/(\d{1,5})(?:\/|$)/.exec(pointer ?? '');
  return match ? Number(match[1]) : undefined;
}

/** What is said once for the whole request is wrong for each of its items: halving would only burn calls. */
function concernsAll(problem: Problem): boolean {
  return problem.kind === 'missing' || (problem.pointers.length > 0 && problem.pointers.every((pointer) => /^\/data\/(relationships|attributes\/(custom_source|historical_import))(\/|$)/.test(pointer)));
}
