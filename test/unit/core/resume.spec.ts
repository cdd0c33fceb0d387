import { leaseMs, phases, type Reconcile, type Run } from '#core';
import { agreeing, emailOf, foundIn, leftIn, planted, plantedKinds, reported } from './planted-world.js';
import { dry, everything, tenant, type World } from './reconcile-world.js';
import { hour } from '../../support/stories.js';

const callsOf = ({ report }: Run) => Object.values(report!.calls).reduce((a, b) => a + b, 0);

/** Counts what a run does outside of itself, and does something before one of those steps. */
function beforeStep(world: World, n: number, happens: () => void | Promise<void>): { readonly steps: number } {
  const counted = { steps: 0 };
  world.onStep = () => (++counted.steps === n ? happens() : undefined);
  return counted;
}

/** How much one undisturbed run does, and what it comes to. */
async function undisturbed(options = everything) {
  const world = await planted();
  const counted = beforeStep(world, 0, () => {});
  const { run } = await world.process().run(tenant, options);
  return { run, steps: counted.steps, repairs: repairsOf(world) };
}

const repairsOf = (world: World) => world.received.map(({ key }) => key.replace(/^run:run-\d+:/, '')).sort();
/** The same whoever was asked first. */
const sorted = (run: Run) => Object.entries(foundIn(run)).sort();

const never = () => new Promise<never>(() => {});

/** As after `kill -9`: from this step on, whatever the process does reaches nobody, and its lease runs out. */
async function killedBefore(world: World, step: number): Promise<void> {
  let steps = 0;
  const { keep, release } = world.runs;
  const died = new Promise<void>((resolve) => {
    world.onStep = () => {
      if (++steps < step) return;
      world.runs.keep = never;
      world.runs.release = never;
      resolve();
      return never();
    };
  });
  await Promise.race([died, world.process().run(tenant, everything)]);
  for (let turn = 0; turn < 5; turn++) await world.clock.nextTurn();
  Object.assign(world.runs, { keep, release });
  world.onStep = () => {};
  world.clock.at += 61_000;
}

/** An event that was sent again and not counted any more is the one thing that a run cannot tell twice. */
const exceptSentAgain = (run: Run) => sorted(run).filter(([kind]) => kind !== 'event-not-seen');

