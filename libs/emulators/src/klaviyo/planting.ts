import type { Account } from './account.js';
import type { Identifiers } from './profile-store.js';
import type { Profile } from './profile.js';

/** A profile that has been there for long. Times are epoch milliseconds. */
export interface ProfileSeed {
  /** Default: one as Klaviyo makes them. No two may have the same. */
  id?: string;
  email?: string;
  phone?: string;
  externalId?: string;
  properties?: Record<string, unknown>;
  created: number;
  /** Default: it was never changed. */
  updated?: number;
}

/** An event that Klaviyo has long since recorded; it fires no flow. */
export interface EventSeed {
  profile: Identifiers;
  metric: string;
  uniqueId: string;
  /** Epoch milliseconds; Klaviyo keeps whole seconds. */
  time: number;
  properties?: Record<string, unknown>;
}

/** Quick enough for a million: nothing is looked up and nothing is kept but the profiles. Whoever has an identifier already loses it to the newcomer. */
export function holdProfiles({ profiles, now }: Account, seeds: Iterable<ProfileSeed>): void {
  profiles.hold(seeds, (profile, { created, updated = created, email, phone, externalId, properties }) => {
    if (!(created <= now() && updated <= now())) throw new Error('A profile cannot have been created or changed in the future.');
    profiles.setEmail(profile, email);
    profiles.setPhone(profile, phone);
    profiles.setExternalId(profile, externalId);
    if (properties) profile.properties = properties;
  });
}

export function holdEvents(account: Account, seeds: Iterable<EventSeed>): void {
  for (const { profile: query, metric: metricName, uniqueId, time, properties = {} } of seeds) {
    const [profile] = account.profiles.matches(query);
    if (!profile) throw new Error('An event needs a profile.');
    account.events.record({ metricName, profileId: profile.id, seconds: Math.floor(time / 1000), received: account.tick(), properties, uniqueId, value: undefined, currency: undefined, backfill: true });
  }
}

/** Somebody changes properties in Klaviyo itself; `undefined` removes one. */
export function changeProperties({ profiles }: Account, profile: Profile, properties: Record<string, unknown>): void {
  profile.properties = Object.fromEntries(Object.entries({ ...profile.properties, ...properties }).filter(([, value]) => value !== undefined));
  profiles.touch(profile);
}
