import fc from 'fast-check';
import type { ListedPass, PassPage, RunOptions } from '#core';
import { aCustomer, event } from '../../support/stories.js';
import { everything, dry, graceMs, tenant, World } from './reconcile-world.js';

const hour = 3_600_000;
const status = { ...dry, only: ['status'] } satisfies RunOptions;

/** A tenant with so many customers who have a pass each; nobody has heard of any. */
function withPasses(count: number, own: (n: number, world: World) => Partial<ListedPass> = () => ({}), world = new World()) {
  const ids = Array.from({ length: count }, (_, n) => world.passes.put({ identifiers: { customerId: `C-${n}` }, ...own(n, world) }).id);
  const looked: string[] = [];
  const { personsBy } = world.records;
  world.records.personsBy = (of, keys) => {
    looked.push(...keys.flatMap((key) => (key.startsWith('pass:') ? key.slice('pass:'.length) : [])));
    return personsBy.call(world.records, of, keys);
  };
  const found = (run: { checkpoint: { found: Record<string, { count: number } | undefined> } }) => Object.fromEntries(Object.entries(run.checkpoint.found).map(([kind, some]) => [kind, some!.count]));
  return { world, ids, looked, found };
}

describe('reading all passes', () => {
  it.each([0, 1, 4, 5, 6, 24, 25, 26, 61])('each of %i is looked at once, in as few calls as there are pages', async (count) => {
    const { world, ids, looked } = withPasses(count);
    const { run } = await world.process().run(tenant, status);
    expect(looked).toEqual(ids);
    expect(run.checkpoint.passes).toMatchObject({ read: count, total: count });
    expect(run.checkpoint.calls.passes).toBe(Math.max(1, Math.ceil(count / 5)));
    expect(run.checkpoint.adoption).toMatchObject({ passes: count });
  });

  it('they are read also where The Wallet Crew says no total', async () => {
    const { world, ids, looked } = withPasses(23);
    const pages = world.passes.pages.bind(world.passes);
    world.passes.pages = async (...asked) => ((await pages(...asked)) as PassPage[]).map(({ passes, size }) => ({ passes, size }));
    expect((await world.process().run(tenant, status)).is).toBe('done');
    expect(looked).toEqual(ids);
  });

  // One that goes and one that comes between two pages hide each other: then the total says nothing.
  const going = fc.array(fc.option(fc.nat({ max: 100 }), { nil: undefined }), { minLength: 3, maxLength: 25 });
  const coming = fc.array(fc.constantFrom('made' as const, undefined), { minLength: 3, maxLength: 25 });
  it.each([['go', going], ['come', coming]] as [string, fc.Arbitrary<(number | 'made' | undefined)[]>][])('nobody is missed when passes %s meanwhile, and nobody is counted twice', async (_how, changes) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), changes, async (count, steps) => {
        const { world, ids, looked, found } = withPasses(count);
        const left = [...steps];
        world.passes.faults.before = () => {
          const step = left.shift();
          const late = world.clock.now() + 1;
          if (step === 'made') world.passes.put({ createdAt: late, changedAt: late });
          else if (step !== undefined) world.passes.delete([...world.passes.held.keys()][step % Math.max(1, world.passes.held.size)] ?? '');
        };
        const { run } = await world.process().run(tenant, status);
        for (const id of ids) if (world.passes.held.has(id)) expect(looked).toContain(id);
        const old = new Set(looked.filter((id) => ids.includes(id)));
        expect(run.checkpoint.adoption.passes).toBe(old.size);
        expect(found(run)['registration-unheard'] ?? 0).toBe(old.size);
      }),
      { numRuns: 50 },
    );
  });

  it('where there are many pages, some are asked for together, and nobody is missed when passes go meanwhile', async () => {
    const { world, ids, looked, found } = withPasses(8_400, undefined, new World(undefined, 5));
    const together: number[] = [];
    const pages = world.passes.pages.bind(world.passes);
    world.passes.pages = async (of, first, most, order) => {
      together.push(most);
      return pages(of, first, most, order);
    };
    let calls = 0;
    world.passes.faults.before = () => void (calls++ % 100 === 50 && world.passes.delete(ids[calls]!));
    const { run } = await world.process().run(tenant, status);
    expect(Math.max(...together)).toBe(4);
    const read = new Set(looked);
    expect(ids.filter((id) => world.passes.held.has(id) && !read.has(id))).toEqual([]);
    expect(run.checkpoint.adoption.passes).toBe(read.size);
    expect(found(run)['registration-unheard']).toBe(read.size);
    // Each page once, and for each that moved those behind it that were asked for already.
    expect(run.checkpoint.calls.passes).toBeLessThan(1_680 + 17 * 10);
  });

  it('passes that go all the time do not keep it from coming to an end', async () => {
    const { world } = withPasses(200);
    let calls = 0;
    world.passes.faults.before = () => void (calls++ % 3 === 0 && world.passes.delete([...world.passes.held.keys()][0]!));
    const { is, run } = await world.process().run(tenant, status);
    expect(is).toBe('done');
    // Of forty pages each is read once, and those behind what moved once more.
    expect(run.checkpoint.calls.passes).toBeLessThan(120);
  });

  it('what it is told to wait is waited for, and asked again', async () => {
    const { world, ids, looked } = withPasses(12);
    world.passes.faults.failNext(3_000, 2);
    await world.process().run(tenant, status);
    expect(world.clock.waits.slice(0, 2)).toEqual([3_000, 3_000]);
    expect(looked).toEqual(ids);
  });

  it('a newcomer whose passes stand on several pages registers once, in a dry run and in a real one', async () => {
    for (const options of [status, { ...everything, only: ['status'] } satisfies RunOptions]) {
      const { world, found } = withPasses(12, (n, { clock }) => ({ identifiers: { customerId: `C-${n % 2}` }, installed: { Apple: clock.now() - hour, Google: clock.now() - hour } }));
      world.holds = true;
      world.runs.open = async () => 0;
      world.clock.wait = async () => world.decideAll();
      const { run } = await world.process().run(tenant, options);
      expect(found(run)).toMatchObject({ 'registration-unheard': 2, 'install-unheard': 24 });
    }
  });
});

