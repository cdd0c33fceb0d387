import type { ConsentWish } from './consent.js';
import { invalid, Refusal } from './errors.js';
import { findList } from './list-operations.js';
import type { List } from './list.js';
import type { Call } from './operation.js';
import { isEmail, isPhone, phoneDetail } from './profile-change.js';
import type { ChannelName } from './profile.js';
import { document as readDocument, type Fields, Inspection, isObject } from './shape.js';
import { parseInstant } from './time.js';

const pointer = '/data/attributes/profiles/data';

const topics: Readonly<Record<string, readonly string[]>> = {
  email: ['marketing', 'open_tracking'],
  sms: ['marketing', 'transactional'],
  push: ['marketing'],
  whatsapp: ['marketing', 'transactional', 'conversational'],
};
const subscribeNames = new Set(['email', 'phone_number', 'subscriptions', 'age_gated_date_of_birth']);
const unsubscribeNames = new Set(['email', 'phone_number', 'subscriptions']);
/** Consent before this day cannot be stored. */
const earliestConsent = Date.UTC(1990, 0, 1) * 1000;

export interface ConsentRequest {
  wishes: ConsentWish[];
  list: List | undefined;
  historical: boolean;
  customSource: string | undefined;
}

/** Reads a subscribe or unsubscribe job. One bad profile refuses the whole batch. */
export function readConsentRequest(call: Call, type: string, wanted: 'SUBSCRIBED' | 'UNSUBSCRIBED'): ConsentRequest {
  const { account, body, limit, settings } = call;
  const inspection = new Inspection();
  const data = readDocument(inspection, body, type);
  const attributes = data && inspection.object(data['attributes'], '/data/attributes');
  inspection.known(attributes, new Set(wanted === 'SUBSCRIBED' ? ['custom_source', 'historical_import', 'profiles'] : ['profiles']), type, '/data/attributes');
  const wrapped = attributes && inspection.object(attributes['profiles'], '/data/attributes/profiles');
  const profiles = (wrapped && inspection.array(wrapped['data'], pointer)) ?? [];
  if (limit.maxItems !== undefined && profiles.length > limit.maxItems) {
    throw new Refusal([invalid(pointer, `A request may have ${limit.maxItems} profiles, this one has ${profiles.length}.`)]);
  }
  const historical = attributes?.['historical_import'] === true;
  const rules: Rules = { wanted, historical, now: settings.now() * 1000, smsPrefixes: account.options.supportsSms };
  const wishes = profiles.map((profile, index) => readWish(inspection, profile, `${pointer}/${index}`, rules)).filter((wish) => wish !== undefined);
  const customSource = inspection.optionalString(attributes?.['custom_source'], '/data/attributes/custom_source');
  inspection.refuse();

  const relationships = isObject(data?.['relationships']) ? data['relationships'] : {};
  const listData = isObject(relationships['list']) ? relationships['list']['data'] : undefined;
  const list = isObject(listData) ? findList(account, String(listData['id'])) : undefined;
  return { wishes, list, historical, customSource };
}

interface Rules {
  wanted: 'SUBSCRIBED' | 'UNSUBSCRIBED';
  historical: boolean;
  now: number;
  smsPrefixes: readonly string[] | undefined;
}

