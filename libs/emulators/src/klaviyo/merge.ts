import type { Account } from './account.js';
import { consentsOf, type ChannelName, type Profile } from './profile.js';

/** The source goes into the destination: what the destination already knows stays, the gaps are filled, the source's id keeps resolving. */
export function mergeProfiles(account: Account, destination: Profile, source: Profile): void {
  if (destination === source) return;
  const { email, phone, externalId } = source;
  const { profiles, events } = account;
  for (const list of account.listsOf(source.id)) account.join(list, destination, { triggersFlows: false });
  events.moveEvents(source.id, destination.id);
  account.removeProfile(source, destination);
  if (destination.email === undefined) profiles.setEmail(destination, email);
  if (destination.phone === undefined) profiles.setPhone(destination, phone);
  if (destination.externalId === undefined) profiles.setExternalId(destination, externalId);
  destination.names = { ...source.names, ...destination.names };
  destination.location = { ...source.location, ...destination.location };
  destination.properties = { ...source.properties, ...destination.properties };
  if (source.lastEvent !== undefined) destination.lastEvent = Math.max(source.lastEvent, destination.lastEvent ?? 0);
  if (source.consents) {
    const held = consentsOf(destination);
    for (const [channel, answer] of Object.entries(source.consents.channels) as [ChannelName, NonNullable<(typeof held.channels)[ChannelName]>][]) {
      const other = held.channels[channel];
      if (!other || other.at < answer.at) held.channels[channel] = answer;
    }
    held.suppression.push(...source.consents.suppression);
    held.listSuppressions.push(...source.consents.listSuppressions);
  }
  profiles.touch(destination);
  account.systemEvents.note('merged_profile', destination, destination.updated, { merged_profile_ids: [source.id] });
}
