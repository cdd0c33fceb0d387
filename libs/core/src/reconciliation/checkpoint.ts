import type { Refusal } from '../ports/runs.js';
import type { DriftKind, Sample } from './drift.js';

/** A stretch of time in which profiles were created, read from its beginning to its end. Epoch ms; all below `at` is read. */
export interface Stretch {
  from: number;
  to: number;
  at: number;
  /** Who is read of those at `at` itself; a page may end between them. */
  readAt?: string[];
  done: boolean;
}

export const phases = ['passes', 'absences', 'deciding', 'profiles', 'again', 'missing', 'events', 'repairs', 'done'] as const;
/**
 * What a run is at: reading all passes; passes that are not where we take them to be; waiting until what it found is decided; reading all profiles;
 * looking again at what was too fresh to be judged; known persons without a profile; reading events back; waiting for the answers to its repairs.
 */
export type Phase = (typeof phases)[number];

/** While it is at one of these, more may be found that is to be repaired. */
export const findingPhases = ['passes', 'absences', 'deciding', 'profiles', 'missing', 'events'] as const satisfies Phase[];

/** How far a run is; with it another process goes on. Plain data. */
export interface Checkpoint {
  phase: Phase;
  passes: { next: number; read: number; total?: number };
  profiles: { stretches: Stretch[]; read: number };
  /** What was too fresh to be judged when it was read: whether passes were, and ids of profiles. */
  fresh: { passes: boolean; profiles: string[] };
  /** Where the walk over known persons is. */
  persons: { after?: string; read: number };
  events: { read: number; sentAgain: number };
  /** Calls made, by operation. */
  calls: { passes: number; profiles: number; events: number };
  /** `refused`: how many of them it gave up; `refusedBefore`: how many were refused before this run, which did not try them again. */
  found: Partial<Record<DriftKind, { count: number; refused?: number; refusedBefore?: number; samples: Sample[] }>>;
  /** Why they were. */
  refusals?: Refusal[];
  /** Installs per month (`2026-03`) and wallet, by the passes that are installed now. */
  installs: Record<string, { Apple: number; Google: number }>;
  /** Passes, and how many of them are in a wallet now. */
  adoption: { passes: number; Apple: number; Google: number; any: number };
  /** Installs since the last run that webhooks told of, and that they did not, by wallet. */
  heard: Record<'Apple' | 'Google', { heard: number; unheard: number }>;
  /** So many passes seem to be gone from wallets that it was not believed, and how many were in one. */
  implausible?: { absent: number; installed: number };
  /** Time spent by processes that have ended. Milliseconds. */
  spentMs: number;
}

export function firstCheckpoint(): Checkpoint {
  return {
    phase: 'passes',
    passes: { next: 0, read: 0 },
    profiles: { stretches: [], read: 0 },
    fresh: { passes: false, profiles: [] },
    persons: { read: 0 },
    events: { read: 0, sentAgain: 0 },
    calls: { passes: 0, profiles: 0, events: 0 },
    found: {},
    installs: {},
    adoption: { passes: 0, Apple: 0, Google: 0, any: 0 },
    heard: { Apple: { heard: 0, unheard: 0 }, Google: { heard: 0, unheard: 0 } },
    spentMs: 0,
  };
}
