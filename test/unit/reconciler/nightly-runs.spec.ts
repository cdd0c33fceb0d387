import 'reflect-metadata';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { CronJob } from 'cron';
import { ConnectorError, leaseMs, parts, type Queue } from '#core';
import { PromMeter, ReconciliationSettings, type Settings } from '#runtime';
import { NightlyRuns } from '../../../apps/reconciler/src/nightly-runs.js';
import { KeptQueue } from '../core/fakes.js';
import { agreeing, planted } from '../core/planted-world.js';
import { dry, everything, tenant, World } from '../core/reconcile-world.js';

const scheduled = (own: Partial<ReconciliationSettings> = {}) => Object.assign(new ReconciliationSettings(), own);

const opened: SchedulerRegistry[] = [];
afterEach(() => {
  for (const registry of opened.splice(0)) for (const job of registry.getCronJobs().values()) void job.stop();
});

function nightly(world: World, tenants: Record<string, { reconciliation?: ReconciliationSettings }> = { [tenant]: {} }, queue: Queue = new KeptQueue()) {
  const registry = new SchedulerRegistry();
  opened.push(registry);
  const meter = new PromMeter();
  const reconcile = world.process();
  const modules = { get: (token: unknown) => (typeof token === 'symbol' ? { retentionDays: 30 } : queue) };
  const runs = new NightlyRuns(registry, reconcile, world.runs, world.clock, world.log, meter, modules as never, { tenants: new Map(Object.entries(tenants)) } as unknown as Settings);
  const job = (name: string) => registry.getCronJob(`reconciliation of ${name}`) as unknown as CronJob;
  return { runs, registry, meter, reconcile, job };
}

