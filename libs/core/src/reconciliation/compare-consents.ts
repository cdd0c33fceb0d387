import type { Channel } from '../command.js';
import { choiceInForce } from '../person/consent.js';
import { own, type Person } from '../person/person.js';
import type { HeldProfile } from '../ports/profiles.js';
import type { Rules } from '../rules.js';
import type { WalletEvent } from '../wallet/event.js';

/** Opt-outs of a channel at Klaviyo of which nobody told us. */
export function unheardOptOuts({ optOuts }: HeldProfile, person: Person, channel: Channel): WalletEvent[] {
  const until = heardUntil(person, channel);
  return optOuts.filter((event) => event.channel === channel && event.at > until);
}

/** Klaviyo subscribed somebody again who had opted out. Its opt-in would have been told to us; one of unknown date proves nothing. */
export function isSubscribedAgain({ consents }: HeldProfile, person: Person, channel: Channel): boolean {
  const { says, at } = consents[channel];
  return person.identity.optedOut?.[channel] !== undefined && says === 'subscribed' && at !== undefined && at > heardUntil(person, channel);
}

/** The lists, by consent field, for which a subscription was asked for that Klaviyo does not hold. */
export function unheldSubscriptions({ consents }: HeldProfile, person: Person, channel: Channel, rules: Rules): Record<string, string[]> {
  if (person.identity.optedOut?.[channel] !== undefined || consents[channel].says === 'subscribed') return {};
  const asked = Object.entries(person.asked).filter(([field]) => own(rules.consents, field)?.channel === channel && choiceInForce(own(person.consents, field))?.given === true);
  const lists = asked.map(([field, since]) => [field, Object.keys(since).filter((list) => since[list] !== false)] as const);
  return Object.fromEntries(lists.filter(([, of]) => of.length > 0));
}

/** All lists of all channels for which a subscription is missing. */
export function listsUnheld(held: HeldProfile, person: Person, rules: Rules): string[] {
  return channelsOf(rules).flatMap((channel) => Object.values(unheldSubscriptions(held, person, channel, rules)).flat());
}

/** Those for which the tenant takes consent. */
export function channelsOf({ consents }: Rules): Channel[] {
  return [...new Set(Object.values(consents).map(({ channel }) => channel))];
}

function heardUntil({ optOuts }: Person, channel: Channel): number {
  const { at = 0, throughApiAt = 0, endedAt = 0 } = optOuts[channel] ?? {};
  return Math.max(at, throughApiAt, endedAt);
}
