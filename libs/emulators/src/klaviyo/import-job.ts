import type { Account } from './account.js';
import { uuidOf } from './ids.js';
import type { List } from './list.js';
import { applyChange, hasIdentifier, identifiersOf, noIdentifierDetail, type ProfileChange, valueProblems } from './profile-change.js';
import type { Fields } from './shape.js';

export interface ImportError {
  id: string;
  code: string;
  title: string;
  detail: string;
  pointer: string;
  originalPayload: unknown;
}

/** A bulk import: accepted as a whole, applied profile by profile, complete even when some of them failed. */
export class ImportJob {
  status: 'queued' | 'processing' | 'complete' = 'queued';
  completed = 0;
  failed = 0;
  started: number | undefined;
  finished: number | undefined;
  readonly errors: ImportError[] = [];

  constructor(
    readonly id: string,
    /** Microseconds. */
    readonly created: number,
    private entries: readonly { change: ProfileChange; payload: unknown }[],
    readonly lists: readonly List[],
  ) {
    this.total = entries.length;
  }

  readonly total: number;

  start(at: number): void {
    // Timers of a busy process may fire out of order: a finished job stays finished.
    if (this.status !== 'queued') return;
    this.status = 'processing';
    this.started = at;
  }

  apply(account: Account): void {
    for (const [index, { change, payload }] of this.entries.entries()) {
      const problem = this.importOne(account, change);
      if (problem) this.fail(index, problem, payload);
      else this.completed++;
    }
    this.status = 'complete';
    this.finished = account.tick();
    this.entries = [];
  }

  /** Consent is not touched: an import only sets properties and memberships. */
  private importOne(account: Account, change: ProfileChange): { code: string; field: string; detail: string } | undefined {
    const { profiles } = account;
    const [bad] = valueProblems(change);
    if (bad) return { code: 'invalid', field: `/attributes/${bad[0]}`, detail: bad[1] };
    if (!hasIdentifier(change)) return { code: 'invalid', field: '/attributes', detail: noIdentifierDetail };
    if (change.id !== undefined && !profiles.get(change.id)) return { code: 'not_found', field: '/id', detail: `A profile with id ${change.id} does not exist.` };
    const matches = profiles.matches(identifiersOf(change));
    if (matches.length > 1) return { code: 'duplicate_profile', field: '/attributes', detail: 'A profile already exists with one of these identifiers.' };
    const existing = matches[0];
    const profile = existing ?? profiles.create();
    applyChange(profiles, profile, change);
    if (existing) profiles.touch(profile);
    for (const list of this.lists) account.join(list, profile, { triggersFlows: true });
    return undefined;
  }

  private fail(index: number, { code, field, detail }: { code: string; field: string; detail: string }, payload: unknown): void {
    this.failed++;
    this.errors.push({
      id: uuidOf(`${this.id} ${index}`), code, title: code === 'duplicate_profile' ? 'Conflict.' : 'Invalid input.', detail,
      pointer: `/data/attributes/profiles/data/${index}${field}`, originalPayload: payload,
    });
  }
}

export const importErrorJson = ({ id, code, title, detail, pointer, originalPayload }: ImportError): Fields => ({
  type: 'import-error',
  id,
  attributes: { code, title, detail, source: { pointer }, original_payload: originalPayload },
});
