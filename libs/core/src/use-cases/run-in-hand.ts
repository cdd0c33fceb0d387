import type { Checkpoint, Phase } from '../reconciliation/checkpoint.js';
import { isRepaired, type DriftKind, type Sample } from '../reconciliation/drift.js';
import { withRefusal } from '../reconciliation/refusals.js';
import { deliveryOf, type Drift, type Repair } from '../reconciliation/repair.js';
import type { NotNow } from '../ports/profiles.js';
import type { Refused } from '../ports/records.js';
import type { Run, Runs } from '../ports/runs.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/system.js';

/** Why a run cannot go on in this process. `stopped`: the process ends; the next one goes on with it. */
export class RunLetGo extends Error {
  constructor(readonly why: 'cancelled' | 'lost' | 'stopped') {
    super(why);
  }
}

/** Who goes along with a run. */
export interface Company {
  /** Hears how far it is. */
  tell?(run: Run): void;
  /** Decides and sends in this process, because nobody else does. Called once at most. */
  work?(): Promise<void>;
}

/** Longer than any single step of a run may take: a page that is waited for and given up, a statement over all that is known. */
export const leaseMs = 30_000;
/** What is known is walked over in portions, few enough that what is live hardly waits while the database compares one. */
export const walkedAtOnce = 1_000;
const longestRestMs = 100;
const mostSamples = 20;
/** Repairs that wait to be decided; more would only make the inbox long. */
const mostUndecided = 10_000;
/** Without news the lease is kept that often. */
const beatMs = 5_000;
/** Work that does not become less for so long has nobody at it. */
const nobodyMs = 10_000;

/** A run that this process holds: what it has found and how far it is, saved as it goes. */
export class RunInHand {
  readonly checkpoint: Checkpoint;
  private readonly begunAt: number;
  private saving: Promise<void> | undefined;
  private isDirty = false;
  private letGo: RunLetGo | undefined;
  private failure: { error: unknown } | undefined;
  private undecided = 0;
  private work = { left: Infinity, fellAt: 0, isOurs: false };

  constructor(
    readonly run: Run,
    readonly lease: string,
    private readonly around: { runs: Runs; store: Pick<Store, 'receive'>; clock: Clock },
    private readonly company: Company = {},
  ) {
    this.checkpoint = run.checkpoint;
    this.begunAt = around.clock.now();
  }

  get spentMs(): number {
    return this.checkpoint.spentMs + this.around.clock.now() - this.begunAt;
  }

  stop(): void {
    this.letGo ??= new RunLetGo('stopped');
  }

  /** Leaves it to the next process. One that stops in good order has the time to save the last of it. */
  async release(): Promise<void> {
    const { runs } = this.around;
    await this.saving;
    if (this.letGo?.why === 'stopped') await this.keep(leaseMs);
    await runs.release(this.run.id, this.lease);
  }

  /** Throws when the run must not go on here. Asked between any two steps. */
  goOn(): void {
    if (this.letGo) throw this.letGo;
    if (this.failure) throw this.failure.error;
  }

  /** What was done since is saved soon; saves that come while one is under way are one. */
  save(): void {
    this.isDirty = true;
    this.saving ??= this.saveAll().finally(() => (this.saving = undefined));
    this.company.tell?.({ ...this.run, checkpoint: this.checkpoint });
  }

  async saved(): Promise<void> {
    await this.saving;
    this.goOn();
  }

  /** Saves how far it is, and keeps the lease for so long. */
  keep(ms: number): ReturnType<Runs['keep']> {
    return this.around.runs.keep(this.run.id, this.lease, { ...this.checkpoint, spentMs: this.spentMs }, ms);
  }

  private async saveAll(): Promise<void> {
    while (this.isDirty && !this.letGo) {
      this.isDirty = false;
      try {
        const answer = await this.keep(leaseMs);
        if (answer !== 'go') this.letGo ??= new RunLetGo(answer);
      } catch (error) {
        this.failure = { error };
        return;
      }
    }
  }

