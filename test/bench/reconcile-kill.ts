import { setTimeout as wait } from 'node:timers/promises';
import type { Report } from '#core';
import type { Stats } from '#emulators';
import type { Bench } from './bench.ts';
import { plantedIn, type Crowd } from './crowd.ts';
import { loadAverage } from './proc.ts';
import { runReconciler } from './processes.ts';
import { openWorld, type ReconcileWorld } from './reconcile-world.ts';
import { expect, report, round, tell } from './report.ts';
import type { Server } from './server.ts';
import { askVendor } from './vendor.ts';

const mostMore = 0.05;
const lookMs = 50;

/** A run that dies ten times (once, if it is to be quick) reads and writes hardly more than one that comes through, and finds and repairs the same. */
export const reconcileKill: Bench = async ({ server, quick, sizes: [people] = [quick ? 2_000 : 20_000] }) => {
  const crowd: Crowd = { people: people!, drift: 0.05, until: Date.now() };
  const kills = quick ? 1 : 10;
  const whole = await worked(server, crowd, async (world) => run(world));
  const died = await worked(server, crowd, async (world, done) => {
    for (let kill = 1; kill <= kills; kill++) {
      const dying = new AbortController();
      const ended = run(world, dying.signal);
      const isReached = async () => (await done()).read >= (whole.work.read * kill) / (kills + 1);
      while (!(await Promise.race([ended.then(() => true), isReached()]))) await wait(lookMs);
      dying.abort();
      const { exitCode } = await ended;
      if (exitCode !== null) throw new Error(`The reconciler ended with ${exitCode} before it was killed.`);
      tell(`reconcile-kill: kill -9 number ${kill} after ${(await done()).read} calls`);
    }
    return run(world);
  });
  const [of, ofDied] = [whole, died].map(({ ended: { output } }) => (JSON.parse(output) as { report: Report }).report);
  const sum = (of: Report, what: 'found' | 'left') => of.drift.reduce((all, line) => all + line[what], 0);
  const ratios = { read: round(died.work.read / whole.work.read, 3), written: round(died.work.written / whole.work.written, 3) };
  report('reconcile-kill', {
    people: people!, kills, readCalls: whole.work.read, readCallsWithKills: died.work.read, ratioRead: ratios.read, itemsWritten: whole.work.written, itemsWrittenWithKills: died.work.written, ratioWritten: ratios.written,
    found: sum(of!, 'found'), foundWithKills: sum(ofDied!, 'found'), load: loadAverage(),
  });
  if (!quick) for (const [what, ratio] of Object.entries(ratios)) expect(Math.abs(ratio - 1) <= mostMore, `reconcile-kill: ${what} ${ratio} of what an undisturbed run has, within ${mostMore} of 1`);
  for (const one of [of!, ofDied!]) expect(sum(one, 'found') === plantedIn(crowd) && sum(one, 'left') === 0, `reconcile-kill: of ${plantedIn(crowd)} planted differences ${sum(one, 'found')} were found and ${sum(one, 'left')} left`);
};

function run({ database, configFile }: ReconcileWorld, signal?: AbortSignal) {
  return runReconciler({ databaseUrl: database.url, configFile, tell: (line) => tell(`  ${line}`), ...(signal ? { signal } : {}) });
}

/** What a run asks of both vendors: calls that read; and what is written, by items: in how many calls they go depends on how many have come together. */
interface Work {
  read: number;
  written: number;
}

async function worked<T>(server: Server, crowd: Crowd, work: (world: ReconcileWorld, done: () => Promise<Work>) => Promise<T>) {
  // Who opted out the connector asks by the clock, and ten deaths take five minutes.
  const world = await openWorld(server, crowd, 1, { pollOptOuts: false });
  const done = async (): Promise<Work> => {
    const stats = await Promise.all([world.klaviyo, world.walletCrew].map((vendor) => askVendor<Stats>(vendor, 'stats')));
    const operations = stats.flatMap(({ operations }) => Object.entries(operations));
    // How an import fares is asked for by the clock.
    const reads = operations.filter(([name]) => /^(get_profiles|get_events|list_passes)$/.test(name));
    const writes = operations.filter(([name]) => /^(create|bulk)_/.test(name));
    return { read: reads.reduce((sum, [, { requests }]) => sum + requests, 0), written: writes.reduce((sum, [, { items }]) => sum + items, 0) };
  };
  const ended = await work(world, done);
  const all = await done();
  await world.close();
  return { ended, work: all };
}
