import type { ProfileName } from '../command.js';
import { usableEmail } from '../person/identity.js';
import type { Rules } from '../rules.js';

/** What an operator may have meant by a name: it is tried under everything that it could be. */
export interface AskedName {
  text: string;
  /** Id of a delivery. */
  deliveryId?: string;
  /** Our own id of a person, as drift reports name them. */
  personId?: string;
  /** Keys under which a person is found (see `identifierKeys`). */
  keys: string[];
  /** The same under spellings that people confuse. */
  nearKeys: string[];
  /** How Klaviyo would name them. */
  profile: ProfileName;
  /** How The Wallet Crew would. */
  by: { key: string; value: string }[];
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** A fingerprint, see `personId`. */
const ownId = /^[0-9a-z]{22}$/;

/** E-mail, phone in any form, id of a delivery, pass, person or Klaviyo profile, customer id, or any identifier as `key:value`. */
export function askedName(given: string, rules: Rules): AskedName {
  const text = given.trim();
  const { identity } = rules;
  const [, key, value] = /^([\w.-]+):(.+)$/.exec(text) ?? [];
  const asked: AskedName = { text, keys: [], nearKeys: [], profile: {}, by: [] };
  const take = (role: string, raw: string) => {
    const email = role === 'email' || identity.email.includes(role) ? usableEmail(raw) : undefined;
    const phone = role === 'phone' || identity.phone.includes(role) ? rules.toE164(raw) : undefined;
    const isKlaviyoId = role === 'klaviyoId' || identity.klaviyoId.includes(role);
    asked.keys.push(email ? `email:${email}` : phone ? `phone:${phone}` : isKlaviyoId ? `klaviyoId:${raw}` : `${role}:${raw}`);
    if (email) asked.profile.email = email;
    if (phone) asked.profile.phone = phone;
    if (isKlaviyoId) asked.profile.klaviyoId = raw;
    if (identity.externalId.includes(role)) asked.profile.externalId = raw;
    const theirs = email ? (identity.email[0] ?? role) : phone ? (identity.phone[0] ?? role) : role;
    if (role !== 'pass' && !isKlaviyoId) asked.by.push({ key: theirs, value: email ?? phone ?? raw });
  };

  if (key !== undefined && value !== undefined) take(key, value.trim());
  else if (usableEmail(text)) take('email', text);
  else {
    if (uuid.test(text)) asked.deliveryId = text.toLowerCase();
    if (ownId.test(text)) asked.personId = text;
    if (rules.toE164(text)) take('phone', text);
    // A number can be somebody's phone and somebody else's customer id; a pass id may look like anything.
    for (const role of ['pass', 'klaviyoId', ...new Set(['customerId', ...identity.externalId])]) take(role, text);
  }
  asked.keys = [...new Set(asked.keys)];
  asked.nearKeys = [...new Set(asked.keys.flatMap(near))].filter((one) => !asked.keys.includes(one));
  return asked;
}

/** Spellings that people and systems confuse. */
function near(key: string): string[] {
  const [role = '', ...rest] = key.split(':');
  const value = rest.join(':');
  if (role === 'email') {
    const [name = '', domain = ''] = value.split('@');
    const twin = { 'gmail.com': 'googlemail.com', 'googlemail.com': 'gmail.com' }[domain];
    return [`email:${name.split('+')[0]}@${domain}`, `email:${name.replaceAll('.', '')}@${domain}`, ...(twin ? [`email:${name}@${twin}`] : []), `customerId:${value}`];
  }
  return [value.toLowerCase(), value.toUpperCase(), value.replace(/^0+/, '')].filter((spelling) => spelling !== '').map((spelling) => `${role}:${spelling}`);
}