  async enter(phase: Phase): Promise<void> {
    this.checkpoint.phase = phase;
    this.save();
    await this.saved();
  }

  /** Waits, and keeps the lease meanwhile. */
  async wait(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= beatMs) {
      await this.around.clock.wait(Math.min(left, beatMs));
      this.save();
      await this.saved();
    }
  }

  /** Leaves the database alone for as long as it was busy with a portion: next to a walk over all that is known, what is live would wait. */
  async rest(busySince: number): Promise<void> {
    const ms = Math.min(longestRestMs, this.around.clock.now() - busySince);
    if (ms > 0) await this.around.clock.wait(ms);
  }

  /** Asks until there is an answer; the vendor says when it is worth asking again. */
  async asked<T extends object>(ask: () => Promise<T | NotNow>): Promise<T> {
    for (;;) {
      this.goOn();
      const answer = await ask();
      if (!('waitMs' in answer)) return answer;
      await this.wait(Math.max(answer.waitMs, 10));
    }
  }

  /**
   * Hands repairs over, then counts what was found. In this order, because a process that dies in between finds the same again: the
   * inbox knows the repairs by their keys, while what is counted and not handed over would stay as it is. What it knows is not counted again.
   */
  async take(drifts: readonly Drift[]): Promise<void> {
    const { clock, store } = this.around;
    const { id, tenant, options } = this.run;
    const all = drifts.flatMap(({ repairs }) => repairs);
    const known = new Set<Repair>();
    if (all.length > 0 && !options.dryRun) {
      await this.room(all.length);
      const receipts = await store.receive(all.map((repair) => deliveryOf(repair, tenant, id, clock.now())));
      receipts.forEach(({ redelivered }, i) => redelivered && known.add(all[i]!));
    }
    for (const { kinds, sample, repairs, refused, aboutOf = {} } of drifts) {
      // As they are counted when they are answered: a repair for each reason, and what is only reported once.
      const reported = kinds.filter((kind) => !repairs.some((repair) => repair.kinds.includes(kind)));
      const sampleOf = (about: string[] | undefined) => (about ? { ...sample, about } : sample);
      for (const kind of reported) this.count(kind, sampleOf(aboutOf[kind]), refused !== undefined && isRepaired(kind));
      for (const repair of repairs) if (!known.has(repair)) for (const kind of repair.kinds) this.count(kind, sampleOf(repair.about));
      if (refused && reported.some(isRepaired)) this.checkpoint.refusals = withRefusal(this.checkpoint.refusals ?? [], refused, sample.personId);
    }
  }

  /** `refusedBefore`: it is not tried again. */
  count(kind: DriftKind, sample: Sample, refusedBefore = false): void {
    const found = (this.checkpoint.found[kind] ??= { count: 0, samples: [] });
    found.count += 1;
    if (refusedBefore) found.refusedBefore = (found.refusedBefore ?? 0) + 1;
    if (found.samples.length < mostSamples) found.samples.push(sample);
  }

  /** So many of what was found will not be tried again, from now on. */
  refuse(kind: DriftKind, count: number, why: Refused): void {
    const found = this.checkpoint.found[kind];
    if (found) found.refused = (found.refused ?? 0) + count;
    this.checkpoint.refusals = withRefusal(this.checkpoint.refusals ?? [], why, undefined, count);
  }

  private async room(more: number): Promise<void> {
    this.undecided += more;
    while (this.undecided > mostUndecided) {
      this.undecided = await this.around.runs.undecided(this.run.id);
      await this.isLeft(this.undecided);
      if (this.undecided + more > mostUndecided) await this.wait(1_000);
    }
  }

  /** So much is left for those who decide and send. While nobody is there, this process does it. */
  async isLeft(count: number): Promise<void> {
    const now = this.around.clock.now();
    if (count < this.work.left || count === 0) this.work = { ...this.work, left: count, fellAt: now };
    if (this.work.isOurs || now - this.work.fellAt < nobodyMs) return;
    this.work.isOurs = true;
    await this.company.work?.();
  }
}
