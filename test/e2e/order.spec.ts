import { sampleDay, type EnvelopeOptions, type SignatureForm } from '#emulators';
import { eventsOf, heldEvents, heldProfiles, statusesOf } from '../support/held-by-klaviyo.js';
import { klaviyoKeyOf, startWorld, type World } from '../support/running-connector.js';

const hourMs = 3_600_000;
const day = sampleDay({ customers: 25, seed: 7, start: new Date(Date.now() - 30 * hourMs).toISOString() });

const signatures: SignatureForm[] = ['hex', 'HEX', 'base64'];
const either = [true, false];
/** The forms the vendor may give a webhook: any two of their properties meet in every combination. Each is signed in one of the ways it may be. */
const told = either
  .flatMap((plainName) => either.flatMap((colon) => either.map((nested): EnvelopeOptions => ({
    nameKey: plainName ? 'event' : 'eventType',
    names: colon ? 'colon' : 'dot',
    shape: nested ? 'nested' : 'flat',
    id: (plainName === colon) === nested,
  }))))
  .map((envelope, i) => {
    const signature = signatures[i % signatures.length]!;
    return { tenant: `shuffled-${i}`, envelope, signature, seed: 100 + i, as: `${envelope.nameKey}, ${envelope.names}, ${envelope.shape}, ${envelope.id ? 'with' : 'without'} id, signed in ${signature}` };
  });
const inOrder = 'in-order';

describe('the same day of wallet life ends in the same Klaviyo account', () => {
  let world: World;
  const uniqueIds = (account: string) => world.klaviyo.events({}, account).map(({ metric, uniqueId }) => `${metric} ${uniqueId}`).sort();

  beforeAll(async () => {
    world = await startWorld({ tenants: [inOrder, ...told.map(({ tenant }) => tenant)] });
    await world.tell(day, { tenant: inOrder, concurrency: 1 });
    for (const { tenant, envelope, signature, seed } of told) await world.tell(day, { tenant, envelope, signature, seed, reorder: true, duplicates: 0.5, concurrency: 16 });
    await world.quiet();
  }, 100_000);
  afterAll(() => world.stop());

  it('told once and in order, every happening is one event and every wallet has its true status', () => {
    expect(day.length).toBeGreaterThan(80);
    expect(heldEvents(world.klaviyo, klaviyoKeyOf(inOrder))).toEqual(eventsOf(day));
    const expected = statusesOf(day);
    for (const { email, properties } of world.klaviyo.profiles(klaviyoKeyOf(inOrder))) expect(properties).toMatchObject(expected.get(email!)!);
    expect(world.klaviyo.profileCount(klaviyoKeyOf(inOrder))).toBe(25);
  });

  it.each(told)('told out of order and half of it twice: $as', ({ tenant }) => {
    expect(heldEvents(world.klaviyo, klaviyoKeyOf(tenant))).toEqual(eventsOf(day));
    expect(heldProfiles(world.klaviyo, klaviyoKeyOf(tenant))).toEqual(heldProfiles(world.klaviyo, klaviyoKeyOf(inOrder)));
  });

  it('told again in every other form, nothing is counted twice', async () => {
    const account = klaviyoKeyOf(inOrder);
    const before = { ids: uniqueIds(account), profiles: heldProfiles(world.klaviyo, account) };
    for (const { envelope, signature, seed } of told.slice(1, 5)) await world.tell(day, { tenant: inOrder, envelope, signature, seed, reorder: true, concurrency: 16 });
    await world.quiet();
    expect({ ids: uniqueIds(account), profiles: heldProfiles(world.klaviyo, account) }).toEqual(before);
    expect(new Set(before.ids).size).toBe(before.ids.length);
  });

  it('Klaviyo never has to refuse a call, neither for its form nor for its rate', () => {
    const refused = world.klaviyo.requests().filter(({ status }) => typeof status !== 'number' || status >= 400);
    expect(refused.map(({ operation, status }) => `${operation} ${status}`)).toEqual([]);
    expect(world.klaviyo.stats().throttled).toBe(0);
  });
});