describe('reading what has changed since some time', () => {
  it('ends where passes are older', async () => {
    const { world, ids, looked } = withPasses(40, (n, { clock }) => ({ changedAt: clock.now() - (n + 1) * hour, createdAt: clock.now() - (n + 1) * hour }));
    const { run } = await world.process().run(tenant, { ...status, since: world.clock.now() - 7 * hour });
    expect(looked).toEqual(ids.slice(0, 7));
    // Pages are asked for before it is their turn.
    expect(run.checkpoint.calls.passes).toBeLessThanOrEqual(2 + 6);
    // Nothing follows from not having been shown the others.
    expect(run.checkpoint.found).not.toHaveProperty('pass-gone');
  });

  it('counts nobody twice who moves down while others change', async () => {
    const { world, found } = withPasses(20, (n, { clock }) => ({ changedAt: clock.now() - (n + 1) * hour, createdAt: clock.now() - (n + 1) * hour }));
    let made = 0;
    world.passes.faults.before = () => void (made++ < 4 && world.passes.put({ identifiers: { customerId: `late-${made}` }, createdAt: world.clock.now() + 1, changedAt: world.clock.now() + 1 }));
    const { run } = await world.process().run(tenant, { ...status, since: world.clock.now() - 15 * hour });
    expect(found(run)['registration-unheard']).toBe(15);
  });
});

