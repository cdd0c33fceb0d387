import type { Fields } from './shape.js';

export type ChannelName =
  | 'email.marketing'
  | 'email.open_tracking'
  | 'sms.marketing'
  | 'sms.transactional'
  | 'mobile_push.marketing'
  | 'whatsapp.marketing'
  | 'whatsapp.transactional'
  | 'whatsapp.conversational';

/** One answered question of consent. A channel nobody answered is absent and reads as NEVER_SUBSCRIBED. */
export interface ChannelConsent {
  consent: 'SUBSCRIBED' | 'UNSUBSCRIBED';
  /** Microseconds. */
  at: number;
  updated: number;
  method: string;
  methodDetail: string | null;
  customSource: string | null;
  doubleOptIn: boolean;
}

export type SuppressionReason = 'HARD_BOUNCE' | 'INVALID_EMAIL' | 'SPAM_COMPLAINT' | 'UNSUBSCRIBE' | 'USER_SUPPRESSED';

export interface Consents {
  channels: Partial<Record<ChannelName, ChannelConsent>>;
  suppression: { reason: SuppressionReason; at: number }[];
  listSuppressions: { listId: string; reason: SuppressionReason; at: number }[];
}

/** A person as Klaviyo holds them. Kept lean: an account may hold a million. */
export interface Profile {
  readonly id: string;
  email: string | undefined;
  phone: string | undefined;
  externalId: string | undefined;
  /** first_name, last_name, organization, locale, title, image, anonymous_id. */
  names: Record<string, string> | undefined;
  location: Fields | undefined;
  /** Flat, keyed by the exact text sent: a dot in a name is a letter like any other. */
  properties: Fields;
  /** Microseconds, unique within the account. */
  readonly created: number;
  updated: number;
  /** Seconds. */
  lastEvent: number | undefined;
  consents: Consents | undefined;
}

export const consentsOf = (profile: Profile): Consents => (profile.consents ??= { channels: {}, suppression: [], listSuppressions: [] });
