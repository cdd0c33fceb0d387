import type { Account } from './account.js';
import type { List } from './list.js';
import { type ChannelName, consentsOf, type Profile, type SuppressionReason } from './profile.js';

/** What one profile of a subscribe or unsubscribe job asks for, per channel. */
export interface ConsentWish {
  id: string | undefined;
  email: string | undefined;
  phone: string | undefined;
  /** Channel to the time of consent in microseconds, where one was given. */
  channels: Map<ChannelName, number | undefined>;
}

export interface SubscribeJob {
  wishes: readonly ConsentWish[];
  list: List | undefined;
  historical: boolean;
  customSource: string | undefined;
}

/** Subscribing again lifts these: the reason why nobody may be resubscribed by a machine. */
const liftedBySubscribing: readonly SuppressionReason[] = ['UNSUBSCRIBE', 'SPAM_COMPLAINT', 'USER_SUPPRESSED'];

export function subscribe(account: Account, job: SubscribeJob): void {
  for (const wish of job.wishes) {
    const found = account.profiles.matches(wish)[0];
    // Recorded live: no list, no historical_import, unknown person → 202 and nothing happens.
    if (!found && !job.list && !job.historical) continue;
    const profile = found ?? newProfile(account, wish);
    const optIn = job.list?.optIn ?? account.options.defaultOptIn ?? 'single_opt_in';
    const grant = (doubleOptIn: boolean) => grantConsent(account, profile, wish, job, doubleOptIn);
    if (optIn === 'double_opt_in' && !job.historical) account.pendingOptIns.push({ profileId: profile.id, listId: job.list?.id, confirm: () => grant(true) });
    else grant(false);
  }
}

function newProfile(account: Account, { email, phone }: ConsentWish): Profile {
  const profile = account.profiles.create();
  account.profiles.setEmail(profile, email);
  account.profiles.setPhone(profile, phone);
  return profile;
}

function grantConsent(account: Account, profile: Profile, wish: ConsentWish, job: SubscribeJob, doubleOptIn: boolean): void {
  const now = account.tick();
  const consents = consentsOf(profile);
  for (const [channel, consentedAt] of wish.channels) {
    consents.channels[channel] = {
      consent: 'SUBSCRIBED',
      at: consentedAt ?? now,
      updated: now,
      method: 'API',
      methodDetail: job.list?.id ?? null,
      customSource: job.customSource ?? null,
      doubleOptIn,
    };
  }
  if (wish.email !== undefined && profile.email === undefined && !account.profiles.withEmail(wish.email)) account.profiles.setEmail(profile, wish.email);
  if (wish.phone !== undefined && profile.phone === undefined && !account.profiles.withPhone(wish.phone)) account.profiles.setPhone(profile, wish.phone);
  if (wish.channels.has('email.marketing')) {
    consents.suppression = consents.suppression.filter(({ reason }) => !liftedBySubscribing.includes(reason));
    if (job.list) consents.listSuppressions = consents.listSuppressions.filter(({ listId }) => listId !== job.list?.id);
  }
  // historical_import also bypasses the list's "Added to list" flows.
  if (job.list) account.join(job.list, profile, { triggersFlows: !job.historical });
  account.profiles.touch(profile);
}

/** "Profiles not in the specified list will be globally unsubscribed." */
export function unsubscribe(account: Account, wishes: readonly ConsentWish[], list: List | undefined): void {
  for (const wish of wishes) {
    const profile = account.profiles.matches(wish)[0];
    if (!profile) continue;
    const now = account.tick();
    const consents = consentsOf(profile);
    if (list?.has(profile.id)) {
      list.remove(profile.id);
      if (wish.channels.has('email.marketing')) consents.listSuppressions.push({ listId: list.id, reason: 'UNSUBSCRIBE', at: now });
    } else {
      for (const channel of wish.channels.keys()) {
        consents.channels[channel] = { consent: 'UNSUBSCRIBED', at: now, updated: now, method: 'API', methodDetail: null, customSource: null, doubleOptIn: false };
      }
      if (wish.channels.has('email.marketing') && !consents.suppression.some(({ reason }) => reason === 'UNSUBSCRIBE')) consents.suppression.push({ reason: 'UNSUBSCRIBE', at: now });
    }
    account.profiles.touch(profile);
  }
}

/** Suppressing blocks email whatever the consent; it is not an unsubscribe. Unknown addresses become suppressed profiles. */
export function suppress(account: Account, profiles: readonly Profile[]): void {
  for (const profile of profiles) {
    const { suppression } = consentsOf(profile);
    if (suppression.some(({ reason }) => reason === 'USER_SUPPRESSED')) continue;
    suppression.push({ reason: 'USER_SUPPRESSED', at: account.tick() });
    account.profiles.touch(profile);
  }
}

/** Lifts only what a user suppressed; bounces, complaints and unsubscribes stay. */
export function unsuppress(account: Account, profiles: readonly Profile[]): void {
  for (const profile of profiles) {
    if (!profile.consents?.suppression.some(({ reason }) => reason === 'USER_SUPPRESSED')) continue;
    profile.consents.suppression = profile.consents.suppression.filter(({ reason }) => reason !== 'USER_SUPPRESSED');
    account.profiles.touch(profile);
  }
}