describe('passes that have just changed', () => {
  it('are looked at again only where the run is about them, however little time it looks back', async () => {
    const { world, looked, found, ids } = withPasses(3, (n, { clock }) => ({ changedAt: clock.now() - (n + 1) * 0.3 * graceMs, createdAt: clock.now() - (n + 1) * 0.3 * graceMs }));
    const at = world.clock.now() - hour;
    await world.tell(ids.flatMap((_, n) => aCustomer(`C-${n}`).enrolled({ at, email: `c-${n}@mail.example` }).events));
    looked.length = 0;
    const { run } = await world.process().run(tenant, { ...status, since: world.clock.now() - 0.5 * graceMs });
    expect(new Set(looked)).toEqual(new Set(ids.slice(0, 1)));
    expect(run.checkpoint.adoption.passes).toBe(1);
    expect(found(run)).toEqual({});
  });

  it('are looked at again at the end, when the grace is over', async () => {
    const { world, looked, found, ids } = withPasses(8, (n, { clock }) => (n === 3 ? { createdAt: clock.now() - 10, changedAt: clock.now() - 10 } : {}));
    // Its webhook comes meanwhile.
    const { run } = await world.process().run(tenant, status);
    expect(world.clock.waits.reduce((a, b) => a + b, 0)).toBe(graceMs);
    expect(looked.filter((id) => id === ids[3])).toHaveLength(2);
    expect(found(run)).toEqual({ 'registration-unheard': 8 });
    expect(run.checkpoint.adoption.passes).toBe(8);
  });

  it('are found in order when their webhooks have come by then', async () => {
    const { world, found, ids } = withPasses(1, (_n, { clock }) => ({ createdAt: clock.now() - 10, changedAt: clock.now() - 10, installed: { Apple: clock.now() - 10 } }));
    const at = world.clock.now() - 10;
    world.onStep = async () => {
      world.onStep = () => {};
      await world.tell([...aCustomer('C-0').enrolled({ at, email: 'c-0@mail.example' }).events, event('pass-installed', { at, identifiers: { customerId: 'C-0' }, pass: { id: ids[0]!, type: 'loyalty' }, wallet: 'Apple' })]);
    };
    const { run } = await world.process().run(tenant, status);
    expect(found(run)).toEqual({});
    expect(run.checkpoint.adoption).toEqual({ passes: 1, Apple: 1, Google: 0, any: 1 });
  });

  it('are not waited for where there are none', async () => {
    const { world } = withPasses(8);
    await world.process().run(tenant, status);
    expect(world.clock.waits).toEqual([]);
  });
});

describe('a source of webhooks that has fallen silent', () => {
  it('is noticed by the installations since the last run of which no webhook told', async () => {
    const { world, ids } = withPasses(20);
    await world.process().run(tenant, everything);
    world.clock.at += 12 * hour;
    const at = world.clock.now();
    for (const [n, id] of ids.entries()) world.passes.put({ ...world.passes.held.get(id)!, changedAt: at, installed: { [n % 2 ? 'Apple' : 'Google']: at } });
    // Only those of Apple are heard of.
    await world.tell(ids.flatMap((id, n) => (n % 2 ? [event('pass-installed', { at, identifiers: { customerId: `C-${n}` }, pass: { id, type: 'loyalty' }, wallet: 'Apple' })] : [])));
    world.clock.at += hour;
    const ended = await world.process().run(tenant, everything);
    expect('report' in ended && ended.report).toMatchObject({ silent: [{ wallet: 'Google', heard: 0, unheard: 10 }], verdict: { worry: 'yes' } });
    expect(ended.run.checkpoint.heard.Apple).toEqual({ heard: 10, unheard: 0 });
    expect(world.log.lines.join('\n')).toContain('WEBHOOKS_SILENT');
  });

  it.each<[string, RunOptions]>([
    ['tried dry', dry],
    ['over tokens alone', { ...everything, only: ['tokens'] }],
    ['over what has changed lately', { ...everything, since: 1 }],
  ])('is noticed by the next night also when somebody starts a run in between %s', async (_, between) => {
    const { world, ids } = withPasses(20);
    await world.process().run(tenant, everything);
    world.clock.at += 12 * hour;
    const at = world.clock.now();
    for (const id of ids) world.passes.put({ ...world.passes.held.get(id)!, changedAt: at, installed: { Apple: at } });
    world.clock.at += hour;
    await world.process().run(tenant, between);
    world.clock.at += hour;
    const ended = await world.process().run(tenant, everything);
    expect('report' in ended && ended.report.silent).toEqual([{ wallet: 'Apple', heard: 0, unheard: 20 }]);
  });

  it('is not suspected by the first run, to which everything is new', async () => {
    const { world } = withPasses(20, (_n, { clock }) => ({ installed: { Apple: clock.now() - hour } }));
    const ended = await world.process().run(tenant, everything);
    expect('report' in ended && ended.report.silent).toEqual([]);
  });
});
