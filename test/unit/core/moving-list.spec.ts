import { parts, Reconcile, type DriftKind, type Report } from '#core';
import { MemoryPasses } from '../../support/memory-passes.js';
import { MemoryProfiles } from '../../support/memory-profiles.js';
import { MemoryRecords } from '../../support/memory-records.js';
import { MemoryRuns } from '../../support/memory-runs.js';
import { aCustomer, day, live, minute, rules, start } from '../../support/stories.js';
import { GlassVault, KeptLog, KeptMeter, ManualClock } from '../../support/system-fakes.js';
import { lists, marketing, noPlugins } from './fakes.js';

const people = 60;
const idOf = (n: number) => `pass-${n}`;

/** Customers who each have a pass in Apple Wallet; the list is read ten to a page, and we know of all but the first of each page. */
class ListedCustomers {
  readonly clock = new ManualClock(start + day);
  readonly passes = new MemoryPasses({ pageSize: 10 });
  private readonly runs = new MemoryRuns(this.clock);
  private readonly records = new MemoryRecords(this.clock, this.runs);
  /** How many pages were read so far. */
  private pages = 0;

  constructor() {
    for (let n = 0; n < people; n++) {
      const at = start + n * minute;
      this.add(n, at);
      if (n % 10 === 0) continue;
      const { events } = aCustomer(`C-${n}`).enrolled({ at, email: `${n}@mail.example` }).installed('apple', { at, pass: idOf(n) });
      this.records.happened('acme', { event: events[1]!, persons: live(events).persons });
    }
  }

  add(n: number, at = this.clock.now()): void {
    this.passes.put({ id: idOf(n), createdAt: at, changedAt: at, installed: { Apple: at }, identifiers: { customerId: `C-${n}` } });
  }

  /** `meanwhile` happens before each page is answered. */
  async foundWhile(meanwhile: (page: number) => void): Promise<Record<'pass-gone' | 'registration-unheard', string[]>> {
    this.passes.faults.before = () => meanwhile(this.pages++);
    const reconcile = new Reconcile({
      runs: this.runs, records: this.records, store: { receive: async () => [] }, passes: this.passes, profiles: new MemoryProfiles(), marketing, lists, plugins: noPlugins,
      rulesOf: () => rules(), reconcileRulesOf: () => ({ graceMs: 0, strangers: false }), vaultOf: () => new GlassVault(), clock: this.clock, log: new KeptLog(), meter: new KeptMeter(),
    });
    const ended = await reconcile.run('acme', { dryRun: true, only: parts });
    const { drift } = (ended as { report: Report }).report;
    const passes = (what: DriftKind) => drift.filter(({ kind }) => kind === what).flatMap(({ samples }) => samples.map(({ passId }) => passId!)).sort();
    return { 'pass-gone': passes('pass-gone'), 'registration-unheard': passes('registration-unheard') };
  }
}

const unheard = [0, 10, 20, 30, 40, 50].map(idOf);

describe('a list of passes that moves while it is read', () => {
  it.each([1, 2, 3, 4, 5])('is read to its end, and nothing is taken for gone, when a pass is deleted before page %i', async (at) => {
    const listed = new ListedCustomers();
    expect(await listed.foundWhile((page) => page === at && listed.passes.delete(idOf(3)))).toEqual({ 'pass-gone': [], 'registration-unheard': unheard });
  });

  it('leaves nobody to be taken for gone when one is deleted and one is made at once, so that their number stays', async () => {
    const listed = new ListedCustomers();
    const found = await listed.foundWhile((page) => {
      if (page === 3) {
        listed.passes.delete(idOf(3));
        listed.add(1000);
      }
    });
    expect(found['pass-gone']).toEqual([]);
  });

  it('still shows what was gone before it was read', async () => {
    const listed = new ListedCustomers();
    listed.passes.delete(idOf(7));
    listed.passes.delete(idOf(42));
    expect(await listed.foundWhile(() => {})).toEqual({ 'pass-gone': [idOf(42), idOf(7)], 'registration-unheard': unheard });
  });
});
