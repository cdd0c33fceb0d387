import { wallets, type Wallet } from '../wallet/event.js';
import type { ErrorCode } from '../errors.js';
import type { Refusal, RepairFate, Run, RunOptions } from '../ports/runs.js';
import { sumOfRefusals } from './refusals.js';
import { firstCheckpoint, type Checkpoint, type Phase } from './checkpoint.js';
import { driftKinds, foundByWholeRuns, isRepaired, type DriftKind, type Sample } from './drift.js';
import { verdictOf } from './verdict.js';

export interface DriftLine {
  kind: DriftKind;
  /** Before the repairs. */
  found: number;
  repaired: number;
  /** Those of earlier runs, which this one did not try again, included. */
  refused: number;
  refusedBefore: number;
  /** After them: what is not repaired, whatever the reason. */
  left: number;
  samples: Sample[];
}

export interface Asks {
  events: number;
  profiles: number;
  tokens: number;
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
  /** What its repairs asked for: events and profiles of Klaviyo, tokens of The Wallet Crew. */
  asked: Asks;
  /** Milliseconds of work, and the least that the limits allow for these calls and repairs at our share. */
  tookMs: number;
  leastMs: number;
  adoption: Checkpoint['adoption'];
  installs: Checkpoint['installs'];
  dryRun: boolean;
  /** Only what changed since then (epoch ms) was looked at. */
  since?: number;
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
  asked: Asks;
  pace: Pace;
  tookMs: number;
  code?: ErrorCode;
}

/** How much of it a minute was ours. */
export interface Pace {
  /** Calls of The Wallet Crew, whatever for. */
  walletCrewCalls: number;
  profilePages: number;
  /** Written to Klaviyo in bulk. */
  events: number;
  profiles: number;
}

/** Whose it is, and then a token. */
const callsPerToken = 2;

/** The least time that the limits allow for this much, in milliseconds. All limits are limits of their own: the longest counts. */
export function leastMs(pages: { passes: number; profiles: number }, { events, profiles, tokens }: Asks, pace: Pace): number {
  const minutes = Math.max((pages.passes + callsPerToken * tokens) / pace.walletCrewCalls, pages.profiles / pace.profilePages, events / pace.events, profiles / pace.profiles);
  return Math.round(minutes * 60_000);
}

export function reportOf({ status, options, checkpoint, fates, refusals, asked, pace, tookMs, code }: EndedRun): Report {
  const { passes, profiles, persons, events, calls } = checkpoint;
  // A share of what changed lately would look like one of all.
  const { adoption, installs } = options.since === undefined ? checkpoint : firstCheckpoint();
  const facts = {
    drift: driftLines(options, checkpoint, fates),
    refusals: sumOfRefusals(refusals, checkpoint.refusals ?? []),
    silent: silentWallets(checkpoint.heard),
    ...(checkpoint.implausible ? { implausible: checkpoint.implausible } : {}),
    read: { passes: passes.read, profiles: profiles.read, persons: persons.read, events: events.read },
    calls,
    asked,
    tookMs,
    leastMs: leastMs(calls, asked, pace),
    adoption,
    installs,
    dryRun: options.dryRun,
    ...(options.since === undefined ? {} : { since: options.since }),
    ...(status === 'done' ? {} : { stopped: { why: status, at: checkpoint.phase } }),
    ...(code ? { code } : {}),
  };
  return { verdict: verdictOf(facts), ...facts };
}

function driftLines({ only, dryRun, since }: RunOptions, { found, events }: Checkpoint, fates: readonly RepairFate[]): DriftLine[] {
  return (Object.keys(driftKinds) as DriftKind[])
    .filter((kind) => found[kind] || ((only.length === 0 || only.includes(driftKinds[kind].part)) && !(since !== undefined && foundByWholeRuns.includes(kind))))
    .map((kind) => {
      const { count = 0, refused: givenUp = 0, refusedBefore = 0, samples = [] } = found[kind] ?? {};
      const fate = dryRun || !isRepaired(kind) ? undefined : fates.find((one) => one.kind === kind);
      const repaired = kind === 'event-not-seen' ? events.sentAgain : (fate?.repaired ?? 0);
      const refused = givenUp + refusedBefore + (fate?.refused ?? 0);
      // A process that died may have handed repairs over that it had not counted yet; the inbox has each of them once.
      const all = Math.max(count, refused + (fate ? fate.repaired + fate.open : 0));
      return { kind, found: all, repaired, refused, refusedBefore, left: driftKinds[kind].repair === 'awaited' ? 0 : Math.max(0, all - repaired), samples };
    });
}

/** Single webhooks get lost; where more than half of several installs came without one, the source is silent. */
const fewestUnheard = 5;

function silentWallets(heard: Checkpoint['heard']): Report['silent'] {
  return wallets.map((wallet) => ({ wallet, ...heard[wallet] })).filter(({ heard: told, unheard }) => unheard >= fewestUnheard && unheard > told);
}
