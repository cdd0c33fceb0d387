import type { Channel, HeldConsent, HeldProfile } from '#core';
import { channelState } from './consent-state.js';
import { record } from './errors.js';
import { instantOf, newestOf } from './instant.js';
import { optOut } from './opt-outs.js';
import { nameOf } from './profile-name.js';
import type { ProfileAttributes } from './profile-reads.js';

/** What of a profile is asked for: a whole one is ten times as long. */
export const heldFields = [
  'email',
  'phone_number',
  'external_id',
  'created',
  'updated',
  'properties',
  'subscriptions.email.marketing.consent',
  'subscriptions.email.marketing.consent_timestamp',
  'subscriptions.email.marketing.last_updated',
  'subscriptions.email.marketing.suppression',
  'subscriptions.sms.marketing.consent',
  'subscriptions.sms.marketing.consent_timestamp',
  'subscriptions.sms.marketing.last_updated',
] as const;

const channels = ['email', 'sms'] as const satisfies readonly Channel[];

/** A profile of Klaviyo's answers in our words. */
export function heldProfile(profile: Record<string, unknown>): HeldProfile | undefined {
  const name = nameOf(profile);
  if (!name) return undefined;
  const attributes = record(profile['attributes']);
  const createdAt = instantOf(attributes['created']) ?? 0;
  return {
    name,
    createdAt,
    updatedAt: instantOf(attributes['updated']) ?? createdAt,
    properties: record(attributes['properties']),
    consents: { email: consentIn(attributes, 'email'), sms: consentIn(attributes, 'sms') },
    optOuts: channels.flatMap((channel) => optOut(channel, profile) ?? []),
  };
}

function consentIn(attributes: ProfileAttributes, channel: Channel): HeldConsent {
  const { consent, consent_timestamp, last_updated } = channelState(attributes, channel);
  const says = consent === 'SUBSCRIBED' ? 'subscribed' : consent === 'UNSUBSCRIBED' ? 'unsubscribed' : 'never';
  const at = says === 'unsubscribed' ? newestOf([instantOf(consent_timestamp), instantOf(last_updated)]) : instantOf(consent_timestamp);
  return { says, ...(says === 'never' || at === undefined ? {} : { at }) };
}
