import { ConnectorError, type ErrorCode } from '../errors.js';
import type { PluginHost } from '../plugin/host.js';
import type { Marketing } from '../ports/marketing.js';
import type { Passes } from '../ports/passes.js';
import type { Profiles } from '../ports/profiles.js';
import type { Records } from '../ports/records.js';
import type { Run, RunOptions, Runs } from '../ports/runs.js';
import type { MarketingSetup } from '../ports/setup.js';
import type { Store } from '../ports/store.js';
import type { Clock, Log, Meter, Vault } from '../ports/system.js';
import type { Phase } from '../reconciliation/checkpoint.js';
import { paceOf } from './pace.js';
import { reportOf, type Report } from '../reconciliation/report.js';
import type { Rules } from '../rules.js';
import { FindAbsences } from './find-absences.js';
import { FindMissingProfiles } from './find-missing-profiles.js';
import { ReadEventsBack } from './read-events-back.js';
import { ReadPasses } from './read-passes.js';
import { ReadProfiles } from './read-profiles.js';
import { leaseMs, RunInHand, RunLetGo, type Company } from './run-in-hand.js';

/** How a tenant wants to be reconciled. */
export interface ReconcileRules {
  /** What changed within this time is looked at again at the end: its webhook or update may still be under way. */
  graceMs: number;
  /** Profiles of nobody who has a pass get the explicit status too. */
  strangers: boolean;
}

export interface ReconcileParts {
  runs: Runs;
  records: Records;
  store: Pick<Store, 'receive'>;
  passes: Passes;
  profiles: Profiles;
  marketing: Pick<Marketing, 'pace'>;
  lists: Pick<MarketingSetup, 'lists'>;
  plugins: PluginHost;
  rulesOf(tenant: string): Rules | undefined;
  reconcileRulesOf(tenant: string): ReconcileRules;
  vaultOf(tenant: string): Pick<Vault, 'open'>;
  clock: Clock;
  log: Log;
  meter: Meter;
}

/** `busy`: another process is at it. `stopped`: let go, to be gone on with. */
export type Reconciled = { is: 'done' | 'failed' | 'cancelled'; run: Run; report: Report } | { is: 'busy' | 'stopped' | 'lost'; run: Run };

/** So long the answers to repairs may stand still until a run ends without them. */
const repairsStandStillMs = 15 * 60_000;
const lookMs = 1_000;
const longestLookMs = 20_000;

/** Compares both sides of a tenant and puts right what differs, through the same deciding and the same commands as live traffic. */
export class Reconcile {
  private readonly inHand = new Set<RunInHand>();
  private stopping = false;

  constructor(private readonly parts: ReconcileParts) {}

  /** Lets go of everything in hand; `run` returns soon after. */
  stop(): void {
    this.stopping = true;
    for (const hand of this.inHand) hand.stop();
  }

  /** Goes on with the unfinished run of the tenant, or begins one. Where the unfinished one asked for less, one that asks for all follows it. */
  async run(tenant: string, options: RunOptions, company: Company = {}): Promise<Reconciled> {
    const ended = await this.one(tenant, options, company);
    return ended.is === 'done' && ended.run.resumed > 0 && !covers(ended.run.options, options) ? this.one(tenant, options, company) : ended;
  }

  private async one(tenant: string, options: RunOptions, company: Company): Promise<Reconciled> {
    const { runs, log, meter } = this.parts;
    const rules = this.parts.rulesOf(tenant);
    if (!rules) throw new ConnectorError('TENANT_UNKNOWN');
    const begun = await runs.begin(tenant, options, leaseMs);
    if ('busy' in begun) return { is: 'busy', run: begun.busy };
    const { run, lease } = begun;
    const hand = new RunInHand(run, lease, this.parts, company);
    this.inHand.add(hand);
    if (this.stopping) hand.stop();
    log.info('reconciliation runs', { tenant, run: run.id, resumed: run.resumed, dryRun: run.options.dryRun });
    try {
      await this.phases(hand, rules);
      return await this.end(hand, 'done');
    } catch (error) {
      if (error instanceof RunLetGo && error.why !== 'cancelled') {
        await hand.release();
        log.info('reconciliation lets go', { tenant, run: run.id, why: error.why });
        return { is: error.why, run: { ...run, checkpoint: hand.checkpoint } };
      }
      if (error instanceof RunLetGo) return await this.end(hand, 'cancelled');
      // While the database is away the run cannot even be ended; its lease runs out and somebody goes on with it.
      const code: ErrorCode = error instanceof ConnectorError ? error.code : 'PROCESSING_FAILED';
      log.error('reconciliation failed', { tenant, run: run.id, code, error: error instanceof Error ? error.name : typeof error });
      if (code === 'DATABASE_UNAVAILABLE') throw error;
      return await this.end(hand, 'failed', code);
    } finally {
      this.inHand.delete(hand);
      meter.count('reconciliation_calls_total', { tenant, vendor: 'wallet-crew' }, hand.checkpoint.calls.passes);
      meter.count('reconciliation_calls_total', { tenant, vendor: 'klaviyo' }, hand.checkpoint.calls.profiles + hand.checkpoint.calls.events);
    }
  }

