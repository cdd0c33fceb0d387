import { instant, secondInstant } from './time.js';
import type { ChannelName, Profile } from './profile.js';
import type { Fields } from './shape.js';

const locationFields = ['address1', 'address2', 'city', 'country', 'latitude', 'longitude', 'region', 'zip', 'timezone', 'ip'] as const;

export interface ProfileView {
  origin: string;
  subscriptions: boolean;
  predictiveAnalytics: boolean;
  /** `fields[profile]`, dotted sub-fields included. */
  fields: readonly string[] | undefined;
  /** On get_profiles the relationship is called `conversations`, elsewhere `conversation`. */
  conversationKey: 'conversation' | 'conversations';
}

export function profileJson(profile: Profile, view: ProfileView, extra: Fields = {}): Fields {
  const self = `${view.origin}/api/profiles/${profile.id}/`;
  const link = (name: string) => ({ links: { self: `${self}relationships/${name}/`, related: `${self}${name}/` } });
  const attributes: Fields = {
    email: profile.email ?? null,
    phone_number: profile.phone ?? null,
    external_id: profile.externalId ?? null,
    anonymous_id: profile.names?.['anonymous_id'] ?? null,
    first_name: profile.names?.['first_name'] ?? null,
    last_name: profile.names?.['last_name'] ?? null,
    organization: profile.names?.['organization'] ?? null,
    locale: profile.names?.['locale'] ?? null,
    title: profile.names?.['title'] ?? null,
    image: profile.names?.['image'] ?? null,
    created: instant(profile.created),
    updated: instant(profile.updated),
    last_event_date: profile.lastEvent === undefined ? null : secondInstant(profile.lastEvent),
    location: Object.fromEntries(locationFields.map((field) => [field, profile.location?.[field] ?? null])),
    properties: profile.properties,
    // Recorded from a live account; not in the OpenAPI.
    whatsapp_bsuid: null,
    ...extra,
  };
  if (view.subscriptions) attributes['subscriptions'] = subscriptionsJson(profile);
  if (view.predictiveAnalytics) attributes['predictive_analytics'] = predictiveAnalytics;
  return {
    type: 'profile',
    id: profile.id,
    attributes: view.fields ? only(attributes, view.fields) : attributes,
    relationships: {
      lists: link('lists'),
      segments: link('segments'),
      'push-tokens': link('push-tokens'),
      [view.conversationKey]: link(view.conversationKey),
    },
    links: { self },
  };
}

/** A sparse fieldset: top-level names and dotted paths into location, subscriptions and predictive_analytics. */
function only(attributes: Fields, fields: readonly string[]): Fields {
  const kept: Fields = {};
  for (const field of fields) {
    const path = field.split('.');
    let source: unknown = attributes;
    for (const step of path) source = (source as Fields | undefined)?.[step];
    if (source === undefined) continue;
    let target = kept;
    for (const step of path.slice(0, -1)) target = (target[step] ??= {}) as Fields;
    target[path.at(-1)!] = source;
  }
  return kept;
}

export function subscriptionsJson(profile: Profile): Fields {
  const suppression = profile.consents?.suppression ?? [];
  const answered = (channel: ChannelName) => {
    const answer = profile.consents?.channels[channel];
    return { consent: answer?.consent ?? 'NEVER_SUBSCRIBED', consent_timestamp: answer ? instant(answer.at) : null, answer };
  };
  const email = answered('email.marketing');
  const messaging = (channel: ChannelName, can: string) => {
    const { consent, consent_timestamp, answer } = answered(channel);
    return {
      [can]: consent === 'SUBSCRIBED' && profile.phone !== undefined,
      consent,
      consent_timestamp,
      method: answer?.method ?? null,
      method_detail: answer?.methodDetail ?? null,
      last_updated: answer ? instant(answer.updated) : null,
    };
  };
  const plain = (channel: ChannelName, able: boolean) => {
    const { consent, consent_timestamp, answer } = answered(channel);
    return { can_receive: consent === 'SUBSCRIBED' && able, consent, consent_timestamp, last_updated: answer ? instant(answer.updated) : null, created_timestamp: consent_timestamp, metadata: null, valid_until: null };
  };
  const push = answered('mobile_push.marketing');
  const whatsapp = (channel: ChannelName) => ({ ...plain(channel, profile.phone !== undefined), phone_number: profile.phone ?? null });
  return {
    email: {
      marketing: {
        can_receive_email_marketing: profile.email !== undefined && email.consent !== 'UNSUBSCRIBED' && suppression.length === 0,
        consent: email.consent,
        consent_timestamp: email.consent_timestamp,
        last_updated: email.answer ? instant(email.answer.updated) : null,
        method: email.answer?.method ?? null,
        method_detail: email.answer?.methodDetail ?? null,
        custom_method_detail: email.answer?.customSource ?? null,
        double_optin: email.answer?.doubleOptIn ?? null,
        suppression: suppression.map(({ reason, at }) => ({ reason, timestamp: instant(at) })),
        list_suppressions: (profile.consents?.listSuppressions ?? []).map(({ listId, reason, at }) => ({ list_id: listId, reason, timestamp: instant(at) })),
      },
      open_tracking: plain('email.open_tracking', profile.email !== undefined),
    },
    sms: {
      marketing: messaging('sms.marketing', 'can_receive_sms_marketing'),
      transactional: messaging('sms.transactional', 'can_receive_sms_transactional'),
    },
    mobile_push: {
      marketing: { can_receive_push_marketing: push.consent === 'SUBSCRIBED', consent: push.consent, consent_timestamp: push.consent_timestamp },
    },
    whatsapp: {
      marketing: whatsapp('whatsapp.marketing'),
      transactional: whatsapp('whatsapp.transactional'),
      conversational: whatsapp('whatsapp.conversational'),
    },
  };
}

const predictiveAnalytics = {
  historic_clv: null,
  predicted_clv: null,
  total_clv: null,
  historic_number_of_orders: null,
  predicted_number_of_orders: null,
  average_days_between_orders: null,
  average_order_value: null,
  churn_probability: null,
  expected_date_of_next_order: null,
  ranked_channel_affinity: null,
};
