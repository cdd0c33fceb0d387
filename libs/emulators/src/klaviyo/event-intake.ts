import type { Account } from './account.js';
import type { AcceptedEvent } from './event-rules.js';
import { mergeProfiles } from './merge.js';
import { applyChange, identifiersOf } from './profile-change.js';
import type { Identifiers } from './profile-store.js';
import type { Profile } from './profile.js';

/** What becomes of an event some time after its 202. */
export function takeIn(account: Account, event: AcceptedEvent, { dropTestDomains }: { dropTestDomains: boolean }): void {
  const identifiers = identifiersOf(event.profile);
  const uniqueId = event.uniqueId ?? String(event.seconds);
  const lose = (reason: string) => void account.lostEvents.push({ reason, metric: event.metricName, uniqueId });
  if (dropTestDomains && /@(example|test)\.com$/i.test(identifiers.email ?? '')) return lose('test domain');

  const profile = profileFor(account, identifiers, event.profile.attributes);
  if (!profile) return lose('unknown profile id');
  // The profile block of an event is an upsert: a stale event overwrites newer properties.
  const changed = applyChange(account.profiles, profile, event.profile);

  const stored = account.events.record({
    metricName: event.metricName,
    profileId: profile.id,
    seconds: event.seconds,
    received: account.tick(),
    properties: event.properties,
    uniqueId,
    value: event.value,
    currency: event.currency,
    backfill: event.backfill,
  });
  const last = profile.lastEvent;
  if (stored && (last === undefined || last < event.seconds)) profile.lastEvent = event.seconds;
  if (changed) account.profiles.touch(profile);
  if (!stored || event.backfill) return;
  account.flowsTriggered.push({
    accountId: account.id, trigger: 'metric', name: event.metricName, profileId: profile.id, eventId: stored.id, uniqueId,
    at: new Date(account.now()).toISOString(),
  });
}

/** Events never end in 409: a profile known only by a weaker identifier is merged, a conflicting weaker identifier is left where it is. */
function profileFor(account: Account, identifiers: Identifiers, attributes: Record<string, unknown>): Profile | undefined {
  const [strongest, ...weaker] = account.profiles.matches(identifiers);
  if (!strongest) {
    const onlyAnId = identifiers.id !== undefined && !identifiers.externalId && !identifiers.email && !identifiers.phone;
    return onlyAnId ? undefined : account.profiles.create();
  }
  for (const other of weaker) {
    const mergeable = identifiers.email !== undefined && other.email !== undefined ? other.externalId === undefined : other.externalId === undefined && other.email === undefined;
    if (mergeable) mergeProfiles(account, strongest, other);
    else {
      if (other.email !== undefined && account.profiles.withEmail(identifiers.email ?? '') === other) delete attributes['email'];
      if (other.phone !== undefined && account.profiles.withPhone(identifiers.phone ?? '') === other) delete attributes['phone_number'];
    }
  }
  return strongest;
}
