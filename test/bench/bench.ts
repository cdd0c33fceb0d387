import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { accept } from './accept.ts';
import { decideBench } from './decide.ts';
import { drain } from './drain.ts';
import { latency } from './latency.ts';
import { killAll } from './processes.ts';
import { reconcileBench } from './reconcile.ts';
import { reconcileKill } from './reconcile-kill.ts';
import { reconcileLive } from './reconcile-live.ts';
import { misses, report, tell } from './report.ts';
import { openServer, type Server } from './server.ts';
import { start } from './start.ts';
import { sync } from './sync.ts';
import { tenantsBench } from './tenants.ts';

/*
 * npm run bench -- [--quick] [--only accept|latency|drain|sync|tenants|decide|start|memory|reconcile|reconcile-live|reconcile-kill]
 *   [--events <n>] [--sizes 10000,100000,1000000] [--profile <folder>]
 *
 * JSON lines on stdout, progress on stderr, exit code 1 when an asserted ratio is missed. Needs nothing but this repository:
 * without DATABASE_URL it starts a PostgreSQL of its own.
 */

export type Bench = (given: { server: Server; quick: boolean; events?: number; sizes?: number[]; profile?: string }) => Promise<void>;

const benches: Record<string, Bench> = { decide: decideBench, accept, latency, drain, sync, tenants: tenantsBench, start, 'reconcile': reconcileBench, 'reconcile-live': reconcileLive, 'reconcile-kill': reconcileKill };
/** Memory is read around a drain. */
const partOf: Record<string, string> = { memory: 'drain' };
const longestMs = { quick: 300_000, normal: 2_400_000 };
/** Filling and comparing, on a machine that has other things to do. */
const longestMsPerPerson = 3;

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, events: { type: 'string' }, sizes: { type: 'string' }, profile: { type: 'string' } } });
const sizes = values.sizes?.split(',').map(Number);
const chosen = values.only === undefined ? Object.keys(benches) : [partOf[values.only] ?? values.only];
if (!chosen.every((name) => benches[name])) {
  tell(`There is no such bench. There are: ${[...Object.keys(benches), ...Object.keys(partOf)].join(', ')}.`);
  process.exit(2);
}
if (values.profile) mkdirSync(values.profile, { recursive: true });

process.on('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const begun = performance.now();
const server = await openServer();
// Whatever hangs: a bench that never ends is worse than none.
setTimeout(() => {
  report('total', { ok: false, missed: 'the time was up' });
  void server.close().finally(() => process.exit(1));
}, (values.quick ? longestMs.quick : longestMs.normal) + longestMsPerPerson * (sizes ?? []).reduce((sum, size) => sum + size, 0)).unref();

let failure: unknown;
try {
  for (const name of chosen) {
    await benches[name]!({ server, quick: values.quick, ...(values.events ? { events: Number(values.events) } : {}), ...(sizes ? { sizes } : {}), ...(values.profile ? { profile: values.profile } : {}) });
  }
} catch (error) {
  failure = error;
  tell(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
killAll();
await server.close();
const ok = misses().length === 0 && failure === undefined;
report('total', { ok, seconds: Math.round((performance.now() - begun) / 1000), cores: availableParallelism(), ...(misses().length ? { missed: misses().join('; ') } : {}) });
process.exit(ok ? 0 : 1);
