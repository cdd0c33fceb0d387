import type { Channel } from './command.js';
import type { PassLinkPage } from './plugin/hooks.js';
import type { EventKind } from './wallet/event.js';

/** What a tenant decided; with it `decide` needs nothing else from the world. */
export interface Rules {
  tenant: string;
  /** Pass kind (the segment of the property name) → the pass types that belong to it. Its keys are all kinds of the tenant. */
  passKinds: Record<string, string[]>;
  /** Which Wallet Crew identifier keys hold what Klaviyo knows as an identifier, first match first. */
  identity: Record<'email' | 'phone' | 'externalId' | 'klaviyoId', string[]>;
  /** Consent field of the enrolment form → where a yes subscribes. Without a list the tenant's `listId` is meant. */
  consents: Record<string, { channel: Channel; listId?: string; historicalWhenLate?: boolean }>;
  listId?: string;
  /** Event kind → name of the Klaviyo metric; null: no event is sent. */
  metrics: Record<MetricKind, string | null>;
  /** An event older than this when decided fires no flow. */
  lateAfterMs: number;
  /** Where pass links lead and who carries their token; absent: there are no pass links. */
  links?: LinkRules;
  /** A usable number in E.164, or undefined. */
  toE164: (number: string) => string | undefined;
}

export interface LinkRules {
  /** Where pass links lead, without their token. */
  pages: Record<PassLinkPage, string>;
  /** Who carries the token: the profile for as long as it is good, or each event for itself, so that none stays behind. */
  tokenOn: 'profile' | 'event';
  /** True: tokens are asked for as soon as a person is heard of; otherwise only when a flow asks for the profile. */
  unasked: boolean;
  /** True: the profile also carries the whole addresses, for templates that cannot put them together. */
  asProperties: boolean;
  /** A token older than this is asked for anew. */
  refreshAfterMs: number;
}

/** The kinds that are counted in Klaviyo; all others only change what we know and the profile. */
export type MetricKind = Exclude<EventKind, 'customer-updated' | 'looked-up' | 'opted-in' | 'opted-out' | 'profiles-merged'>;

export const defaultMetrics: Rules['metrics'] = {
  'registered': 'Wallet Registered',
  'pass-created': 'Wallet Pass Created',
  'pass-updated': 'Wallet Pass Updated',
  'pass-installed': 'Wallet Pass Installed',
  'pass-uninstalled': 'Wallet Pass Uninstalled',
  'notification-sent': 'Wallet Notification Sent',
  'notification-not-sent': 'Wallet Notification Not Sent',
};

export const defaultIdentity: Rules['identity'] = {
  email: ['email', 'mail', 'emailAddress'],
  phone: ['phone', 'phoneNumber', 'phone_number', 'mobile'],
  // Empty on purpose: Klaviyo's external_id usually belongs to the shop, and writing another id into it splits profiles.
  externalId: [],
  klaviyoId: ['klaviyo.id', 'klaviyo.profileId', 'klaviyoId'],
};

/** The Wallet Crew's own example of a property name uses `loyaltyCard` where its pass kind is `customerCard`. */
export const defaultPassKinds: Rules['passKinds'] = { loyaltyCard: ['loyalty', 'loyaltyCard', 'customerCard'] };

export const defaultConsents: Rules['consents'] = {
  consents_email: { channel: 'email' },
  consents_sms: { channel: 'sms' },
};