  private async phases(hand: RunInHand, rules: Rules): Promise<void> {
    const { runs, records, passes, profiles, lists, plugins, vaultOf, clock } = this.parts;
    const { run, checkpoint } = hand;
    const { graceMs, strangers } = this.parts.reconcileRulesOf(run.tenant);
    const status = run.options.only.includes('status');
    const whole = run.options.since === undefined;
    const lastRunAt = (await runs.last(run.tenant))?.startedAt;
    const readPasses = new ReadPasses(passes, records, runs, clock, graceMs);
    const readProfiles = new ReadProfiles(profiles, records, runs, plugins, vaultOf(run.tenant), clock, graceMs, strangers, lists);

    const steps: [Phase, isNeeded: boolean, () => Promise<void>][] = [
      ['passes', status, () => readPasses.read(hand, rules, lastRunAt)],
      ['absences', status, () => new FindAbsences(passes, records, runs, profiles, clock, graceMs).run(hand, rules)],
      ['deciding', status, () => this.decided(hand)],
      ['profiles', true, () => readProfiles.read(hand, rules)],
      ['again', true, () => this.again(hand, rules, graceMs, readPasses, readProfiles, lastRunAt)],
      ['missing', status && whole, () => new FindMissingProfiles(records, runs, profiles, clock, graceMs).run(hand)],
      ['events', status, () => new ReadEventsBack(profiles, records, clock).run(hand)],
      ['repairs', !run.options.dryRun, () => this.repaired(hand)],
    ];
    const begunWith = checkpoint.phase;
    const first = steps.findIndex(([phase]) => phase === begunWith);
    // One that had come to its end, and not yet to its report, has no step left.
    for (const [phase, isNeeded, step] of first < 0 ? [] : steps.slice(first)) {
      if (!isNeeded) continue;
      await hand.enter(phase);
      await step();
    }
    await hand.enter('done');
  }

  private async again(hand: RunInHand, rules: Rules, graceMs: number, readPasses: ReadPasses, readProfiles: ReadProfiles, lastRunAt: number | undefined): Promise<void> {
    const { fresh } = hand.checkpoint;
    if (!fresh.passes && fresh.profiles.length === 0) return;
    await hand.wait(hand.run.startedAt + graceMs - this.parts.clock.now());
    if (fresh.passes) {
      await readPasses.readAgain(hand, rules, lastRunAt);
      await this.decided(hand);
      fresh.passes = false;
    }
    await readProfiles.readAgain(hand, rules);
  }

  /** What was found among the passes is the truth that profiles are compared with. */
  private async decided(hand: RunInHand): Promise<void> {
    if (hand.run.options.dryRun) return;
    for (let left = await this.parts.runs.undecided(hand.run.id); left > 0; left = await this.parts.runs.undecided(hand.run.id)) {
      await hand.isLeft(left);
      await hand.wait(lookMs);
    }
  }

  private async repaired(hand: RunInHand): Promise<void> {
    const { runs, clock } = this.parts;
    let before = Infinity;
    let movedAt = clock.now();
    for (;;) {
      const askedAt = clock.now();
      const open = await runs.open(hand.run.id);
      if (open === 0) return;
      await hand.isLeft(open);
      if (open !== before) movedAt = clock.now();
      if (clock.now() - movedAt > repairsStandStillMs) return;
      before = open;
      // Counting many repairs costs the database something; it is done a tenth of the time at most.
      await hand.wait(Math.min(longestLookMs, Math.max(lookMs, 10 * (clock.now() - askedAt))));
    }
  }

  private async end(hand: RunInHand, status: 'done' | 'failed' | 'cancelled', code?: ErrorCode): Promise<Reconciled> {
    const { runs, passes, profiles, marketing, log, meter, clock } = this.parts;
    const { run, checkpoint } = hand;
    // Counting how a million repairs fared is what takes longer than a lease.
    await hand.keep(4 * leaseMs);
    const { kinds, refusals } = await runs.fates(run.id);
    await hand.keep(4 * leaseMs);
    const commands = await runs.commands(run.id);
    const report = reportOf({
      status, options: run.options, checkpoint, fates: kinds, refusals,
      asked: { events: commands.track ?? 0, profiles: commands['upsert-profile'] ?? 0, tokens: commands['look-up'] ?? 0 },
      pace: paceOf(run.tenant, passes, profiles, marketing),
      tookMs: hand.spentMs, ...(code ? { code } : {}),
    });
    await runs.end(run.id, hand.lease, status, report, code);
    await runs.forget(run.id);
    for (const { kind, found, left } of report.drift) {
      meter.count('reconciliation_drift_total', { tenant: run.tenant, kind }, found);
      meter.count('reconciliation_left_total', { tenant: run.tenant, kind }, left);
    }
    for (const { wallet, heard, unheard } of report.silent) {
      meter.count('reconciliation_silent_total', { tenant: run.tenant, wallet });
      log.warn('webhooks seem to have stopped', { tenant: run.tenant, wallet, heard, unheard, code: 'WEBHOOKS_SILENT' });
    }
    if (checkpoint.implausible) log.warn('too many passes seem to be gone from wallets to be believed', { tenant: run.tenant, ...checkpoint.implausible, code: 'ABSENCES_IMPLAUSIBLE' });
    log.info('reconciliation ended', { tenant: run.tenant, run: run.id, status, worry: report.verdict.worry, tookMs: report.tookMs });
    return { is: status, run: { ...run, status, checkpoint, report, endedAt: clock.now(), ...(code ? { code } : {}) }, report };
  }
}

function covers(done: RunOptions, asked: RunOptions): boolean {
  const sinceThen = done.since === undefined || (asked.since !== undefined && asked.since >= done.since);
  return sinceThen && asked.only.every((part) => done.only.includes(part)) && (!asked.believeAbsences || done.believeAbsences === true);
}
