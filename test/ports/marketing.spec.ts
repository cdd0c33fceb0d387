import { type KlaviyoEmulator, startKlaviyo } from '#emulators';
import { KlaviyoAccounts, KlaviyoMarketing, limits } from '#klaviyo';
import { MemoryPermits } from '../support/memory-permits.js';
import { GlassVault, KeptLog, KeptMeter, ManualClock, settingsFor } from '../unit/klaviyo/fakes.js';
import { leave, marketingSuite, type MarketingWorld, out, send } from './marketing.suite.js';

const delays = { events: 0, imports: 100, subscriptions: 0, other: 0 };

interface Opened extends MarketingWorld {
  klaviyo: KlaviyoEmulator;
  clock: ManualClock;
  /** A second replica: another process, the same permits. */
  replica: MarketingWorld;
}

async function open(): Promise<Opened> {
  const clock = new ManualClock();
  const lists = [{ id: 'LIST01', name: 'Newsletter' }, { id: 'LIST02', name: 'Club' }];
  const klaviyo = await startKlaviyo({ accounts: { pk_secret0123456789: { lists } }, delays, window: 'sliding', now: () => clock.now() });
  const permits = new MemoryPermits(clock);
  const patient = 5000;
  const settings = settingsFor(klaviyo.url, { timeoutMs: patient });
  const process = () => new KlaviyoMarketing(new KlaviyoAccounts({ settingsOf: () => settings, permits, vaultOf: () => new GlassVault(), clock, log: new KeptLog(), meter: new KeptMeter() }));
  const marketing = process();
  const second = process();
  const world: MarketingWorld = {
    marketing,
    tenant: 'shop',
    lists: ['LIST01', 'LIST02'],
    now: () => clock.now(),
    wait(ms) {
      clock.at += ms;
      settings.timeoutMs = patient;
    },
    settle: () => klaviyo.settle(),
    person(who) {
      const held = klaviyo.profile({ ...(who.externalId === undefined ? {} : { externalId: who.externalId }), ...(who.email === undefined ? {} : { email: who.email }), ...(who.phone === undefined ? {} : { phone: who.phone }) });
      if (!held) return undefined;
      const { id, properties, lists: memberships, subscriptions, email, phone_number: phone, external_id: externalId } = held;
      return {
        id, properties, lists: memberships.map((list) => list.id), email: subscriptions.email.consent, sms: subscriptions.sms.consent,
        identity: { ...(email === undefined ? {} : { email }), ...(phone === undefined ? {} : { phone }), ...(externalId === undefined ? {} : { externalId }) },
      };
    },
    leaves(who, channel, how = 'unsubscribes') {
      const query = { ...(who.email === undefined ? {} : { email: who.email }), ...(who.phone === undefined ? {} : { phone: who.phone }) };
      if (how === 'unsubscribes') klaviyo.optOut(query, channel);
      else klaviyo.emailHappens(query, how);
    },
    events: (who) => klaviyo.events(who.email === undefined ? {} : { email: who.email }).map(({ metric, uniqueId, time, backfill }) => ({ metric, uniqueId, at: Date.parse(time), backfill })),
    breaks(kind, times = 1) {
      // Only who waits for a hanging call may be impatient: on a busy machine a good one can take its time.
      if (kind === 'hang') settings.timeoutMs = 300;
      if (kind === 'busy') klaviyo.faults.add({ kind: 'status', status: 429, retryAfter: 3, times });
      else if (kind === 'page') klaviyo.faults.add({ kind: 'status', status: 525, times });
      else klaviyo.faults.add({ kind: kind === 'lost' ? 'drop' : kind, times });
    },
    throttled: () => klaviyo.stats().throttled,
    unsettled: () => permits.open,
    async close() {
      marketing.close();
      second.close();
      await klaviyo.close();
    },
  };
  return { ...world, klaviyo, clock, replica: { ...world, marketing: second } };
}

marketingSuite('Klaviyo', open);

