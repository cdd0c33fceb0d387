import type { Report } from '#core';
import { klaviyoLimits, type Stats } from '#emulators';
import type { Bench } from './bench.ts';
import { plantedIn, type Crowd } from './crowd.ts';
import { cpuOf, cpuOfTree, loadAverage, parentOf, peakMemoryOf } from './proc.ts';
import { runReconciler } from './processes.ts';
import { openWorld, walletCrewPerMinute } from './reconcile-world.ts';
import { expect, report, round, tell } from './report.ts';
import type { Server } from './server.ts';
import { askVendor } from './vendor.ts';

const mostOverMinimum = 1.2;
const mostBytes = 350_000_000;
/** Cost of one person where there are ten times as many: an index grows by a level, and what fitted into memory does no longer. */
const mostGrowth = 1.3;
/** Below this what does not depend on the size weighs more than what does. */
const fewestAsserted = 100_000;
const million = 1_000_000;

/**
 * All passes and profiles are compared, over both emulators. Time is compressed by giving both so many times as much leave: Klaviyo says its
 * limits in each answer and is believed, The Wallet Crew's is a setting. Windows stay as long as they are, so nothing of ours knows of it.
 */
export const reconcileBench: Bench = async ({ server, quick, sizes = quick ? [2_000] : [10_000, 100_000], profile }) => {
  const compression = Number(process.env['BENCH_COMPRESSION'] ?? 2);
  // What a run costs of nobody is what does not grow.
  const nobody = await measured(server, { people: 0, drift: 0, until: Date.now() }, compression);
  const costs: { people: number; micros: number; databaseMicros: number }[] = [];
  for (const people of sizes) {
    const crowd: Crowd = { people, drift: 0.01, until: Date.now() };
    const { run, found, left, cpu, seconds, throttled, emulatorBytes } = await measured(server, crowd, compression, profile);
    const perMinute = { passes: walletCrewPerMinute * compression, profiles: klaviyoLimits.get_profiles.steadyPerMinute * compression };
    const least = { passes: (60 * run.calls.passes) / perMinute.passes, profiles: (60 * run.calls.profiles) / perMinute.profiles };
    // Profiles are compared with what the passes said, so one reading follows the other.
    const leastSeconds = least.passes + least.profiles;
    const ratio = round(seconds / leastSeconds, 2);
    const micros = ((cpu.reconciler - nobody.cpu.reconciler) * 1e6) / people;
    const databaseMicros = ((cpu.database - nobody.cpu.database) * 1e6) / people;
    report('reconcile', {
      people, compression, seconds: round(seconds), leastSeconds: round(leastSeconds), ratio, ratioToLongerReading: round(seconds / Math.max(least.passes, least.profiles), 2),
      peakMegabytes: round(cpu.peakBytes / million, 0), emulatorMegabytes: round(emulatorBytes / million, 0), passCalls: run.calls.passes, profileCalls: run.calls.profiles, throttled, planted: plantedIn(crowd), found, left, worry: run.verdict.worry,
      cpuMsPerThousand: round(micros), databaseCpuMsPerThousand: round(databaseMicros), reconcilerCpuSeconds: round(cpu.reconciler), databaseCpuSeconds: round(cpu.database),
      klaviyoCpuSeconds: round(cpu.klaviyo), walletCrewCpuSeconds: round(cpu.walletCrew), connectorCpuSeconds: round(cpu.connector), load: loadAverage(),
    });
    costs.push({ people, micros, databaseMicros });
    expect(throttled === 0, `reconcile: ${throttled} requests were refused for their rate`);
    expect(found === plantedIn(crowd) && left === 0, `reconcile: of ${plantedIn(crowd)} planted differences ${found} were found and ${left} left`);
    expect(cpu.peakBytes <= mostBytes, `reconcile: ${round(cpu.peakBytes / million, 0)} MB at ${people}, at most ${mostBytes / million}`);
    if (people >= fewestAsserted) expect(ratio <= mostOverMinimum, `reconcile: ${ratio} of the least possible time at ${people}, at most ${mostOverMinimum}`);
  }
  for (const [n, { people, micros, databaseMicros }] of costs.slice(1).entries()) {
    const fewer = costs[n]!;
    const growth = round(micros / fewer.micros, 2);
    const databaseGrowth = round(databaseMicros / fewer.databaseMicros, 2);
    const most = round(mostGrowth ** Math.log10(people / fewer.people), 2);
    report('reconcile-growth', { from: fewer.people, to: people, growth, databaseGrowth, most });
    expect(growth <= most && databaseGrowth <= most, `reconcile: one person costs ${growth} times as much at ${people} as at ${fewer.people}, and ${databaseGrowth} times in the database; at most ${most}`);
  }
};

async function measured(server: Server, crowd: Crowd, compression: number, profile?: string) {
  const { database, klaviyo, walletCrew, connector, configFile, close } = await openWorld(server, crowd, compression);
  const [backend] = await database.query<{ pid: number }>(`select pid from pg_stat_activity where backend_type = 'checkpointer'`);
  const postmaster = parentOf(backend!.pid);
  const cpuNow = () => ({ klaviyo: cpuOf(klaviyo.pid), walletCrew: cpuOf(walletCrew.pid), connector: cpuOf(connector.pid), database: postmaster === undefined ? NaN : cpuOfTree(postmaster) });
  const before = cpuNow();
  tell(`reconcile: ${crowd.people} passes and profiles`);
  const recording = profile && crowd.people > 0 ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : [];
  const ended = await runReconciler({ databaseUrl: database.url, configFile, nodeOptions: recording, tell: (line) => tell(`  ${line}`) });
  const after = cpuNow();
  if (ended.exitCode !== 0) throw new Error(`The reconciler ended with ${ended.exitCode}.`);
  const { report: run } = JSON.parse(ended.output) as { report: Report };
  const { throttled } = await askVendor<Stats>(klaviyo, 'stats');
  const sum = (what: 'found' | 'left') => run.drift.reduce((all, line) => all + line[what], 0);
  const emulatorBytes = peakMemoryOf(klaviyo.pid) + peakMemoryOf(walletCrew.pid);
  await close();
  return {
    run, throttled, seconds: run.tookMs / 1000, found: sum('found'), left: sum('left'), emulatorBytes,
    cpu: {
      reconciler: ended.cpuSeconds, peakBytes: ended.peakBytes, klaviyo: after.klaviyo - before.klaviyo, walletCrew: after.walletCrew - before.walletCrew,
      connector: after.connector - before.connector, database: after.database - before.database,
    },
  };
}
