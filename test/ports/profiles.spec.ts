import { bareEvent } from '#core';
import { startKlaviyo } from '#emulators';
import { MemoryProfiles } from '../support/memory-profiles.js';
import { adapter, ManualClock } from '../unit/klaviyo/fakes.js';
import { profilesSuite } from './profiles.suite.js';

profilesSuite('memory', async () => {
  const profiles = new MemoryProfiles();
  const now = Date.UTC(2026, 8, 1, 12);
  const held = (email: string) => [...profiles.held.values()].find(({ name }) => name.email === email)!;
  return {
    profiles,
    tenant: 'shop',
    now: () => now,
    hold(seeds) {
      for (const { email, phone, externalId, ...seed } of seeds) profiles.put({ ...seed, name: { ...(email ? { email } : {}), ...(phone ? { phone } : {}), ...(externalId ? { externalId } : {}) } });
    },
    holdEvents(email, events) {
      for (const event of events) profiles.putEvent(held(email).name.klaviyoId, event);
    },
    optsOut(email, channel) {
      const profile = held(email);
      profiles.put({ ...profile, consents: { ...profile.consents, [channel]: { says: 'unsubscribed', at: now } }, optOuts: [bareEvent({ kind: 'opted-out', name: 'out', at: now, channel, profile: profile.name })] });
    },
    failsOnce: () => profiles.faults.failNext(1000),
    lacksScope: () => profiles.faults.refuse('KLAVIYO_SCOPE_MISSING'),
    unsettled: () => 0,
    close: async () => {},
  };
});

profilesSuite('Klaviyo', async () => {
  const clock = new ManualClock();
  const klaviyo = await startKlaviyo({ accounts: { pk_secret0123456789: {} }, window: 'sliding', now: () => clock.now() });
  const { profiles, marketing, permits } = adapter(klaviyo.url, {}, clock);
  return {
    profiles,
    tenant: 'shop',
    now: () => clock.now(),
    hold: (seeds) => klaviyo.holdProfiles(seeds.map(({ createdAt, updatedAt, ...seed }) => ({ ...seed, created: createdAt, ...(updatedAt === undefined ? {} : { updated: updatedAt }) }))),
    holdEvents: (email, events) => klaviyo.holdEvents(events.map(({ at, ...event }) => ({ ...event, time: at, profile: { email } }))),
    optsOut: (email, channel) => void klaviyo.optOut({ email }, channel),
    failsOnce: () => klaviyo.faults.add({ kind: 'status', status: 503, times: 1 }),
    lacksScope: () => klaviyo.faults.add({ kind: 'status', status: 403 }),
    unsettled: () => permits.open,
    async close() {
      expect(klaviyo.stats().throttled).toBe(0);
      marketing.close();
      await klaviyo.close();
    },
  };
});