describe('Klaviyo limits', () => {
  let world: Opened;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  const update = (index: number) => out({ do: 'upsert-profile', attributes: {}, properties: { n: index } }, { email: `p${index % 50}@shop.fr` });
  const event = (index: number) => out({ do: 'track', uniqueId: `u${index}`, metric: 'Pass Installed', at: world.now(), properties: {}, backfill: false }, { email: `p${index % 50}@shop.fr` });

  it('are used up and never exceeded by two replicas that update profiles as fast as they may', async () => {
    const started = world.now();
    let sent = 0;
    while (sent < 900) {
      for (const replica of [world, world.replica]) {
        const slot = await leave(replica, 'upsert-profile', 12);
        if (slot.items > 12) await slot.release();
        else sent += (await slot.send(Array.from({ length: slot.items }, (_, index) => update(sent + index)))).length;
        world.wait(7);
      }
    }
    expect(world.throttled()).toBe(0);
    const took = world.now() - started;
    // 750 in the first minute, the rest after it.
    expect(took).toBeGreaterThanOrEqual(60_000);
    expect(took).toBeLessThan(75_000);
  });

  it('of bulk events hold for two replicas with batches that are never full', async () => {
    const started = world.now();
    for (let batch = 0; batch < 160; batch++) await send(batch % 2 === 0 ? world : world.replica, 'track', [event(batch)], 500);
    expect(world.throttled()).toBe(0);
    const bulk = world.klaviyo.requests('bulk_create_events').length;
    expect(bulk).toBe(160);
    expect(world.now() - started).toBeGreaterThanOrEqual(60_000);
  });

  it('leave the rest of the quota to others when only a share of it is ours', async () => {
    const settings = settingsFor(world.klaviyo.url, { quotaShare: 0.1 });
    const permits = new MemoryPermits(world.clock);
    const marketing = new KlaviyoMarketing(new KlaviyoAccounts({ settingsOf: () => settings, permits, vaultOf: () => new GlassVault(), clock: world.clock, log: new KeptLog(), meter: new KeptMeter() }));
    const sharing = { ...world, marketing };
    const started = world.now();
    for (let call = 0; call < 80; call++) {
      const slot = await leave(sharing, 'subscribe', 1);
      await slot.send([out({ do: 'subscribe', listId: 'LIST01', channel: 'email', consentedAt: world.now(), field: 'newsletter', historical: false }, { email: `p${call}@shop.fr` })]);
    }
    // 10 % of 750 a minute are 75.
    expect(world.now() - started).toBeGreaterThanOrEqual(60_000);
    marketing.close();
  });

  it('hold in real time too, by the windows of the vendor', async () => {
    const real = new ManualClock();
    Object.defineProperty(real, 'at', { get: () => Date.now(), set: () => undefined });
    const klaviyo = await startKlaviyo({ accounts: { pk_secret0123456789: {} }, delays, window: 'sliding' });
    const settings = settingsFor(klaviyo.url);
    const permits = new MemoryPermits(real);
    const marketing = new KlaviyoMarketing(new KlaviyoAccounts({ settingsOf: () => settings, permits, vaultOf: () => new GlassVault(), clock: real, log: new KeptLog(), meter: new KeptMeter() }));
    const ends = Date.now() + 2500;
    const sending: Promise<unknown>[] = [];
    while (Date.now() < ends) {
      const slot = await marketing.slot('shop', 'upsert-profile', 12);
      if ('send' in slot && slot.items <= 12) sending.push(slot.send(Array.from({ length: slot.items }, (_, index) => update(index))));
      else if ('send' in slot) await slot.release();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(sending);
    const { throttled, operations } = klaviyo.stats();
    expect(throttled).toBe(0);
    expect(operations['create_or_update_profile']?.requests).toBeGreaterThan(limits.create_or_update_profile.burst);
    marketing.close();
    await klaviyo.close();
  });

  it('of the adapter are those that the emulator enforces', async () => {
    const { klaviyoLimits } = await import('#emulators');
    for (const [operation, mine] of Object.entries(limits)) {
      const theirs = klaviyoLimits[operation as keyof typeof klaviyoLimits];
      expect({ operation, burst: mine.burst, steady: mine.steady }).toEqual({ operation, burst: theirs.burstPerSecond, steady: theirs.steadyPerMinute });
    }
  });
});
