import { availableParallelism } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { paced, rush, type Load } from './load.ts';
import type { Bench } from './bench.ts';
import { startConnector, startHelper, usage, type Running } from './processes.ts';
import { expect, median, report, round, tell } from './report.ts';
import { requestsFor, writeConfig } from './tenant.ts';

/** Ours verifies a signature, reads the event, keeps it with a unique key and writes a job; for that it may be so much slower. */
const leastShare = 0.7;
const assertedAt = [32, 128];
const levels = [1, 16, 32, 128];
/** More than any machine answers per second, for making requests beforehand. */
const mostPerSecond = 9_000;
/** Per second and core. The generator and the database have no cores of their own. */
const pacedPerCore = [500, 1_000];

type Side = 'floor' | 'ours';

/** Durable accepts, beside a bare handler with one INSERT per request on the same database. */
export const accept: Bench = async ({ server, quick, profile }) => {
  const database = await server.fresh();
  const config = writeConfig('http://127.0.0.1:9');
  const floor = await startHelper('floor-process.ts', { DATABASE_URL: database.url });
  const ours = await startConnector({ databaseUrl: database.url, configFile: config, workers: false, ...(profile ? { profile } : {}) });
  const rounds = quick ? 2 : 3;
  const seconds = quick ? 1 : 2;
  for (const { url } of [floor, ours]) await rush(url, requestsFor(url, 4_000), 32, 2);

  for (const connections of levels) {
    tell(`accept: ${connections} connections, ${rounds} rounds of ${seconds} s each for floor and ours`);
    const recording = profile && connections === 32;
    const figures = await compare({ floor, ours }, connections, rounds, seconds, recording ? () => process.kill(ours.pid, 'SIGUSR2') : undefined);
    report('accept', { connections, workers: false, ...figures });
    if (assertedAt.includes(connections)) expect(figures.ratio >= leastShare, `accepts at ${connections} connections: ${figures.ratio} of the floor, at least ${leastShare}`);
  }

  for (const perSecond of pacedPerCore.map((rate) => rate * availableParallelism())) {
    tell(`accept: ${perSecond}/s, paced`);
    for (const [side, { url }] of Object.entries({ floor, ours })) {
      const before = await usage(url);
      const load = await paced(url, requestsFor(url, perSecond * (quick ? 2 : 5)), 64, perSecond);
      const after = await usage(url);
      report('accept-paced', { side, targetPerSecond: perSecond, perSecond: load.perSecond, p50Ms: load.p50Ms, p99Ms: load.p99Ms, failed: load.failed, cpuMicrosPerAccept: cpuMicros(before, after, load) });
      if (side === 'ours') expect(load.failed === 0, `${load.failed} of ${load.answered} paced webhooks were not accepted`);
    }
  }
  await ours.stop();
  await floor.stop();
  await database.drop();
  await withWorkers(server, quick);
};

/** Deciding and sending go on beside it, on the same cores. */
async function withWorkers(server: Parameters<Bench>[0]['server'], quick: boolean): Promise<void> {
  const database = await server.fresh();
  const klaviyo = await startHelper('klaviyo-process.ts', {});
  const floor = await startHelper('floor-process.ts', { DATABASE_URL: database.url });
  const ours = await startConnector({ databaseUrl: database.url, configFile: writeConfig(klaviyo.url), workers: true });
  await rush(ours.url, requestsFor(ours.url, 200), 8, 1);
  await wait(3_000);
  tell('accept: 32 connections with workers on');
  const figures = await compare({ floor, ours }, 32, quick ? 1 : 3, quick ? 1 : 2);
  report('accept', { connections: 32, workers: true, ...figures });
  await ours.stop();
  await floor.stop();
  await klaviyo.stop();
  await database.drop();
}

async function compare(sides: Record<Side, Running>, connections: number, rounds: number, seconds: number, toggleProfile?: () => void) {
  const loads: Record<Side, (Load & { cpu: number })[]> = { floor: [], ours: [] };
  for (let at = 0; at < rounds; at++) {
    // Who goes first alternates, so that a trend of the machine meets both.
    const order: Side[] = at % 2 === 0 ? ['floor', 'ours'] : ['ours', 'floor'];
    for (const side of order) {
      const { url } = sides[side];
      const requests = requestsFor(url, Math.ceil(mostPerSecond * seconds));
      const before = await usage(url);
      if (side === 'ours') toggleProfile?.();
      const load = await rush(url, requests, connections, seconds);
      if (side === 'ours') toggleProfile?.();
      loads[side].push({ ...load, cpu: cpuMicros(before, await usage(url), load) });
    }
  }
  const of = (side: Side, figure: keyof Load | 'cpu') => median(loads[side].map((load) => load[figure]));
  const failed = loads.ours.reduce((sum, load) => sum + load.failed, 0);
  expect(failed === 0, `${failed} webhooks were not accepted at ${connections} connections`);
  return {
    perSecond: of('ours', 'perSecond'), p50Ms: of('ours', 'p50Ms'), p99Ms: of('ours', 'p99Ms'), cpuMicrosPerAccept: of('ours', 'cpu'),
    floorPerSecond: of('floor', 'perSecond'), floorP50Ms: of('floor', 'p50Ms'), floorP99Ms: of('floor', 'p99Ms'), floorCpuMicrosPerAccept: of('floor', 'cpu'),
    // Of neighbouring rounds, then the median: the machine's mood is the same for both.
    ratio: round(median(loads.ours.map((load, at) => load.perSecond / Math.max(1, loads.floor[at]!.perSecond))), 2),
    failed,
  };
}

function cpuMicros(before: { cpuSeconds: number }, after: { cpuSeconds: number }, { answered }: Load): number {
  return round(((after.cpuSeconds - before.cpuSeconds) * 1e6) / Math.max(1, answered), 0);
}
