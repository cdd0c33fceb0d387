import type { ListedPass, PassPage, Passes } from '../ports/passes.js';
import type { Records } from '../ports/records.js';
import type { Runs } from '../ports/runs.js';
import type { Clock } from '../ports/system.js';
import { PersonIndex } from '../person/person-index.js';
import { comparePass, keysOfPasses, type PassComparison, type PassReading } from '../reconciliation/compare-passes.js';
import type { Drift } from '../reconciliation/repair.js';
import type { Rules } from '../rules.js';
import { wallets } from '../wallet/event.js';
import type { RunInHand } from './run-in-hand.js';

/** Pages that are asked for, looked up and noted together: a trip to the database costs about as much for one. */
const mostTogether = 4;
/** What a process had asked for is asked for again when it dies; the calls under way at once must stay a small part of all. */
const pagesForOneCall = 200;

interface ReadPages {
  pages: PassPage[];
  /** Those of each page that the run is about. */
  passes: ListedPass[][];
  at: number;
  /** The persons to whom the passes may belong. */
  known: PersonIndex;
}

/** Reads what The Wallet Crew lists, and finds what no webhook told us. */
export class ReadPasses {
  constructor(
    private readonly passes: Passes,
    private readonly records: Records,
    private readonly runs: Runs,
    private readonly clock: Clock,
    private readonly graceMs: number,
  ) {}

  /** `lastRunAt`: from when on installations are counted as heard or unheard. */
  async read(hand: RunInHand, rules: Rules, lastRunAt: number | undefined): Promise<void> {
    const { options, startedAt } = hand.run;
    const settledBefore = startedAt - this.graceMs;
    const order = options.since === undefined ? 'oldest-first' : 'newest-change-first';
    // A process that died may have noted passes of these pages as seen and not counted them.
    const redoneBefore = hand.run.resumed > 0 ? hand.checkpoint.passes.next + mostTogether : 0;
    let coming: Promise<ReadPages> | undefined;
    for (let isLast = false; !isLast; ) {
      const first = hand.checkpoint.passes.next;
      const read = await (coming ?? this.pages(hand, first, 1, order, rules));
      isLast = read.pages.some((page, i) => read.passes[i]!.length < page.passes.length || isEnd(page, first + i));
      // Asked for while these are looked at; how many there are the first page tells.
      const most = callsAtOnce(read.pages[0]!);
      coming = isLast || most < 2 ? undefined : this.pages(hand, first + read.pages.length, Math.floor(most / 2), order, rules);
      // Whoever takes them hears of their failure; until then nobody need.
      coming?.catch(() => undefined);
      await this.look(hand, read, rules, settledBefore, lastRunAt, first < redoneBefore);
      for (const [i, page] of read.pages.entries()) {
        const index = first + i;
        // Backwards, because more may go meanwhile: what moves up moves to where is still to be read.
        let { total } = page;
        for (let back = index - 1; back >= firstMoved(hand.checkpoint.passes, { ...page, total }, index); back--) {
          const moved = await this.pages(hand, back, 1, order, rules);
          await this.look(hand, moved, rules, settledBefore, lastRunAt);
          total = Math.min(total ?? 0, moved.pages[0]!.total ?? 0);
        }
        hand.checkpoint.passes = { next: index + 1, read: hand.checkpoint.passes.read + read.passes[i]!.length, ...(page.total === undefined ? {} : { total: page.total }) };
      }
      hand.save();
      hand.goOn();
    }
  }

  /** What was too fresh when the run began can be judged now. */
  async readAgain(hand: RunInHand, rules: Rules, lastRunAt: number | undefined): Promise<void> {
    const { startedAt } = hand.run;
    const since = startedAt - this.graceMs;
    for (let index = 0; ; index++) {
      const read = await this.pages(hand, index, 1, 'newest-change-first', rules);
      const page = read.pages[0]!;
      await this.look(hand, { ...read, passes: read.passes.map((passes) => passes.filter((pass) => isBetween(pass, since, startedAt))) }, rules, startedAt, lastRunAt, true);
      hand.save();
      if (isEnd(page, index) || page.passes.some(({ changedAt }) => changedAt === undefined || changedAt < since)) return;
    }
  }

  private async pages(hand: RunInHand, first: number, most: number, order: 'oldest-first' | 'newest-change-first', rules: Rules): Promise<ReadPages> {
    let at = 0;
    const pages = await hand.asked(() => {
      at = this.clock.now();
      return this.passes.pages(hand.run.tenant, first, most, order);
    });
    hand.checkpoint.calls.passes += pages.length;
    const passes = pages.map((page) => wanted(page, hand.run.options.since));
    const keys = keysOfPasses(passes.flat(), rules);
    return { pages, passes, at, known: new PersonIndex(keys.length === 0 ? [] : await this.records.personsBy(rules.tenant, keys)) };
  }

