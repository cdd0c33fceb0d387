import type { Channel, Subscribe, Unsubscribe } from '../command.js';
import { choiceInForce, standsAgainst, type Choice, type OptOut, type Statement } from '../person/consent.js';
import { optedOutSince } from '../person/list-routing.js';
import { own } from '../person/person.js';
import type { HeldConsent } from '../ports/profiles.js';
import { isAddressHeldOnly, isSubscribedAgain, unheardOptOuts, unheldSubscriptions } from '../reconciliation/compare-consents.js';
import type { WalletEvent } from '../wallet/event.js';
import { mainProfile, sentOf, type Evidence, type Sent } from './evidence.js';

/** Everything about one consent field of a person. */
export interface ConsentEvidence {
  field: string;
  channel: Channel;
  /** To which lists a yes leads now; empty: to the account's own. */
  lists: string[];
  /** The address its channel needs, where it is known. */
  address?: string;
  statements: readonly Statement[];
  choice?: Choice;
  /** What was said in Klaviyo itself about the channel. */
  optOut?: OptOut;
  /** Since when an older yes does not count, if so. */
  outSince?: number;
  /** List → time of the yes that was asked for, or false once its end was. */
  asked: Record<string, number | false>;
  /** What was asked of Klaviyo, the newest first. */
  sent: Sent<Subscribe | Unsubscribe>[];
  held?: HeldConsent;
  /** What a reconciliation finds: opt-outs of the channel that nobody told us of, */
  unheard: WalletEvent[];
  /** that Klaviyo subscribed them again, */
  again: boolean;
  /** that a yes waits for an address which only Klaviyo has, */
  isAddressHeldOnly: boolean;
  /** and lists for which a subscription was asked for that Klaviyo does not hold. */
  unheld: string[];
}

export function consentsOf(evidence: Evidence): ConsentEvidence[] {
  const { person, rules, routes } = evidence;
  if (!person) return [];
  const profile = mainProfile(evidence);
  const sent = [...sentOf(evidence, 'subscribe'), ...sentOf(evidence, 'unsubscribe')].toSorted((a, b) => (a.id < b.id ? 1 : -1));
  return Object.entries(rules.consents).map(([field, { channel }]) => {
    const statements = own(person.consents, field) ?? [];
    const choice = choiceInForce(statements);
    const address = channel === 'email' ? person.identity.email : person.identity.phone;
    const optOut = person.optOuts[channel];
    const outSince = optedOutSince(person, channel, rules);
    const held = profile?.consents[channel];
    return {
      field, channel, statements,
      lists: routes.filter(({ consent }) => consent === field).map(({ list }) => list ?? rules.listId ?? ''),
      asked: own(person.asked, field) ?? {},
      sent: sent.filter(({ command }) => command.field === field),
      unheard: profile ? unheardOptOuts(profile, person, channel) : [],
      again: profile !== undefined && isSubscribedAgain(profile, person, channel, rules),
      isAddressHeldOnly: profile !== undefined && isAddressHeldOnly(profile, person, channel, rules),
      unheld: (profile && own(unheldSubscriptions(profile, person, channel, rules), field)) ?? [],
      ...(choice ? { choice } : {}), ...(address === undefined ? {} : { address }), ...(optOut ? { optOut } : {}), ...(outSince === undefined ? {} : { outSince }), ...(held ? { held } : {}),
    };
  });
}

/** An opt-out in Klaviyo that counts more than the yes. */
export function isOptedOut({ choice, outSince }: ConsentEvidence): boolean {
  return outSince !== undefined && (choice === undefined || !choice.given || !standsAgainst(choice, outSince));
}

/** Somebody who said yes, can be reached and has not left: Klaviyo should hold a yes as well. */
export function shouldBeSubscribed(consent: ConsentEvidence): boolean {
  return consent.choice?.given === true && consent.address !== undefined && !isOptedOut(consent);
}
