import fc from 'fast-check';
import { nextStretch, readersFor, shareRead, worthAReader, type HeldProfile, type Stretch } from '#core';
import { aTenant, dry, tenant, World } from './reconcile-world.js';

const whole = (from: number, to: number): Stretch => ({ from, to, at: from, done: false });
/** Less is left to whoever reads it. */
const worthMs = 2_000;

describe('stretches of time', () => {
  it('one that nobody reads comes before a half of another', () => {
    const [first, second] = [whole(0, 100_000), whole(100_000, 101_000)];
    expect(nextStretch([first, second], new Map([[first, 0]]), worthMs)).toBe(second);
  });

  it('of the longest that is read the half is taken that nobody has in hand yet', () => {
    const [short, long] = [whole(0, 10_000), whole(10_000, 50_000)];
    const stretches = [short, long];
    expect(nextStretch(stretches, new Map([[short, 0], [long, 30_000]]), worthMs)).toEqual(whole(40_000, 50_000));
    expect(stretches).toEqual([short, { ...long, to: 40_000 }, whole(40_000, 50_000)]);
  });

  it('short ones are left to whoever reads them, and what is done to nobody', () => {
    const short = whole(0, 1_999);
    expect(nextStretch([short], new Map([[short, 0]]), worthMs)).toBeUndefined();
    expect(nextStretch([{ ...whole(0, 100_000), done: true }], new Map(), worthMs)).toBeUndefined();
    expect(nextStretch([], new Map(), worthMs)).toBeUndefined();
  });

  it('together they are always the whole time, each part of it once, however readers come and go', () => {
    const moves = fc.array(fc.record({ reader: fc.nat({ max: 5 }), reads: fc.nat({ max: 40_000 }) }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200_000 }), moves, (length, steps) => {
        const stretches = [whole(0, length)];
        const busy = new Map<Stretch, number>();
        const inHand = new Map<number, Stretch>();
        for (const { reader, reads } of steps) {
          const mine = inHand.get(reader) ?? nextStretch(stretches, busy, worthMs);
          if (!mine) continue;
          // No two readers have the same.
          expect([...inHand].filter(([other, one]) => other !== reader && one === mine)).toEqual([]);
          inHand.set(reader, mine);
          mine.at = Math.min(mine.to, Math.max(mine.at, busy.get(mine) ?? mine.at) + reads);
          mine.done = mine.at === mine.to;
          busy.set(mine, mine.at);
          if (!mine.done) continue;
          busy.delete(mine);
          inHand.delete(reader);
        }
        const sorted = stretches.toSorted((a, b) => a.from - b.from);
        expect(sorted.map(({ from }) => from)).toEqual([0, ...sorted.slice(0, -1).map(({ to }) => to)]);
        expect(sorted.at(-1)!.to).toBe(length);
        for (const { from, at, to } of sorted) expect(from <= at && at <= to && from < to).toBe(true);
      }),
    );
  });

  it.each<[string, pages: number, expected: number, pagesOfAReader: number | undefined]>([
    ['nothing is read and nobody knows how much there is', 0, 0, undefined],
    ['nothing is read and a thousand pages are expected', 0, 1_000, 200],
    ['a tenth is read', 100, 0, 200],
    ['a tenth is read, and the rest is expected to be fuller', 1, 1_000, 200],
    ['a tenth is read, and more was there than expected', 100, 10, 200],
  ])('are shared with another reader from two hundred pages on, where %s', (_title, pages, expected, worthPages) => {
    expect(worthAReader([whole(0, 1e9)], { pages, ms: pages === 0 ? 0 : 1e8 }, expected)).toBe(worthPages === undefined ? Infinity : worthPages * 1e6);
  });

  it.each([
    [0, 1],
    [399, 1],
    [400, 2],
    [1_000, 5],
    [10_000, 6],
  ])('of %i pages are worth %i readers', (pages, readers) => {
    expect(readersFor(pages)).toBe(readers);
  });

  it.each<[string, Stretch[], number]>([
    ['nothing', [whole(0, 100)], 0],
    ['all', [{ ...whole(0, 100), at: 30, done: true }], 1],
    ['a part', [{ ...whole(0, 100), at: 30 }, whole(100, 200)], 0.15],
    ['no time at all', [], 0],
  ])('say how much is read: %s', (_title, stretches, share) => {
    expect(shareRead(stretches)).toBe(share);
  });
});

/** Profiles created at such seconds, and how many a page has; several in one second, as Klaviyo writes times. */
const created = fc.oneof(fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 60 }), fc.array(fc.nat({ max: 2_000 }), { minLength: 1_200, maxLength: 1_250 }));
const accounts = fc.record({ seconds: created, turns: fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 10 }) });
const begin = Date.UTC(2026, 0, 1);