  private async look(hand: RunInHand, { passes: byPage, at, known }: ReadPages, rules: Rules, settledBefore: number, lastRunAt: number | undefined, isFirst = false): Promise<void> {
    // While several pages are answered, a pass may move from one to the other.
    const passes = [...new Map(byPage.flat().map((pass) => [pass.id, pass])).values()];
    if (passes.length === 0) return;
    const reading: PassReading = { at, settledBefore };
    const compared = passes.map((pass) => comparePass(pass, known, rules, reading));
    const absent = compared.flatMap(({ pass, absentFrom }) => absentFrom.map((wallet) => `${pass.id} ${wallet}`));
    const fresh = new Set(await this.runs.see(hand.run.id, 'pass', passes.map(({ id }) => id)));
    if (absent.length > 0) {
      await this.runs.see(hand.run.id, 'absent', absent);
      await this.runs.see(hand.run.id, 'gone', compared.flatMap(({ pass, absentFrom }) => (absentFrom.length > 0 ? [pass.id] : [])));
    }
    if (hand.run.options.dryRun) {
      const strangers = compared.filter(({ drift }) => drift && !drift.sample.personId).map(({ pass }) => pass);
      await this.runs.see(hand.run.id, 'name', keysOfPasses(strangers, rules));
    }
    // A page that is read once more holds passes that are dealt with already.
    const open = compared.filter(({ pass }) => isFirst || fresh.has(pass.id));
    await hand.take(await this.withoutRepeats(hand, open));
    for (const comparison of open) this.count(hand, comparison, reading, lastRunAt);
  }

  /** Passes of one newcomer may stand on several pages; a dry run must not count them as several. What is handed over the inbox knows by its key. */
  private async withoutRepeats(hand: RunInHand, compared: readonly PassComparison[]): Promise<Drift[]> {
    const drifts = compared.flatMap(({ drift }) => drift ?? []);
    const newcomers = drifts.flatMap(({ repairs }) => repairs.filter(({ event }) => event.kind === 'registered').map(({ key }) => key));
    if (!hand.run.options.dryRun || newcomers.length === 0) return drifts;
    const fresh = new Set(await this.runs.see(hand.run.id, 'newcomer', [...new Set(newcomers)]));
    return drifts.map((drift) => {
      const repairs = drift.repairs.filter(({ event, key }) => event.kind !== 'registered' || fresh.delete(key));
      return repairs.length === drift.repairs.length ? drift : { ...drift, repairs, kinds: drift.kinds.filter((kind) => kind !== 'registration-unheard') };
    });
  }

  private count({ checkpoint }: RunInHand, { pass, heard, fresh }: PassComparison, { settledBefore }: PassReading, lastRunAt: number | undefined): void {
    if (fresh) {
      checkpoint.fresh.passes = true;
      return;
    }
    const { adoption, installs } = checkpoint;
    adoption.passes += 1;
    if (wallets.some((wallet) => pass.installed[wallet] !== undefined)) adoption.any += 1;
    for (const wallet of wallets) {
      const since = pass.installed[wallet];
      if (since === undefined) continue;
      adoption[wallet] += 1;
      (installs[monthOf(since)] ??= { Apple: 0, Google: 0 })[wallet] += 1;
      if (lastRunAt !== undefined && since > lastRunAt && since <= settledBefore) checkpoint.heard[wallet][heard[wallet] ? 'heard' : 'unheard'] += 1;
    }
  }
}

/** Half of them are asked for while the other half is looked at. */
function callsAtOnce({ total, size }: PassPage): number {
  return Math.min(2 * mostTogether, total === undefined ? Infinity : Math.floor(total / size / pagesForOneCall));
}

function isEnd({ passes, size, total }: PassPage, index: number): boolean {
  return passes.length === 0 || (total === undefined ? passes.length < size : (index + 1) * size >= total);
}

function wanted({ passes }: PassPage, since: number | undefined): ListedPass[] {
  return passes.filter(({ changedAt }) => since === undefined || changedAt === undefined || changedAt >= since);
}

/** Passes move up by as many as have gone from the list. Those that came over the end of a page before this one stand on none that was read. */
function firstMoved({ total: before }: { total?: number }, { total, size }: { total?: number | undefined; size: number }, index: number): number {
  const gone = before !== undefined && total !== undefined ? Math.max(0, before - total) : 0;
  return Math.max(0, index - Math.ceil(gone / size));
}

function isBetween({ changedAt, createdAt, installed }: ListedPass, from: number, to: number): boolean {
  const newest = Math.max(changedAt ?? 0, createdAt ?? 0, ...wallets.map((wallet) => installed[wallet] ?? 0));
  return newest > from && newest <= to;
}

const monthOf = (at: number) => new Date(at).toISOString().slice(0, 7);
