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

const mostMore = 1.05;
const lookMs = 50;

/** A run that dies ten times (once, if it is to be quick) asks both vendors hardly more than one that comes through, and finds and repairs the same. */
export const reconcileKill: Bench = async ({ server, quick, sizes: [people] = [quick ? 2_000 : 20_000] }) => {
  const crowd: Crowd = { people: people!, drift: 0.05, until: Date.now() };
  const kills = quick ? 1 : 10;
  const whole = await calls(server, crowd, async (world) => run(world));
  const died = await calls(server, crowd, async (world, asked) => {
    for (let kill = 1; kill <= kills; kill++) {
      const until = (whole.sum * kill) / (kills + 1);
      const dying = new AbortController();
      const ended = run(world, dying.signal);
      while (!(await Promise.race([ended.then(() => true), reached(asked, until)]))) await new Promise((resolve) => setTimeout(resolve, lookMs));
      dying.abort();
      const { exitCode } = await ended;
      tell(`reconcile-kill: kill -9 number ${kill} after ${await asked()} calls`);
      if (exitCode !== null) throw new Error(`The reconciler ended with ${exitCode} before it was killed.`);
    }
    return run(world);
  });
  const [of, ofDied] = [whole, died].map(({ ended: { output } }) => (JSON.parse(output) as { report: Report }).report);
  const sum = (of: Report, what: 'found' | 'left') => of.drift.reduce((all, line) => all + line[what], 0);
  const ratio = round(died.sum / whole.sum, 3);
  report('reconcile-kill', {
    people: people!, kills, calls: whole.sum, callsWithKills: died.sum, ratio, found: sum(of!, 'found'), foundWithKills: sum(ofDied!, 'found'), leftWithKills: sum(ofDied!, 'left'),
    ...Object.fromEntries([...new Set([...Object.keys(whole.by), ...Object.keys(died.by)])].map((name) => [name, `${whole.by[name] ?? 0} -> ${died.by[name] ?? 0}`])), load: loadAverage(),
  });
  expect(ratio <= mostMore && ratio >= 2 - mostMore, `reconcile-kill: ${ratio} of the calls of an undisturbed run, at most ${mostMore}`);
  for (const one of [of!, ofDied!]) expect(sum(one, 'found') === plantedIn(crowd) && sum(one, 'left') === 0, `reconcile-kill: of ${plantedIn(crowd)} planted differences ${sum(one, 'found')} were found and ${sum(one, 'left')} left`);
};

function run({ database, configFile, reconcilerOptions }: ReconcileWorld, signal?: AbortSignal) {
  return runReconciler({ databaseUrl: database.url, configFile, nodeOptions: reconcilerOptions, tell: (line) => tell(`  ${line}`), ...(signal ? { signal } : {}) });
}

async function reached(asked: () => Promise<number>, until: number): Promise<boolean> {
  return (await asked()) >= until;
}

/** What both vendors were asked from the beginning to the end, by operation. */
async function calls<T>(server: Server, crowd: Crowd, work: (world: ReconcileWorld, asked: () => Promise<number>) => Promise<T>) {
  const world = await openWorld(server, crowd, 1);
  const by = async () => {
    const stats = await Promise.all([world.klaviyo, world.walletCrew].map((vendor) => askVendor<Stats>(vendor, 'stats')));
    return Object.fromEntries(stats.flatMap(({ operations }) => Object.entries(operations).map(([name, { requests }]) => [name, requests])));
  };
  const sumOf = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
  const ended = await work(world, async () => sumOf(await by()));
  const counts = await by();
  await world.close();
  return { ended, by: counts, sum: sumOf(counts) };
}
