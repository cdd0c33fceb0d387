import type { Limit, Permits } from '#core';
import { openStore, type OpenStore } from '#store';
import { inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { until } from './until.js';

export function permitsSuite(database: () => Promise<{ url: string; dispose(): Promise<void> }>): void {
  let opened: { url: string; dispose(): Promise<void> };
  let replicas: OpenStore[];
  let permits: Permits;
  let other: Permits;
  let account = '';
  const wide: Limit = { burst: 1_000, steady: 1_000 };
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  /** Moves everything known about the account into the past, which is the same as waiting. */
  const pass = (ms: number) =>
    inDatabase(
      opened.url,
      `update connector.permit set taken_at = taken_at - ${ms} * interval '1 ms', ends_at = ends_at - ${ms} * interval '1 ms' where account = '${account}';
       update connector.pause set until = until - ${ms} * interval '1 ms' where account = '${account}'`,
    );

  beforeAll(async () => {
    opened = await database();
    replicas = [await openStore({ url: opened.url, log: silentLog }), await openStore({ url: opened.url, log: silentLog })];
    [permits, other] = replicas.map((replica) => replica.permits) as [Permits, Permits];
  });
  afterAll(async () => {
    await Promise.all(replicas.map(({ close }) => close()));
    await opened.dispose();
  });
  beforeEach(() => {
    account = `account-${Math.random()}`;
  });

  it('never lets the vendor see more than either limit in any window, whatever the replicas and the calls do', async () => {
    const limit = { burst: 12, steady: 40 };
    const arrivals: number[] = [];
    const endsAt = performance.now() + 4_500;
    const caller = async (mine: Permits) => {
      while (performance.now() < endsAt) {
        const { permits: granted, waitMs } = await mine.take(account, 'events', 1 + Math.floor(Math.random() * 4), limit, Math.random() < 0.5 ? { aheadMs: 300 } : {});
        if (granted.length === 0) {
          await wait(Math.min(waitMs, Math.max(1, endsAt - performance.now())));
          continue;
        }
        await wait(waitMs);
        await Promise.all(
          granted.map(async (permit) => {
            // On the way, at the vendor, and back.
            await wait(Math.random() * 60);
            arrivals.push(performance.now());
            await wait(Math.random() * 60);
            await (Math.random() < 0.5 ? permits : other).settle([permit]);
          }),
        );
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => caller(i % 2 ? permits : other)));
    arrivals.sort((a, b) => a - b);
    const most = (windowMs: number) => Math.max(...arrivals.map((from) => arrivals.filter((at) => at >= from && at < from + windowMs).length));
    expect(most(1_000)).toBeLessThanOrEqual(limit.burst);
    expect(arrivals.length).toBeLessThanOrEqual(limit.steady);
    // And the limit is used, not merely kept.
    expect(arrivals.length).toBeGreaterThanOrEqual(30);
  });

  it('grants as many as both windows have room for', async () => {
    expect((await permits.take(account, 'op', 100, { burst: 7, steady: 50 })).permits).toHaveLength(7);
    expect(await other.take(account, 'op', 1, { burst: 7, steady: 50 })).toMatchObject({ permits: [], failures: 0 });
    expect((await other.take(account, 'op', 100, { burst: 100, steady: 9 })).permits).toHaveLength(2);
    expect((await permits.take(account, 'another', 100, { burst: 7, steady: 50 })).permits).toHaveLength(7);
    expect((await permits.take(`${account}'s other`, 'op', 100, { burst: 7, steady: 50 })).permits).toHaveLength(7);
  });

  it('counts a call as long as it is on its way, and for one window after its answer', async () => {
    const limit = { burst: 2, steady: 3 };
    const first = await permits.take(account, 'op', 2, limit);
    await pass(5_000);
    expect((await permits.take(account, 'op', 1, limit)).permits).toEqual([]);
    await permits.settle([first.permits[0]!]);
    const refused = await permits.take(account, 'op', 1, limit);
    expect(refused.waitMs).toBeGreaterThan(0);
    expect(refused.waitMs).toBeLessThanOrEqual(1_010);
    await pass(1_010);
    expect((await permits.take(account, 'op', 5, limit)).permits).toHaveLength(1);
    await permits.settle(first.permits);
    const full = await permits.take(account, 'op', 1, { burst: 10, steady: 3 });
    expect(full.permits).toEqual([]);
    // The first of the three was settled a second ago.
    expect(full.waitMs).toBeGreaterThan(50_000);
    expect(full.waitMs).toBeLessThanOrEqual(59_000);
  });

  it('says exactly when it is worth asking again', async () => {
    const limit = { burst: 100, steady: 3 };
    await permits.settle((await permits.take(account, 'op', 3, limit)).permits);
    const { waitMs } = await permits.take(account, 'op', 1, limit);
    expect(waitMs).toBeLessThanOrEqual(60_006);
    await pass(waitMs - 10_000);
    const sooner = await permits.take(account, 'op', 1, limit);
    expect(sooner.permits).toEqual([]);
    expect(sooner.waitMs).toBeLessThanOrEqual(10_001);
    await pass(sooner.waitMs);
    expect((await permits.take(account, 'op', 1, limit)).permits).toHaveLength(1);
  });

  it('forgets the calls of a process that died, and not before a minute has passed', async () => {
    const limit = { burst: 5, steady: 5 };
    await permits.take(account, 'op', 5, limit);
    await pass(60_000);
    expect((await permits.take(account, 'op', 1, limit)).permits).toEqual([]);
    await pass(60_010);
    expect((await permits.take(account, 'op', 5, limit)).permits).toHaveLength(5);
  });

  it('takes back what was not used', async () => {
    const limit = { burst: 2, steady: 2 };
    const { permits: taken } = await permits.take(account, 'op', 2, limit);
    await other.giveBack(taken);
    expect((await permits.take(account, 'op', 2, limit)).permits).toHaveLength(2);
    await permits.giveBack([]);
    await permits.settle([]);
  });

  it('keeps calls apart from each other where that is asked for', async () => {
    const [taken] = (await permits.take(account, 'op', 1, wide, { spacingMs: 8_000 })).permits;
    await permits.settle([taken!]);
    const tooSoon = await other.take(account, 'op', 1, wide, { spacingMs: 8_000 });
    expect(tooSoon.permits).toEqual([]);
    expect(tooSoon.waitMs).toBeGreaterThan(0);
    expect(tooSoon.waitMs).toBeLessThanOrEqual(8_000);
    await pass(8_000);
    expect((await other.take(account, 'op', 1, wide, { spacingMs: 8_000 })).permits).toHaveLength(1);
  });

  it('grants what becomes free shortly, and says from when it may be used', async () => {
    const limit = { burst: 2, steady: 100 };
    const taken = (await permits.take(account, 'op', 2, limit)).permits;
    // As long as calls are on their way nobody knows when their places become free.
    expect(await other.take(account, 'op', 1, limit, { aheadMs: 900 })).toMatchObject({ permits: [] });
    await permits.settle(taken);
    await pass(500);
    expect(await other.take(account, 'op', 1, limit, { aheadMs: 200 })).toMatchObject({ permits: [] });
    const ahead = await other.take(account, 'op', 1, limit, { aheadMs: 900 });
    expect(ahead.permits).toHaveLength(1);
    expect(ahead.waitMs).toBeGreaterThan(200);
    expect(ahead.waitMs).toBeLessThanOrEqual(505);
    // It counts from then on, so there is one more, and no third.
    expect((await permits.take(account, 'op', 5, limit, { aheadMs: 900 })).permits).toHaveLength(1);
    expect((await permits.take(account, 'op', 5, limit, { aheadMs: 900 })).permits).toEqual([]);
    // In an empty window nobody has to wait.
    expect(await permits.take(account, 'another', 2, limit, { aheadMs: 900 })).toMatchObject({ permits: { length: 2 }, waitMs: 0 });
  });

  it('pauses one operation for as long as the vendor says, and never shortens that', async () => {
    await permits.pause(account, 'op', 30_000);
    await permits.pause(account, 'op', 1_000);
    const paused = await other.take(account, 'op', 1, wide);
    expect(paused.permits).toEqual([]);
    expect(paused.waitMs).toBeGreaterThan(29_000);
    expect(paused.waitMs).toBeLessThanOrEqual(30_000);
    expect((await other.take(account, 'another', 1, wide)).permits).toHaveLength(1);
    await pass(30_000);
    expect((await other.take(account, 'op', 3, wide)).permits).toHaveLength(3);
  });

  it('counts the failures of one outage once, pauses all operations of the account, and longer each time', async () => {
    const pause = async () => (await inDatabase<{ failures: number; ms: number }>(opened.url, `select failures, (extract(epoch from until) * 1000)::float8 as ms from connector.pause where account = '${account}'`))[0]!;
    const now = async () => (await inDatabase<{ ms: number }>(opened.url, `select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`))[0]!.ms;
    for (const [round, nominalMs] of [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000].entries()) {
      const before = await now();
      await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? permits : other).failed(account)));
      const after = await now();
      const { failures, ms } = await pause();
      expect(failures).toBe(round + 1);
      expect(ms).toBeGreaterThanOrEqual(before + 0.75 * nominalMs);
      expect(ms).toBeLessThanOrEqual(after + nominalMs);
      if (nominalMs >= 8_000) expect(await permits.take(account, `op-${round}`, 1, wide)).toMatchObject({ permits: [], failures });
      await pass(nominalMs + after - before);
      // Calls of the old outage that fail only now are no news; the one that tries again is.
      await other.failed(account);
      expect((await pause()).failures).toBe(failures);
      const { permits: tried } = await other.take(account, `op-${round}`, 5, wide);
      expect(tried).toHaveLength(1);
      await other.settle(tried);
    }
  });

  it('sends one call to try a failed account, over all operations and replicas, and opens up when it answers', async () => {
    await permits.failed(account);
    await pass(1_000);
    const tries = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? permits : other).take(account, `op-${i % 3}`, 5, wide)));
    const [probe, ...more] = tries.flatMap(({ permits: taken }) => taken);
    expect(more).toEqual([]);
    expect(tries.every(({ permits: taken, waitMs, failures }) => failures === 1 && (taken.length === 1 || waitMs > 0))).toBe(true);
    await permits.settle([probe!]);
    // Answered, but nobody said yet that the account is well.
    const [second] = (await permits.take(account, 'op-0', 5, wide)).permits;
    await permits.settle([second!]);
    await other.recovered(account);
    expect(await permits.take(account, 'op-1', 5, wide)).toMatchObject({ permits: { length: 5 }, failures: 0 });
    await other.recovered(account);
  });

  it('deletes what no longer counts', async () => {
    for (let i = 0; i < 3; i += 1) await permits.settle((await permits.take(account, 'op', 100, wide)).permits);
    await pass(300_000);
    const left = async () => (await inDatabase(opened.url, `select 1 from connector.permit where account = '${account}'`)).length;
    expect(await left()).toBe(300);
    await until(async () => {
      for (let i = 0; i < 30; i += 1) await permits.giveBack((await permits.take(account, 'op', 1, wide)).permits);
      return (await left()) < 300;
    });
  });
}