describe('runs by schedule', () => {
  it('come for each tenant at its own time, in its own time zone; for one that wants none, never', async () => {
    const { runs, registry, job } = nightly(new World(), { acme: {}, paris: { reconciliation: scheduled({ cron: '0 4 * * 1-5', timeZone: 'Europe/Paris' }) }, quiet: { reconciliation: scheduled({ cron: 'off' }) } });
    await runs.onApplicationBootstrap();
    expect([...registry.getCronJobs().keys()]).toEqual(['reconciliation of acme', 'reconciliation of paris']);
    expect([job('acme').cronTime.source, job('acme').cronTime.timeZone]).toEqual(['15 3 * * *', 'UTC']);
    expect([job('paris').cronTime.source, job('paris').cronTime.timeZone]).toEqual(['0 4 * * 1-5', 'Europe/Paris']);
    expect(job('paris').nextDate().setZone('Europe/Paris').hour).toBe(4);
    expect(job('acme').isActive).toBe(true);
  });

  it('look at everything and repair it, and say in the metrics when they were done', async () => {
    const world = await planted();
    const { runs, job, meter } = nightly(world);
    await runs.onApplicationBootstrap();
    expect(await world.runs.list(tenant, 9)).toEqual([]);
    await job(tenant).fireOnTick();
    await runs.end();
    expect(await world.runs.list(tenant, 9)).toMatchObject([{ status: 'done', options: { dryRun: false, only: parts } }]);
    expect(await meter.registry.getSingleMetricAsString('reconciliation_last_done_timestamp_seconds')).toContain(`{tenant="acme"} ${Math.round(world.clock.now() / 1000)}`);
  });

  it('begin with the one that another process left unfinished, as it was begun, also for a tenant without a schedule', async () => {
    const world = await planted();
    const first = world.process();
    world.onStep = () => first.stop();
    await first.run(tenant, dry);
    world.onStep = () => {};
    const { runs } = nightly(world, { [tenant]: { reconciliation: scheduled({ cron: 'off' }) } });
    await runs.onApplicationBootstrap();
    await runs.end();
    expect(await world.runs.list(tenant, 9)).toMatchObject([{ status: 'done', resumed: 1, options: dry }]);
    expect(world.received).toEqual([]);
  });

  it('begin with the one whose process has died a moment ago, as soon as its lease has run out', async () => {
    const world = await planted();
    await world.runs.begin(tenant, everything, leaseMs);
    const { runs } = nightly(world);
    await runs.onApplicationBootstrap();
    for (let turns = 0; turns < 10_000 && (await world.runs.list(tenant, 1))[0]!.status === 'running'; turns++) await new Promise(setImmediate);
    expect(await world.runs.list(tenant, 9)).toMatchObject([{ status: 'done', resumed: 1 }]);
    await runs.end();
  });

  it('leave a tenant alone at which another process is', async () => {
    const world = await agreeing(3);
    const { runs, job } = nightly(world);
    await runs.onApplicationBootstrap();
    await world.runs.begin(tenant, dry, 60_000);
    await job(tenant).fireOnTick();
    await runs.end();
    expect(world.log.lines.join('\n')).toContain('another process reconciles this tenant');
    expect(world.passes.calls).toEqual([]);
  });

  it('that lose the database half-way go on as soon as it is back, and the night ends well', async () => {
    const world = await planted();
    const { runs, job } = nightly(world);
    await runs.onApplicationBootstrap();
    const awayMs = 4_000;
    let steps = 0;
    let backAt: number | undefined;
    world.onStep = () => {
      if (++steps === 3) backAt = world.clock.now() + awayMs;
      if (backAt !== undefined && world.clock.now() < backAt) throw new ConnectorError('DATABASE_UNAVAILABLE');
    };
    await job(tenant).fireOnTick();
    for (let turns = 0; turns < 10_000 && (await world.runs.list(tenant, 1))[0]?.status !== 'done'; turns++) await new Promise(setImmediate);
    await runs.end();
    expect(await world.runs.list(tenant, 9)).toMatchObject([{ status: 'done', resumed: 1 }]);
    expect(world.clock.now() - backAt!).toBeLessThan(5 * 60_000);
    expect(world.log.lines.filter((line) => line.includes('the database is away'))).toHaveLength(1);
  });

  it('that cannot begin while the database is away begin when it is back, also when the next night has come', async () => {
    const world = await agreeing(3);
    const { runs, job } = nightly(world);
    await runs.onApplicationBootstrap();
    const { begin } = world.runs;
    world.runs.begin = () => Promise.reject(new ConnectorError('DATABASE_UNAVAILABLE'));
    await job(tenant).fireOnTick();
    await job(tenant).fireOnTick();
    world.runs.begin = begin;
    for (let turns = 0; turns < 1_000 && (await world.runs.list(tenant, 1))[0]?.status !== 'done'; turns++) await new Promise(setImmediate);
    await runs.end();
    expect(await world.runs.list(tenant, 9)).toMatchObject([{ status: 'done' }]);
  });

  it('that wait for the database keep no process from stopping', async () => {
    const world = await agreeing(3);
    const { runs, job } = nightly(world);
    await runs.onApplicationBootstrap();
    world.runs.begin = () => Promise.reject(new ConnectorError('DATABASE_UNAVAILABLE'));
    await job(tenant).fireOnTick();
    await runs.end();
    expect(world.log.lines.join('\n')).toContain('reconciliation could not run');
  });

  it('let go when the process stops, so that nothing is in hand any more', async () => {
    const world = await planted();
    const { runs, job, reconcile, meter } = nightly(world);
    await runs.onApplicationBootstrap();
    let steps = 0;
    world.onStep = () => void (++steps === 3 && reconcile.stop());
    await job(tenant).fireOnTick();
    await runs.end();
    expect(await world.runs.list(tenant, 9)).toMatchObject([{ status: 'running' }]);
    expect(await world.runs.begin(tenant, everything, 60_000)).toHaveProperty('lease');
    expect(meter.registry.getSingleMetric('reconciliation_last_done_timestamp_seconds')).toBeUndefined();
  });

  it.each([
    ['', async () => {}],
    [', also when the database is away while they are started', () => Promise.reject(new ConnectorError('DATABASE_UNAVAILABLE'))],
  ])('decide and send by themselves where nobody else does, with workers that are started once%s', async (_when, every) => {
    const world = await planted();
    const queue = new KeptQueue();
    const worked: string[] = [];
    queue.work = async (...asked: unknown[]) => void worked.push(String(asked[0]));
    queue.every = every;
    world.holds = true;
    world.clock.wait = async (ms) => {
      world.clock.at += ms;
      if (worked.length === 0) return;
      world.holds = false;
      await world.decideAll();
    };
    const { runs, job } = nightly(world, { [tenant]: {} }, queue);
    await runs.onApplicationBootstrap();
    for (let night = 0; night < 2; night++) {
      await job(tenant).fireOnTick();
      await runs.end();
    }
    expect(worked.length).toBeGreaterThan(0);
    expect(new Set(worked).size).toBe(worked.length);
    expect(await world.runs.list(tenant, 9)).toMatchObject([{ status: 'done' }, { status: 'done' }]);
  });
});
