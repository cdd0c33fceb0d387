import { bareEvent, firstCheckpoint, leaseMs, parts, RunInHand, type Checkpoint, type Company, type Drift, type NewDelivery, type Run, type Runs } from '#core';
import { MemoryRuns } from '../../support/memory-runs.js';
import { Gate, ManualClock } from './fakes.js';

const drift = (key: string, own: Partial<Drift> = {}): Drift => ({ kinds: ['status-wrong'], sample: { passId: key }, repairs: [{ key, kinds: ['status-wrong'], event: bareEvent({ kind: 'looked-up', name: 'reconciliation', at: 0 }) }], ...own });

async function inHand(company: Company = {}, dryRun = false) {
  const clock = new ManualClock();
  const runs = new MemoryRuns(clock);
  const kept: Checkpoint[] = [];
  const keep = runs.keep.bind(runs);
  const gate = { opened: Promise.resolve() };
  runs.keep = async (id, lease, checkpoint, ms) => {
    kept.push(structuredClone(checkpoint));
    await gate.opened;
    return keep(id, lease, checkpoint, ms);
  };
  const received: NewDelivery[][] = [];
  const known = new Set<string>();
  const store = {
    receive: async (deliveries: NewDelivery[]) => {
      received.push(deliveries);
      return deliveries.map(({ key }) => {
        const redelivered = known.has(key);
        known.add(key);
        return { id: key, redelivered };
      });
    },
  };
  const { run, lease } = (await runs.begin('acme', { dryRun, only: parts }, leaseMs)) as { run: Run; lease: string };
  const hand = new RunInHand(run, lease, { runs, store, clock }, company);
  return { clock, runs, kept, gate, received, store, hand, run, lease };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const undecided = (runs: Runs, ...counts: number[]) => (runs.undecided = async () => (counts.length > 1 ? counts.shift()! : counts[0]!));

describe('how far a run is', () => {
  it('is saved once for all that is done while a save is under way, and once more for what came last', async () => {
    const { hand, kept, gate } = await inHand();
    const held = new Gate();
    gate.opened = held.opened;
    for (let read = 1; read <= 5; read++) {
      hand.checkpoint.profiles.read = read;
      hand.save();
    }
    held.open();
    await hand.saved();
    expect(kept.map(({ profiles }) => profiles.read)).toEqual([1, 5]);
  });

  it('is saved before a phase begins', async () => {
    const { hand, kept } = await inHand();
    await hand.enter('profiles');
    expect(kept.at(-1)!.phase).toBe('profiles');
  });

  it('is told to whoever goes along', async () => {
    const told: number[] = [];
    const { hand } = await inHand({ tell: ({ checkpoint }) => told.push(checkpoint.profiles.read) });
    hand.checkpoint.profiles.read = 7;
    hand.save();
    expect(told).toEqual([7]);
  });

  it('holds the time that was spent, that of processes before this one included', async () => {
    const { hand, clock, kept } = await inHand();
    hand.checkpoint.spentMs = 1_000;
    clock.at += 500;
    hand.save();
    await hand.saved();
    expect(kept[0]!.spentMs).toBe(1_500);
    expect(hand.spentMs).toBe(1_500);
  });

  it('cannot be saved while the database is away: then the run does not go on', async () => {
    const { hand, runs } = await inHand();
    runs.keep = () => Promise.reject(new Error('away'));
    hand.save();
    await expect(hand.saved()).rejects.toThrow('away');
    expect(() => hand.goOn()).toThrow('away');
  });
});

describe('a run is let go', () => {
  it('when the process stops, and nothing is saved any more', async () => {
    const { hand, kept } = await inHand();
    hand.stop();
    hand.save();
    await expect(hand.saved()).rejects.toMatchObject({ why: 'stopped' });
    expect(kept).toEqual([]);
  });

  it('when another process has it', async () => {
    const { hand, runs, clock } = await inHand();
    clock.at += leaseMs + 1;
    await runs.begin('acme', { dryRun: false, only: parts }, leaseMs);
    await expect(hand.enter('profiles')).rejects.toMatchObject({ why: 'lost' });
  });

  it('when somebody cancels it, however it is waiting', async () => {
    const { hand, runs, run } = await inHand();
    await runs.cancel('acme', run.id);
    await expect(hand.wait(3_600_000)).rejects.toMatchObject({ why: 'cancelled' });
  });

  it('and asks nobody anything any more', async () => {
    const { hand } = await inHand();
    hand.stop();
    let asked = 0;
    await expect(hand.asked(async () => ({ asked: ++asked }))).rejects.toMatchObject({ why: 'stopped' });
    expect(asked).toBe(0);
  });
});

describe('waiting', () => {
  it('keeps the lease, however long it takes', async () => {
    const { hand, clock, runs } = await inHand();
    await hand.wait(10 * leaseMs);
    expect(clock.waits.reduce((a, b) => a + b)).toBe(10 * leaseMs);
    expect(Math.max(...clock.waits)).toBeLessThan(leaseMs / 2);
    expect(await runs.begin('acme', { dryRun: false, only: parts }, leaseMs)).toHaveProperty('busy');
  });

  it('takes no time where there is nothing to wait for', async () => {
    const { hand, clock } = await inHand();
    await hand.wait(0);
    await hand.wait(-5);
    expect(clock.waits).toEqual([]);
  });

  it('is as long as a vendor says, as often as it says so, and never busy', async () => {
    const { hand, clock } = await inHand();
    const answers: ({ waitMs: number } | { yes: true })[] = [{ waitMs: 3_000 }, { waitMs: 0 }, { yes: true }];
    expect(await hand.asked(async () => answers.shift()!)).toEqual({ yes: true });
    expect(clock.waits).toEqual([3_000, 10]);
  });
});

describe('what a run finds', () => {
  it('is handed over before it is counted', async () => {
    const { hand, store, received } = await inHand();
    const held = new Gate();
    const receive = store.receive;
    store.receive = async (deliveries) => held.opened.then(() => receive(deliveries));
    const taken = hand.take([drift('a')]);
    await settled();
    expect(hand.checkpoint.found).toEqual({});
    held.open();
    await taken;
    expect(received).toMatchObject([[{ key: expect.stringContaining(':a'), repair: { kinds: ['status-wrong'] } }]]);
    expect(hand.checkpoint.found).toEqual({ 'status-wrong': { count: 1, samples: [{ passId: 'a' }] } });
  });

  it('is not counted when it could not be handed over', async () => {
    const { hand, store } = await inHand();
    store.receive = () => Promise.reject(new Error('away'));
    await expect(hand.take([drift('a')])).rejects.toThrow('away');
    expect(hand.checkpoint.found).toEqual({});
  });

  it('is not counted again when the inbox knows it', async () => {
    const { hand } = await inHand();
    await hand.take([drift('a'), drift('a'), drift('b')]);
    await hand.take([drift('b'), drift('c')]);
    expect(hand.checkpoint.found['status-wrong']!.count).toBe(3);
  });

  it.each([[false], [true]])('counts once for every repair, and what is only reported once (dry run: %s)', async (dryRun) => {
    const { hand, received } = await inHand({}, dryRun);
    const [one] = drift('a').repairs;
    await hand.take([drift('a', { kinds: ['install-unheard', 'consent-differs'], repairs: [{ ...one!, key: 'apple', kinds: ['install-unheard'] }, { ...one!, key: 'google', kinds: ['install-unheard'] }] }), drift('b', { kinds: ['profile-duplicated'], repairs: [] })]);
    expect(Object.entries(hand.checkpoint.found).map(([kind, { count }]) => [kind, count])).toEqual([['consent-differs', 1], ['install-unheard', 2], ['profile-duplicated', 1]]);
    expect(received).toHaveLength(dryRun ? 0 : 1);
  });

  it('is shown by twenty samples at the most', async () => {
    const { hand } = await inHand();
    await hand.take(Array.from({ length: 50 }, (_, i) => drift(`P-${i}`)));
    expect(hand.checkpoint.found['status-wrong']).toMatchObject({ count: 50 });
    expect(hand.checkpoint.found['status-wrong']!.samples).toHaveLength(20);
  });

  it('waits for room in the inbox', async () => {
    const { hand, runs, clock, received } = await inHand();
    undecided(runs, 9_990, 9_000);
    await hand.take(Array.from({ length: 10_000 }, (_, i) => drift(`a${i}`)));
    expect(clock.waits).toEqual([]);
    await hand.take(Array.from({ length: 100 }, (_, i) => drift(`b${i}`)));
    expect(clock.waits).toEqual([1_000]);
    expect(received.map((batch) => batch.length)).toEqual([10_000, 100]);
  });
});

describe('where nobody decides', () => {
  const waitSeconds = async (hand: RunInHand, clock: ManualClock, seconds: number, left: (second: number) => number) => {
    for (let second = 0; second < seconds; second++) {
      await hand.isLeft(left(second));
      clock.at += 1_000;
    }
  };

  it('this process does it when nothing has become less for ten seconds, and begins once', async () => {
    let begun = 0;
    const { hand, clock } = await inHand({ work: async () => void begun++ });
    await waitSeconds(hand, clock, 10, () => 50);
    expect(begun).toBe(0);
    await waitSeconds(hand, clock, 60, () => 50);
    expect(begun).toBe(1);
  });

  it('is not where it becomes less, however slowly, or nothing is left', async () => {
    let begun = 0;
    const { hand, clock } = await inHand({ work: async () => void begun++ });
    await waitSeconds(hand, clock, 60, (second) => 100 - Math.floor(second / 9));
    await waitSeconds(hand, clock, 60, () => 0);
    expect(begun).toBe(0);
  });
});

it('a run begins with nothing', async () => {
  const { hand } = await inHand();
  expect(hand.checkpoint).toEqual(firstCheckpoint());
});
