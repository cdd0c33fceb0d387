import type { ImportProgress } from '#core';
import { type Account, aWhile, type Patience } from './account.js';
import { record, vendorError } from './errors.js';
import { cursorOf } from './filters.js';
import type { ImportMemory } from './import-memory.js';
import { indexIn } from './isolation.js';
import { scrub } from './words.js';

const minute = 60_000;
const pageSize = 100;
/** How long Klaviyo keeps a job is not published; one that has not moved for a day is not coming back. */
const givenUpAfterMs = 24 * 60 * minute;

/** Looks at an import; when it is complete, reads every page of its errors: complete with failures is normal at Klaviyo. */
export async function importProgress(account: Account, memory: ImportMemory, receipt: string): Promise<ImportProgress> {
  const lost = (): ImportProgress => {
    memory.forget(receipt);
    return { done: true, lost: true, refused: [] };
  };
  // Asking for the job without an id would answer with the list of all jobs.
  if (receipt === '') return lost();
  const patience = aWhile();
  const taken = await account.takeOne('get_bulk_import_profiles_job', patience);
  if (!('permit' in taken)) return { done: false, waitMs: taken.waitMs };
  const outcome = await account.call('get_bulk_import_profiles_job', taken.permit, (sdk) => sdk.profiles.getBulkImportProfilesJob(receipt));
  if (!outcome.ok) return outcome.problem.kind !== 'later' ? lost() : { done: false, waitMs: outcome.problem.waitMs ?? 10_000 };

  const attributes = record(record(record(outcome.data)['data'])['attributes']);
  if (attributes['status'] === 'cancelled') return lost();
  if (attributes['status'] === 'complete') return readErrors(account, memory, receipt, patience);
  const age = account.clock.now() - Date.parse(String(attributes['created_at']));
  if (age > givenUpAfterMs) return lost();
  // Young jobs are asked often, old ones seldom.
  return { done: false, waitMs: Number.isFinite(age) ? Math.min(minute, Math.max(2000, age / 4)) : 10_000 };
}

async function readErrors(account: Account, memory: ImportMemory, receipt: string, patience: Patience): Promise<ImportProgress> {
  const reading = memory.reading(receipt);
  for (;;) {
    const taken = await account.takeOne('get_errors_for_bulk_import_profiles_job', patience);
    // The pages read so far are kept for the next visit: 10 000 errors are 100 pages, more than a visit should wait for.
    if (!('permit' in taken)) return { done: false, waitMs: taken.waitMs };
    const outcome = await account.call('get_errors_for_bulk_import_profiles_job', taken.permit, (sdk) =>
      sdk.profiles.getErrorsForBulkImportProfilesJob(receipt, { pageSize, ...(reading.cursor === undefined ? {} : { pageCursor: reading.cursor }) }),
    );
    if (!outcome.ok) {
      // A cursor that no longer works must not be tried for ever.
      if (outcome.problem.kind !== 'later') memory.reread(receipt);
      return { done: false, waitMs: outcome.problem.waitMs ?? 10_000 };
    }
    const page = record(outcome.data);
    for (const entry of Array.isArray(page['data']) ? (page['data'] as unknown[]) : []) {
      const attributes = record(record(entry)['attributes']);
      const error = vendorError(attributes);
      const position = indexIn(error.pointer) ?? memory.positionOf(receipt, attributes['original_payload']);
      if (position === undefined) reading.unmatched++;
      else if (!reading.refused.has(position)) reading.refused.set(position, scrub(error.words, textsIn(attributes['original_payload'])));
    }
    const next = cursorOf(record(page['links'])['next']);
    if (next === undefined || next === reading.cursor) break;
    reading.cursor = next;
  }
  if (reading.unmatched > 0) {
    // To guess would park the wrong persons, to send all again would never end: the nightly comparison repairs these profiles.
    account.log.error('Klaviyo reports import errors that belong to no known item', { account: account.name, code: 'KLAVIYO_REFUSED_ITEM', items: reading.unmatched });
  }
  const refused = [...reading.refused].map(([position, words]) => ({ position, code: 'KLAVIYO_REFUSED_ITEM' as const, words }));
  memory.forget(receipt);
  return { done: true, lost: false, refused };
}

/** What the refused profile holds, so that none of it stays in the words. */
function textsIn(payload: unknown, depth = 0): string[] {
  if (typeof payload === 'string') return payload.length > 3 ? [payload] : [];
  return depth > 5 ? [] : Object.values(record(payload)).flatMap((value) => textsIn(value, depth + 1));
}
