import type { Command, Run, RunOptions, Track } from '#core';
import { day, event, hour, minute } from '../../support/stories.js';
import { MemoryProfiles } from '../../support/memory-profiles.js';
import { dry, everything, tenant, World } from './reconcile-world.js';

const installed = 'Wallet Pass Installed';
const registered = 'Wallet Registered';
const status = { ...everything, only: ['status'] } satisfies RunOptions;

/** Klaviyo accepted these, and shows those of which it is said. */
function accepted(world: World, events: { metric?: string; at: number; shows?: boolean }[]): Track[] {
  return events.map(({ metric = installed, at, shows }, n) => {
    const track: Track = { do: 'track', metric, uniqueId: `event-${n} ${metric}`, at, properties: {}, backfill: false };
    world.records.happened(tenant, { event: event('pass-installed', { at }), personId: `person-${n}`, commands: [track] satisfies Command[] });
    world.records.answer(tenant, 'track', 'accepted');
    if (shows) world.profiles.putEvent('K-1', track);
    return track;
  });
}

const told = (world: World) => world.records.deliveries.flatMap(({ record }) => record.commands.map(({ status: state, ledger }) => `${state}: ${ledger.map(({ outcome }) => outcome).join(', ')}`));
const countOf = ({ checkpoint }: Run) => checkpoint.found['event-not-seen']?.count ?? 0;
const ran = async (world: World, options: RunOptions = status) => (await world.process().run(tenant, options)).run;

describe('events that Klaviyo accepted', () => {
  it('are asked for by metric and day, page by page, and those it shows are seen', async () => {
    const world = new World();
    const last = world.clock.now() - day;
    accepted(world, [0, 1, 2].flatMap((days) => [installed, registered].map((metric) => ({ metric, at: last - days * day, shows: true }))));
    world.clock.at += hour;
    const run = await ran(world);
    expect(world.profiles.calls.filter(({ what }) => what === 'events')).toHaveLength(6);
    expect(run.report!.read.events).toBe(6);
    expect(countOf(run)).toBe(0);
    expect(told(world)).toEqual(Array.from({ length: 6 }, () => 'seen: accepted'));
    // What is seen is not asked for again.
    expect((await ran(world)).checkpoint.calls.events).toBe(0);
  });

  it('are read to the last page', async () => {
    const world = new World();
    Object.assign(world, { profiles: new MemoryProfiles({ eventsPerPage: 4 }) });
    accepted(world, Array.from({ length: 11 }, (_, n) => ({ at: world.clock.now() - n * minute, shows: true })));
    world.clock.at += hour;
    const run = await ran(world);
    expect(run.checkpoint.calls.events).toBe(3);
    expect(countOf(run)).toBe(0);
  });

  it('and does not show go once more, each once, and are named by person and metric', async () => {
    const world = new World();
    accepted(world, [{ at: world.clock.now() - 2 * day }, { at: world.clock.now() - day, shows: true }, { at: world.clock.now() - day, metric: registered }]);
    world.clock.at += hour;
    const run = await ran(world);
    expect(run.checkpoint.found['event-not-seen']).toEqual({ count: 2, samples: [{ personId: 'person-0', about: [installed] }, { personId: 'person-2', about: [registered] }] });
    expect(run.checkpoint.events.sentAgain).toBe(2);
    expect(told(world)).toEqual(['pending: accepted, sent-again', 'seen: accepted', 'pending: accepted, sent-again']);
    expect(run.report!.drift.find(({ kind }) => kind === 'event-not-seen')).toMatchObject({ found: 2, repaired: 2, left: 0 });
  });

  it('and still does not show the next night are given up, and no run looks for them any more', async () => {
    const world = new World();
    accepted(world, [{ at: world.clock.now() - day }]);
    world.clock.at += hour;
    await ran(world);
    world.records.answer(tenant, 'track', 'accepted');
    world.clock.at += day;
    const second = await ran(world);
    expect([countOf(second), second.checkpoint.events.sentAgain]).toEqual([1, 0]);
    expect(second.report!.drift.find(({ kind }) => kind === 'event-not-seen')).toMatchObject({ found: 1, repaired: 0, refused: 1, left: 1 });
    expect(second.report!.refusals).toEqual([{ code: 'KLAVIYO_NOT_SEEN', count: 1, sample: {} }]);
    expect(second.report!.verdict.says).toBe('1 of 1 difference is left: 1 refused.');
    world.clock.at += day;
    const third = await ran(world);
    expect([countOf(third), third.checkpoint.calls.events]).toEqual([0, 0]);
  });

  it('only just are given the time that Klaviyo needs to show them', async () => {
    const world = new World();
    accepted(world, [{ at: world.clock.now() }]);
    world.clock.at += 9 * minute;
    expect((await ran(world)).checkpoint.calls.events).toBe(0);
    world.clock.at += 2 * minute;
    expect(countOf(await ran(world))).toBe(1);
  });

  it('are counted by a dry run, however many, and not sent', async () => {
    const world = new World();
    accepted(world, Array.from({ length: 1_200 }, () => ({ at: world.clock.now() })));
    world.clock.at += hour;
    expect(countOf(await ran(world, { ...dry, only: ['status'] }))).toBe(1_200);
    expect(new Set(told(world))).toEqual(new Set(['accepted: accepted']));
    const run = await ran(world);
    expect([countOf(run), run.checkpoint.events.sentAgain]).toEqual([1_200, 1_200]);
  });

  it('are not looked at when only something else is', async () => {
    const world = new World();
    accepted(world, [{ at: world.clock.now() }]);
    world.clock.at += hour;
    expect((await ran(world, { ...everything, only: ['tokens', 'consent'] })).checkpoint.calls.events).toBe(0);
  });

  it('are asked for until Klaviyo answers', async () => {
    const world = new World();
    accepted(world, [{ at: world.clock.now(), shows: true }]);
    world.clock.at += hour;
    const events = world.profiles.events.bind(world.profiles);
    let waits = 2;
    world.profiles.events = async (...asked) => (waits-- > 0 ? { waitMs: 4_000 } : events(...asked));
    expect(countOf(await ran(world))).toBe(0);
    expect(world.clock.waits).toEqual([4_000, 4_000]);
  });
});
