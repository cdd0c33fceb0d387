import { sampleDay } from '#emulators';
import { eventsOf, heldEvents, statusesOf } from '../support/held-by-klaviyo.js';
import { keys, startWorld, type Replica, type World } from '../support/running-connector.js';
import { ask } from '../support/webhooks.js';

const day = sampleDay({ customers: 120, seed: 31, start: new Date(Date.now() - 12 * 3_600_000).toISOString() });

describe('two connectors on one database', () => {
  let world: World;
  let second: Replica;
  /** The value of a counter of one replica, over all its labels. */
  const counted = async ({ url }: Replica, name: string) => {
    const { text } = await ask(`${url}/metrics`);
    return [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\d+)`, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);
  };

  beforeAll(async () => {
    world = await startWorld();
    second = await world.replica();
    const half = (which: number) => day.filter((_, i) => i % 2 === which);
    // A balancer does not know who was told what: much comes to both.
    await Promise.all([
      world.tell(half(0), { concurrency: 8, reorder: true, seed: 1, duplicates: 0.3 }),
      world.tell(half(1), { concurrency: 8, reorder: true, seed: 2, duplicates: 0.3, to: { url: second.hook, secret: keys.webhookSecret } }),
      world.tell(day.slice(0, 60), { concurrency: 4, to: { url: second.hook, secret: keys.webhookSecret } }),
      world.tell(day.slice(0, 60), { concurrency: 4 }),
    ]);
    await world.quiet();
  }, 100_000);
  afterAll(() => world.stop());

  it('bring every event to Klaviyo once, and every profile to its true status', () => {
    expect(heldEvents(world.klaviyo)).toEqual(eventsOf(day));
    const expected = statusesOf(day);
    expect(world.klaviyo.profileCount()).toBe(expected.size);
    for (const { email, properties } of world.klaviyo.profiles()) expect(properties).toMatchObject(expected.get(email!)!);
  });

  it('ask Klaviyo for each event once, and keep to its limits together', () => {
    const { operations, throttled } = world.klaviyo.stats();
    const sent = (operations['create_event']?.items ?? 0) + (operations['bulk_create_events']?.items ?? 0);
    expect(sent).toBe(eventsOf(day).length);
    expect(throttled).toBe(0);
    expect(world.klaviyo.requests().filter(({ status }) => typeof status !== 'number' || status >= 400)).toEqual([]);
  });

  it('both take webhooks and both send', async () => {
    for (const replica of [world, second]) {
      expect(await counted(replica, 'connector_webhooks_total')).toBeGreaterThan(60);
      expect(await counted(replica, 'connector_commands_total')).toBeGreaterThan(0);
    }
  });
});
