import { wallets, type Wallet } from '../wallet/event.js';
import type { ErrorCode } from '../errors.js';
import type { Refusal, RepairFate, Run, RunOptions } from '../ports/runs.js';
import { firstCheckpoint, type Checkpoint, type Phase } from './checkpoint.js';
import { driftKinds, type DriftKind, type Sample } from './drift.js';
import { verdictOf } from './verdict.js';

export interface DriftLine {
  kind: DriftKind;
  /** Before the repairs. */
  found: number;
  repaired: number;
  refused: number;
  /** After them: what is not repaired, whatever the reason. */
  left: number;
  samples: Sample[];
}

/** What a run found and did. It holds ids, names of properties, counts and Klaviyo's words; no address and no value of anybody. */
export interface Report {
  /** In ten seconds: is there anything to worry about? */
  verdict: { worry: 'no' | 'look' | 'yes'; says: string };
  /** Every kind that was looked for, those of which nothing was found included. */
  drift: DriftLine[];
  refusals: Refusal[];
  /** Wallets from which webhooks seem to have stopped. */
  silent: { wallet: Wallet; heard: number; unheard: number }[];
  /** So many passes seem to be gone from wallets that it was not believed and not repaired, and how many were in one. */
  implausible?: { absent: number; installed: number };
  read: { passes: number; profiles: number; persons: number; events: number };
  calls: { passes: number; profiles: number; events: number };
  /** Milliseconds of work, and the least that the limits allow for these calls at our share. */
  tookMs: number;
  leastMs: number;
  adoption: Checkpoint['adoption'];
  installs: Checkpoint['installs'];
  dryRun: boolean;
  /** It did not come to its end: what comes after this phase was not looked at. */
  stopped?: { why: 'cancelled' | 'failed'; at: Phase };
  code?: ErrorCode;
}

/** What a report is made of, once a run has ended. */
export interface EndedRun {
  status: Exclude<Run['status'], 'running'>;
  options: RunOptions;
  checkpoint: Checkpoint;
  fates: readonly RepairFate[];
  refusals: readonly Refusal[];
  /** How many calls in a minute were ours: of pages of passes, and of pages of profiles. */
  callsPerMinute: { passes: number; profiles: number };
  tookMs: number;
  code?: ErrorCode;
}

export function reportOf({ status, options, checkpoint, fates, refusals, callsPerMinute, tookMs, code }: EndedRun): Report {
  const { passes, profiles, persons, events, calls } = checkpoint;
  // A share of what changed lately would look like one of all.
  const { adoption, installs } = options.since === undefined ? checkpoint : firstCheckpoint();
  const facts = {
    drift: driftLines(options, checkpoint, fates),
    refusals: [...refusals].toSorted((a, b) => b.count - a.count),
    silent: silentWallets(checkpoint.heard),
    ...(checkpoint.implausible ? { implausible: checkpoint.implausible } : {}),
    read: { passes: passes.read, profiles: profiles.read, persons: persons.read, events: events.read },
    calls,
    tookMs,
    // The two vendors can be read at the same time: the longer reading is the least.
    leastMs: Math.max(minutes(calls.passes, callsPerMinute.passes), minutes(calls.profiles, callsPerMinute.profiles)),
    adoption,
    installs,
    dryRun: options.dryRun,
    ...(status === 'done' ? {} : { stopped: { why: status, at: checkpoint.phase } }),
    ...(code ? { code } : {}),
  };
  return { verdict: verdictOf(facts), ...facts };
}

function driftLines({ only, dryRun }: RunOptions, { found, events }: Checkpoint, fates: readonly RepairFate[]): DriftLine[] {
  return (Object.keys(driftKinds) as DriftKind[])
    .filter((kind) => found[kind] || only.length === 0 || only.includes(driftKinds[kind].part))
    .map((kind) => {
      const { count = 0, samples = [] } = found[kind] ?? {};
      const fate = dryRun || driftKinds[kind].repair === 'reported' ? undefined : fates.find((one) => one.kind === kind);
      const repaired = kind === 'event-not-seen' ? events.sentAgain : (fate?.repaired ?? 0);
      // A process that died may have handed repairs over that it had not counted yet; the inbox has each of them once.
      const all = Math.max(count, fate ? fate.repaired + fate.refused + fate.open : 0);
      return { kind, found: all, repaired, refused: fate?.refused ?? 0, left: Math.max(0, all - repaired), samples };
    });
}

/** Single webhooks get lost; where more than half of several installs came without one, the source is silent. */
const fewestUnheard = 5;

function silentWallets(heard: Checkpoint['heard']): Report['silent'] {
  return wallets.map((wallet) => ({ wallet, ...heard[wallet] })).filter(({ heard: told, unheard }) => unheard >= fewestUnheard && unheard > told);
}

function minutes(calls: number, perMinute: number): number {
  return Math.round((calls / perMinute) * 60_000);
}
