import type { Account } from './account.js';
import { endConsent, grant, suppress, unsuppress } from './consent.js';
import { consentsOf, type Profile } from './profile.js';
import type { Identifiers } from './profile-store.js';

export type ChosenChannel = 'email' | 'sms';

/** The person these identifiers name; a form of Klaviyo makes a profile of whoever is new. */
export function personOf(account: Account, identifiers: Identifiers): Profile {
  const [known] = account.profiles.matches(identifiers);
  if (known) return known;
  const profile = account.profiles.create();
  account.profiles.setEmail(profile, identifiers.email);
  account.profiles.setPhone(profile, identifiers.phone);
  account.profiles.setExternalId(profile, identifiers.externalId);
  return profile;
}

/** By a link in a mail, or by texting STOP. */
export function optOut(account: Account, profile: Profile, channel: ChosenChannel): void {
  endConsent(account, profile, [`${channel}.marketing`], channel === 'email' ? 'PREFERENCE_PAGE' : 'TEXT');
  account.profiles.touch(profile);
}

/** By a form of Klaviyo's own, or by texting JOIN. */
export function optIn(account: Account, profile: Profile, channel: ChosenChannel): void {
  const at = account.tick();
  const method = channel === 'email' ? 'PREFERENCE_PAGE' : 'TEXT';
  grant(account, profile, `${channel}.marketing`, { consent: 'SUBSCRIBED', at, updated: at, method, methodDetail: null, customSource: null, doubleOptIn: false });
  account.profiles.touch(profile);
}

/** What happens to a person's e-mail without their having unsubscribed. */
export function happen(account: Account, profile: Profile, what: 'suppressed' | 'unsuppressed' | 'spam' | 'bounce'): void {
  if (what === 'suppressed') return suppress(account, [profile]);
  if (what === 'unsuppressed') return unsuppress(account, [profile]);
  const at = account.tick();
  consentsOf(profile).suppression.push({ reason: what === 'spam' ? 'SPAM_COMPLAINT' : 'HARD_BOUNCE', at });
  account.profiles.touch(profile);
  account.systemEvents.note(what === 'spam' ? 'marked_email_as_spam' : 'bounced_email', profile, at);
}
