import type { Account } from './account.js';
import type { List } from './list.js';
import { type ChannelConsent, type ChannelName, consentsOf, type Profile, type SuppressionReason } from './profile.js';
import type { SystemTopic } from './system-events.js';

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
  if (wish.email !== undefined && profile.email === undefined && !account.profiles.withEmail(wish.email)) account.profiles.setEmail(profile, wish.email);
  if (wish.phone !== undefined && profile.phone === undefined && !account.profiles.withPhone(wish.phone)) account.profiles.setPhone(profile, wish.phone);
  for (const [channel, consentedAt] of wish.channels) {
    grant(account, profile, channel, {
      consent: 'SUBSCRIBED',
      at: consentedAt ?? now,
      updated: now,
      method: 'API',
      methodDetail: job.list?.id ?? null,
      customSource: job.customSource ?? null,
      doubleOptIn,
    });
  }
  if (wish.channels.has('email.marketing')) {
    if (job.list) consents.listSuppressions = consents.listSuppressions.filter(({ listId }) => listId !== job.list?.id);
  }
  // historical_import also bypasses the list's "Added to list" flows.
  if (job.list) account.join(job.list, profile, { triggersFlows: !job.historical });
  account.profiles.touch(profile);
}

export function grant(account: Account, profile: Profile, channel: ChannelName, answer: ChannelConsent): void {
  const consents = consentsOf(profile);
  const isNews = consents.channels[channel]?.consent !== 'SUBSCRIBED';
  consents.channels[channel] = answer;
  if (channel === 'email.marketing') consents.suppression = consents.suppression.filter(({ reason }) => !liftedBySubscribing.includes(reason));
  if (isNews) tell(account, { 'email.marketing': 'subscribed_to_email_marketing', 'sms.marketing': 'subscribed_to_sms_marketing' }, channel, profile, answer.updated, answer.method);
}

/** For whole channels, whatever lists there are. */
export function endConsent(account: Account, profile: Profile, channels: Iterable<ChannelName>, method: string): void {
  const now = account.tick();
  const consents = consentsOf(profile);
  for (const channel of channels) {
    const isNews = consents.channels[channel]?.consent !== 'UNSUBSCRIBED';
    consents.channels[channel] = { consent: 'UNSUBSCRIBED', at: now, updated: now, method, methodDetail: null, customSource: null, doubleOptIn: false };
    if (channel === 'email.marketing' && !consents.suppression.some(({ reason }) => reason === 'UNSUBSCRIBE')) consents.suppression.push({ reason: 'UNSUBSCRIBE', at: now });
    if (isNews) tell(account, { 'email.marketing': 'unsubscribed_from_email_marketing', 'sms.marketing': 'unsubscribed_from_sms_marketing' }, channel, profile, now, method);
  }
}

function tell(account: Account, topics: Partial<Record<ChannelName, SystemTopic>>, channel: ChannelName, profile: Profile, at: number, method: string): void {
  const topic = topics[channel];
  if (topic) account.systemEvents.note(topic, profile, at, { method });
}

/** "Profiles not in the specified list will be globally unsubscribed." */
export function unsubscribe(account: Account, wishes: readonly ConsentWish[], list: List | undefined): void {
  for (const wish of wishes) {
    const profile = account.profiles.matches(wish)[0];
    if (!profile) continue;
    if (list?.has(profile.id)) {
      list.remove(profile.id);
      if (wish.channels.has('email.marketing')) consentsOf(profile).listSuppressions.push({ listId: list.id, reason: 'UNSUBSCRIBE', at: account.tick() });
    } else {
      endConsent(account, profile, wish.channels.keys(), 'API');
    }
    account.profiles.touch(profile);
  }
}

/** Suppressing blocks email whatever the consent; it is not an unsubscribe. Unknown addresses become suppressed profiles. */
export function suppress(account: Account, profiles: readonly Profile[]): void {
  for (const profile of profiles) {
    const { suppression } = consentsOf(profile);
    if (suppression.some(({ reason }) => reason === 'USER_SUPPRESSED')) continue;
    const at = account.tick();
    suppression.push({ reason: 'USER_SUPPRESSED', at });
    account.profiles.touch(profile);
    account.systemEvents.note('manually_suppressed_from_email_marketing', profile, at);
  }
}

/** Lifts only what a user suppressed; bounces, complaints and unsubscribes stay. */
export function unsuppress(account: Account, profiles: readonly Profile[]): void {
  for (const profile of profiles) {
    if (!profile.consents?.suppression.some(({ reason }) => reason === 'USER_SUPPRESSED')) continue;
    profile.consents.suppression = profile.consents.suppression.filter(({ reason }) => reason !== 'USER_SUPPRESSED');
    account.profiles.touch(profile);
    account.systemEvents.note('manually_unsuppressed_from_email_marketing', profile, account.tick());
  }
}