function readWish(inspection: Inspection, profile: unknown, at: string, rules: Rules): ConsentWish | undefined {
  const resource = inspection.object(profile, at);
  inspection.type(resource, 'profile', at);
  const attributes = resource && inspection.object(resource['attributes'], `${at}/attributes`);
  if (!attributes) return undefined;
  inspection.known(attributes, rules.wanted === 'SUBSCRIBED' ? subscribeNames : unsubscribeNames, 'profile', `${at}/attributes`);
  const id = inspection.optionalString(resource['id'], `${at}/id`);
  if (rules.wanted === 'UNSUBSCRIBED' && id !== undefined) inspection.add(`${at}/id`, "'id' is not a valid field for this request.");
  const email = inspection.optionalString(attributes['email'], `${at}/attributes/email`);
  const phone = inspection.optionalString(attributes['phone_number'], `${at}/attributes/phone_number`);
  if (email !== undefined && !isEmail(email)) inspection.add(`${at}/attributes/email`, 'Invalid email address.');
  if (phone !== undefined && !isPhone(phone)) inspection.add(`${at}/attributes/phone_number`, phoneDetail);
  const subscriptions = inspection.object(attributes['subscriptions'], `${at}/attributes/subscriptions`);
  if (!subscriptions) return undefined;
  const channels = readChannels(inspection, subscriptions, `${at}/attributes/subscriptions`, rules);

  const names = [...channels.keys()];
  if (names.some((name) => name.startsWith('email')) && email === undefined) {
    inspection.add(`${at}/attributes/email`, "'email' must not be empty when the email channel is included in 'subscriptions'.");
  }
  for (const channel of ['sms', 'whatsapp']) {
    if (!names.some((name) => name.startsWith(channel))) continue;
    if (phone === undefined) inspection.add(`${at}/attributes/phone_number`, `'phone_number' must not be empty when the ${channel} channel is included in 'subscriptions'.`);
    else if (channel === 'sms' && rules.smsPrefixes && !rules.smsPrefixes.some((prefix) => phone.startsWith(prefix))) {
      inspection.add(`${at}/attributes/phone_number`, 'The phone number is in a region this account does not support for SMS.');
    }
  }
  if (id === undefined && email === undefined && phone === undefined) inspection.add(`${at}/attributes`, 'One or more identifiers is required.');
  return { id, email, phone, channels };
}

function readChannels(inspection: Inspection, subscriptions: Fields, at: string, rules: Rules): ConsentWish['channels'] {
  const channels: ConsentWish['channels'] = new Map();
  for (const [channel, value] of Object.entries(subscriptions)) {
    if (value === null || value === undefined) continue;
    const known = topics[channel];
    if (!known) {
      inspection.add(at, `'${channel}' is not a valid field for the resource 'subscriptions'.`);
      continue;
    }
    for (const [topic, wish] of Object.entries(inspection.object(value, `${at}/${channel}`) ?? {})) {
      if (channel === 'push' && (topic === 'tokens' || topic === 'anonymous_id')) continue;
      const pointer = `${at}/${channel}/${topic}`;
      if (!known.includes(topic)) inspection.add(pointer, `'${topic}' is not a valid field for the resource '${channel}'.`);
      else if (wish !== null) {
        const name = (channel === 'push' ? `mobile_push.${topic}` : `${channel}.${topic}`) as ChannelName;
        channels.set(name, readConsentedAt(inspection, inspection.object(wish, pointer), pointer, name, rules));
      }
    }
  }
  return channels;
}

function readConsentedAt(inspection: Inspection, wish: Fields | undefined, pointer: string, channel: ChannelName, rules: Rules): number | undefined {
  if (!wish) return undefined;
  if (wish['consent'] !== rules.wanted) inspection.add(`${pointer}/consent`, `consent must be '${rules.wanted}'.`);
  const given = wish['consented_at'] ?? undefined;
  const at = `${pointer}/consented_at`;
  if (given === undefined) {
    if (rules.historical && channel !== 'email.open_tracking') inspection.add(at, 'consented_at is required when historical_import is true.');
    return undefined;
  }
  if (rules.wanted === 'UNSUBSCRIBED') inspection.add(at, 'consented_at is not a valid field for this request.');
  else if (!rules.historical) inspection.add(at, 'consented_at may only be given when historical_import is true.');
  const micros = parseInstant(given);
  if (micros === undefined) inspection.add(at, 'Invalid datetime: use ISO 8601 (RFC 3339).');
  else if (micros >= rules.now) inspection.add(at, 'consented_at must be in the past.');
  else if (micros < earliestConsent) inspection.add(at, 'consented_at must not be before 1990-01-01.');
  return micros;
}
