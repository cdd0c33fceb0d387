import { sampleDay, type StoryEvent } from '#emulators';
import { eventsOf, heldEvents } from '../support/held-by-klaviyo.js';
import { lists, startWorld, type World } from '../support/running-connector.js';

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

/** Somebody whose pass is known by the customer id alone before they enrol. */
function passFirst(number: number): StoryEvent[] {
  const identifiers = { customerId: `C-${number}` };
  const email = `late.${number}@mail.example`;
  const pass = { passId: `pass-${number}`, passType: 'loyalty', passKind: 'customerCard' as const };
  return [
    { kind: 'Pass:Created', at: minutesAgo(30), identifiers, ...pass },
    { kind: 'Pass:Installed', at: minutesAgo(20), identifiers, device: 'apple', ...pass },
    { kind: 'Customer:Upserted', at: minutesAgo(10), identifiers: { ...identifiers, email }, account: { email, firstName: 'Ana', consents_email: true } },
  ];
}

describe('a brand that writes its customer ids to Klaviyo', () => {
  let world: World;
  beforeAll(async () => void (world = await startWorld({ tenant: { identity: { externalId: ['customerId'] } } })), 60_000);
  afterAll(() => world.stop());

  it('has one profile per customer, however much is told at once and in whatever order', async () => {
    const day = sampleDay({ customers: 60, seed: 7, start: new Date(Date.now() - 6 * 3_600_000).toISOString() });
    const told = [...day, ...Array.from({ length: 20 }, (_, n) => passFirst(9_000 + n)).flat()];
    await world.tell(told, { concurrency: 20, seed: 3, reorder: true, duplicates: 0.2 });
    await world.quiet();
    const profiles = world.klaviyo.profiles();
    const customers = new Set(told.map(({ identifiers }) => identifiers!['customerId']));
    expect(profiles.map((profile) => profile.external_id).sort()).toEqual([...customers].sort());
    expect(profiles.flatMap(({ properties }) => Object.keys(properties)).filter((name) => name.startsWith('neostore.withheld'))).toEqual([]);
    expect(heldEvents(world.klaviyo)).toHaveLength(eventsOf(told).length);
    const late = world.klaviyo.profile({ email: 'late.9003@mail.example' })!;
    expect(late).toMatchObject({ external_id: 'C-9003', first_name: 'Ana' });
    expect(late.lists.map(({ id }) => id)).toEqual([lists.newsletter]);
    expect(world.klaviyo.events({ externalId: 'C-9003' })).toHaveLength(3);
  }, 120_000);
});