async function reading({ seconds, turns }: { seconds: number[]; turns: number[] }) {
  // Short pages make long readings of few people.
  const world = new World(aTenant(), 2);
  seconds.forEach((second, i) => world.profiles.put({ name: { email: `p${i}@mail.example` }, createdAt: begin + second * 1_000 }));
  const looked: string[] = [];
  const { personsBy } = world.records;
  world.records.personsBy = (of, keys) => {
    looked.push(...keys.filter((key) => key.startsWith('klaviyoId:')));
    return personsBy.call(world.records, of, keys);
  };
  // Some answers come later than others.
  let calls = 0;
  const late = async () => {
    for (let turn = turns[calls++ % turns.length]!; turn > 0; turn--) await Promise.resolve();
  };
  return { world, looked, late };
}

describe('profiles read side by side', () => {
  const ids = (world: World) => [...world.profiles.held.values()].map(({ name }: HeldProfile) => `klaviyoId:${name.klaviyoId}`).sort();

  it('are each read by exactly one reader, whenever they were created and whoever is answered first', async () => {
    await fc.assert(
      fc.asyncProperty(accounts, async (account) => {
        const { world, looked, late } = await reading(account);
        world.onStep = late;
        const { run } = await world.process().run(tenant, { ...dry, only: ['consent'] });
        expect(looked.toSorted()).toEqual(ids(world));
        expect(run.checkpoint.profiles.read).toBe(account.seconds.length);
      }),
      { numRuns: 15 },
    );
  });

  it('are all read when the process is stopped on the way', async () => {
    await fc.assert(
      fc.asyncProperty(accounts, fc.integer({ min: 1, max: 60 }), async (account, calls) => {
        const { world, looked, late } = await reading(account);
        const first = world.process();
        let made = 0;
        world.onStep = () => (++made === calls ? first.stop() : late());
        if ((await first.run(tenant, { ...dry, only: ['consent'] })).is === 'done') return;
        await world.process().run(tenant, { ...dry, only: ['consent'] });
        expect([...new Set(looked)].sort()).toEqual(ids(world));
        // In good order it stops where a page is dealt with: nobody is met again, also where many were created in one moment.
        expect(looked).toHaveLength(account.seconds.length);
      }),
      { numRuns: 15 },
    );
  });

  it('are read once more only where they were in hand when the process was stopped', async () => {
    const profiles = 1_500;
    const undisturbed = await reading({ seconds: Array.from({ length: profiles }, (_, i) => i * 7), turns: [0] });
    await undisturbed.world.process().run(tenant, { ...dry, only: ['consent'] });
    for (const calls of [3, 40, 120, 250]) {
      const { world, looked } = await reading({ seconds: Array.from({ length: profiles }, (_, i) => i * 7), turns: [0] });
      const first = world.process();
      let made = 0;
      world.onStep = () => void (++made === calls && first.stop());
      await first.run(tenant, { ...dry, only: ['consent'] });
      await world.process().run(tenant, { ...dry, only: ['consent'] });
      expect(looked).toHaveLength(profiles);
      expect(world.profiles.calls.length).toBeLessThanOrEqual(undisturbed.world.profiles.calls.length + 2 * 6);
    }
  });

  it.each([
    [30, 1],
    [150, 1],
    [390, 1],
    [1_000, 3],
  ])('of %i pages are read by %i readers at the most, because each costs a page when a process dies', async (pages, readers) => {
    const { world } = await reading({ seconds: Array.from({ length: pages * 2 }, (_, i) => i * 60), turns: [2] });
    world.clock.at = begin + pages * 2 * 60_000;
    let [now, most] = [0, 0];
    const page = world.profiles.page.bind(world.profiles);
    world.profiles.page = async (...asked) => {
      most = Math.max(most, ++now);
      return page(...asked).finally(() => now--);
    };
    await world.process().run(tenant, { ...dry, only: ['consent'] });
    expect(most).toBe(readers);
  });

  it('that are created meanwhile are left to the next run', async () => {
    const { world, looked } = await reading({ seconds: Array.from({ length: 12 }, (_, i) => i), turns: [0] });
    world.onStep = () => void world.profiles.put({ createdAt: world.clock.now() + 1 });
    await world.process().run(tenant, { ...dry, only: ['consent'] });
    expect(looked).toHaveLength(12);
  });

  it('of an account without any are read by one call', async () => {
    const world = new World();
    const { run } = await world.process().run(tenant, { ...dry, only: ['consent'] });
    expect(run.checkpoint).toMatchObject({ phase: 'done', profiles: { read: 0 }, calls: { profiles: 1 } });
  });

  it('since some time are those that changed since then, by one reader', async () => {
    const world = new World();
    const changed = Array.from({ length: 12 }, (_, i) => world.profiles.put({ createdAt: begin, updatedAt: begin + i * 1_000 }));
    const { run } = await world.process().run(tenant, { ...dry, only: ['consent'], since: changed[4]!.updatedAt });
    expect(run.checkpoint).toMatchObject({ profiles: { read: 8 }, calls: { profiles: 2 } });
    expect(world.profiles.calls.every(({ range }) => range?.changedAfter === changed[4]!.updatedAt - 1)).toBe(true);
  });
});
