import { parts, Reconcile, type RunOptions } from '#core';
import { MemoryPasses } from '../../support/memory-passes.js';
import { MemoryProfiles } from '../../support/memory-profiles.js';
import { MemoryRecords } from '../../support/memory-records.js';
import { MemoryRuns } from '../../support/memory-runs.js';
import { rules } from '../../support/stories.js';
import { GlassVault, KeptLog, KeptMeter, ManualClock } from '../../support/system-fakes.js';
import { lists, marketing, noPlugins } from './fakes.js';

const all: RunOptions = { dryRun: false, only: parts };
const since = Date.UTC(2026, 7, 1);

/** A process has died in the middle of a run; what becomes of the next one that is asked for, and which runs there are in the end. */
async function after(unfinished: RunOptions, asked: RunOptions) {
  const clock = new ManualClock();
  const runs = new MemoryRuns(clock);
  await runs.begin('acme', unfinished, 1);
  clock.at += 2;
  const reconcile = new Reconcile({
    runs, records: new MemoryRecords(clock, runs), store: { receive: async () => [] }, passes: new MemoryPasses(), profiles: new MemoryProfiles(), marketing, lists, plugins: noPlugins,
    rulesOf: () => rules(), reconcileRulesOf: () => ({ graceMs: 0, strangers: false }), vaultOf: () => new GlassVault(), clock, log: new KeptLog(), meter: new KeptMeter(),
  });
  const { is } = await reconcile.run('acme', asked);
  const told = await runs.list('acme', 10);
  return { is, runs: told.toReversed().map(({ status, options }) => ({ status, options })) };
}

describe('a run that is asked for while another is unfinished', () => {
  it.each<[string, RunOptions]>([
    ['tokens alone', { dryRun: false, only: ['tokens'] }],
    ['what changed since', { ...all, since }],
  ])('follows it where that was only about %s', async (_what, unfinished) => {
    expect(await after(unfinished, all)).toEqual({ is: 'done', runs: [{ status: 'done', options: unfinished }, { status: 'done', options: all }] });
  });

  it('is the unfinished one where that looks at everything', async () => {
    for (const asked of [all, { ...all, since }, { dryRun: false, only: ['consent'] } satisfies RunOptions]) {
      expect(await after(all, asked)).toEqual({ is: 'done', runs: [{ status: 'done', options: all }] });
    }
  });

  it('waits for it where a dry run is asked for and the unfinished one repairs', async () => {
    expect(await after(all, { ...all, dryRun: true })).toEqual({ is: 'busy', runs: [{ status: 'running', options: all }] });
  });
});
