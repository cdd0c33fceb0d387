import type { Channel } from '../command.js';
import { choiceInForce, standsAgainst } from '../person/consent.js';
import { optedOutSince } from '../person/list-routing.js';
import { own, type Person } from '../person/person.js';
import type { HeldProfile } from '../ports/profiles.js';
import type { Rules } from '../rules.js';
import type { WalletEvent } from '../wallet/event.js';

/** Opt-outs of a channel at Klaviyo of which nobody told us. */
export function unheardOptOuts({ optOuts }: HeldProfile, person: Person, channel: Channel): WalletEvent[] {
  const until = heardUntil(person, channel);
  return optOuts.filter((event) => event.channel === channel && event.at > until);
}

/** Klaviyo subscribed somebody again who had opted out and has not said yes in a form since. Its opt-in would have been told to us; one of unknown date proves nothing. */
export function isSubscribedAgain({ consents }: HeldProfile, person: Person, channel: Channel, rules: Rules): boolean {
  const { says, at } = consents[channel];
  const isNews = says === 'subscribed' && at !== undefined && at > heardUntil(person, channel);
  return isNews && optedOutSince(person, channel, rules) !== undefined && standingYeses(person, channel, rules).length === 0;
}

/** The lists, by consent field, for which a subscription was asked for that Klaviyo does not hold. */
export function unheldSubscriptions({ consents }: HeldProfile, person: Person, channel: Channel, rules: Rules): Record<string, string[]> {
  if (consents[channel].says === 'subscribed') return {};
  const lists = standingYeses(person, channel, rules).map((field) => {
    const asked = own(person.asked, field) ?? {};
    return [field, Object.keys(asked).filter((list) => asked[list] !== false)] as const;
  });
  return Object.fromEntries(lists.filter(([, of]) => of.length > 0));
}

/** A yes waits for an address that we do not have and Klaviyo does. */
export function isAddressHeldOnly({ name, consents }: HeldProfile, person: Person, channel: Channel, rules: Rules): boolean {
  const address = channel === 'email' ? 'email' : 'phone';
  const isOnlyThere = person.identity[address] === undefined && name[address] !== undefined;
  return isOnlyThere && consents[channel].says !== 'subscribed' && standingYeses(person, channel, rules).length > 0;
}

/** All lists of all channels for which a subscription is missing. */
export function listsUnheld(held: HeldProfile, person: Person, rules: Rules): string[] {
  return channelsOf(rules).flatMap((channel) => Object.values(unheldSubscriptions(held, person, channel, rules)).flat());
}

/** Those for which the tenant takes consent. */
export function channelsOf({ consents }: Rules): Channel[] {
  return [...new Set(Object.values(consents).map(({ channel }) => channel))];
}

/** The consent fields with a yes that no later opt-out ended. */
function standingYeses(person: Person, channel: Channel, rules: Rules): string[] {
  const out = optedOutSince(person, channel, rules);
  return Object.keys(rules.consents).filter((field) => {
    const choice = choiceInForce(own(person.consents, field));
    return rules.consents[field]!.channel === channel && choice?.given === true && standsAgainst(choice, out);
  });
}

function heardUntil({ optOuts }: Person, channel: Channel): number {
  const { at = 0, throughApiAt = 0, endedAt = 0 } = optOuts[channel] ?? {};
  return Math.max(at, throughApiAt, endedAt);
}
