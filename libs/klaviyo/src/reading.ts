import { ConnectorError, type ErrorCode, type NotNow } from '#core';
import type { AxiosResponse } from 'axios';
import type { Account } from './account.js';
import { type Problem, record } from './errors.js';
import { cursorOf } from './filters.js';
import type { Operation } from './limits.js';
import type { Sdk } from './sdk.js';

/** One page of a list, as Klaviyo gave it. */
export interface Listed {
  data: Record<string, unknown>[];
  included: unknown;
  /** The cursor of the next page. */
  next?: string;
}

/** Klaviyo could not be asked, for a reason of which nobody knows when it ends. */
const aMinute = 60_000;
/** Short enough for a run that is asked to end, long enough for the next second's permits. */
const patienceMs = 10_000;
/**
 * How close pages may follow each other, in parts of the distance at which a minute's calls are spread evenly. A run that took them as fast as a
 * second allows would keep the machine busy for the first half of each minute and wait for the other, and webhooks would wait behind it. A little
 * closer than evenly, so that a page that came late costs nothing.
 */
const closest = 0.85;

/** These last until somebody does something; a run that waited for that would never end. */
const lasting = new Set<ErrorCode>(['KLAVIYO_KEY_REFUSED', 'KLAVIYO_SCOPE_MISSING', 'KLAVIYO_REVISION_RETIRED']);

/** Reads one page in the background. Throws what no waiting mends: a missing scope, a refused key, a question that Klaviyo refuses. */
export async function readPage(account: Account, operation: Operation, cursor: string | undefined, ask: (sdk: Sdk, page: { pageCursor?: string }) => Promise<{ response: AxiosResponse }>): Promise<Listed | NotNow> {
  const spacingMs = closest * account.background.spacingMs(operation);
  // Ahead by the distance to the page before: otherwise each page would ask for leave twice, the first time in vain.
  const taken = await account.background.takeOne(operation, { leftMs: patienceMs }, { spacingMs, aheadMs: Math.ceil(spacingMs) });
  if (!('permit' in taken)) return { waitMs: taken.waitMs };
  const outcome = await account.call(operation, taken.permit, (sdk) => ask(sdk, cursor === undefined ? {} : { pageCursor: cursor }));
  if (!outcome.ok) {
    const { problem } = outcome;
    if (isLasting(problem)) throw new ConnectorError(problem.code, `${operation}: ${problem.words}`);
    return { waitMs: problem.waitMs ?? aMinute };
  }
  const answer = record(outcome.data);
  // No data where data must be is no answer: it must not be read as "there is nothing".
  if (!Array.isArray(answer['data'])) {
    account.log.warn('Klaviyo answered without data', { account: account.name, operation, waitMs: aMinute });
    return { waitMs: aMinute };
  }
  const next = cursorOf(record(answer['links'])['next']);
  return { data: answer['data'].map(record), included: answer['included'], ...(next === undefined || next === cursor ? {} : { next }) };
}

function isLasting({ kind, code }: Problem): boolean {
  return kind !== 'later' || lasting.has(code);
}