describe('a run that is interrupted', () => {
  let whole: Awaited<ReturnType<typeof undisturbed>>;
  beforeAll(async () => (whole = await undisturbed()));

  it('passes through more steps than it has phases', () => {
    expect(whole.steps).toBeGreaterThan(2 * phases.length);
    expect(foundIn(whole.run)).toEqual(plantedKinds);
  });

  it('by a stop on its way, finds and repairs the same in another process', async () => {
    for (let step = 1; step <= whole.steps; step += 2) {
      const world = await planted();
      const first: Reconcile = world.process();
      beforeStep(world, step, () => first.stop());
      if ((await first.run(tenant, everything)).is === 'done') expect(step).toBe(whole.steps);
      else world.onStep = () => {};
      if (step === whole.steps) continue;
      const { run } = await world.process().run(tenant, everything);
      expect([step, run.status, run.resumed]).toEqual([step, 'done', 1]);
      expect([step, sorted(run)]).toEqual([step, sorted(whole.run)]);
      expect(leftIn(run)).toEqual(reported);
      expect(repairsOf(world)).toEqual(whole.repairs);
      expect([step, run.report!.adoption]).toEqual([step, whole.run.report!.adoption]);
      // What was in hand is asked again: the pages of passes read ahead, or one for each of six readers of profiles.
      expect(callsOf(run)).toBeLessThanOrEqual(callsOf(whole.run) + 12);
    }
  }, 60_000);

  it('by kill -9 on its way, does the same', async () => {
    for (let step = 1; step < whole.steps; step += 4) {
      const world = await planted();
      await killedBefore(world, step);
      const { is, run } = await world.process().run(tenant, everything);
      expect([step, is, run.resumed]).toEqual([step, 'done', 1]);
      expect([step, exceptSentAgain(run)]).toEqual([step, exceptSentAgain(whole.run)]);
      expect(leftIn(run)).toEqual(reported);
      expect(repairsOf(world)).toEqual(whole.repairs);
    }
  }, 60_000);

  it('ten times, comes to its end with hardly more calls than one', async () => {
    const world = await planted();
    for (let n = 0; n < 10; n++) await killedBefore(world, 4);
    const { run } = await world.process().run(tenant, everything);
    expect(run).toMatchObject({ status: 'done', resumed: expect.any(Number) });
    expect(run.resumed).toBeGreaterThan(3);
    expect(exceptSentAgain(run)).toEqual(exceptSentAgain(whole.run));
    expect(repairsOf(world)).toEqual(whole.repairs);
  });

  it('by a stop while it reads profiles, takes no duplicate for the main profile of somebody', async () => {
    const twice = async () => {
      const world = await agreeing(12);
      for (const n of [2, 3, 7]) world.profiles.put({ name: { email: emailOf(n) }, createdAt: world.clock.now() + n });
      // Nothing was ever told back of which profile Klaviyo made for them.
      world.clock.at += 12 * hour;
      return world;
    };
    const undisturbed = await (await twice()).process().run(tenant, everything);
    expect(foundIn(undisturbed.run)).toMatchObject({ 'profile-duplicated': 3 });
    for (let step = 1; step < 30; step++) {
      const world = await twice();
      const first = world.process();
      beforeStep(world, step, () => first.stop());
      if ((await first.run(tenant, everything)).is === 'done') continue;
      world.onStep = () => {};
      const { run } = await world.process().run(tenant, everything);
      expect([step, sorted(run)]).toEqual([step, sorted(undisturbed.run)]);
    }
  });

  it('between noting passes as seen and counting them, counts them in the next process', async () => {
    const world = await planted();
    const { receive } = world;
    let reached = () => {};
    const died = new Promise<void>((resolve) => (reached = resolve));
    world.receive = () => {
      reached();
      return never();
    };
    void world.process().run(tenant, everything);
    await died;
    world.receive = receive;
    world.clock.at += 4 * leaseMs + 1_000;
    const { run } = await world.process().run(tenant, everything);
    expect(run.report!.adoption).toEqual(whole.run.report!.adoption);
    expect(sorted(run)).toEqual(sorted(whole.run));
  });

  it('after it looked again at what was too fresh, counts nothing of it once more', async () => {
    const world = await planted();
    const at = world.clock.now() - 10;
    world.passes.put({ id: 'fresh', identifiers: { customerId: 'C-0' }, createdAt: at, changedAt: at });
    const first = world.process();
    const { byIds } = world.profiles;
    world.profiles.byIds = async () => {
      first.stop();
      return { waitMs: 1_000 };
    };
    expect((await first.run(tenant, everything)).run.checkpoint.phase).toBe('again');
    world.profiles.byIds = byIds;
    const { run } = await world.process().run(tenant, everything);
    expect(run.report!.adoption.passes).toBe(whole.run.report!.adoption.passes + 1);
  });

  it('in a dry run, finds the same and still changes nothing', async () => {
    const dryWhole = await undisturbed(dry);
    for (let step = 1; step < dryWhole.steps; step += 4) {
      const world = await planted();
      const first = world.process();
      beforeStep(world, step, () => first.stop());
      await first.run(tenant, dry);
      const { run } = await world.process().run(tenant, dry);
      expect([step, sorted(run)]).toEqual([step, sorted(dryWhole.run)]);
      expect(world.received).toEqual([]);
    }
  }, 60_000);

  it('after its end and before its report, only writes the report', async () => {
    const world = await planted();
    const { end } = world.runs;
    let reached = () => {};
    const died = new Promise<void>((resolve) => (reached = resolve));
    world.runs.end = () => {
      reached();
      return new Promise<never>(() => {});
    };
    void world.process().run(tenant, everything);
    await died;
    world.runs.end = end.bind(world.runs);
    world.clock.at += 4 * leaseMs + 1_000;
    const before = world.passes.calls.length + world.profiles.calls.length;
    const { run } = await world.process().run(tenant, everything);
    expect(sorted(run)).toEqual(sorted(whole.run));
    expect(world.passes.calls.length + world.profiles.calls.length).toBe(before);
  });
});
