import type { ProfileName } from '../command.js';
import { isPassKey, usableEmail } from '../person/identity.js';
import type { Rules } from '../rules.js';

/** What an operator may have meant by a name: it is tried under everything that it could be. */
export interface AskedName {
  text: string;
  /** Id of a delivery. */
  deliveryId?: string;
  /** Our own id of a person, as drift reports name them. */
  personId?: string;
  /** Keys under which a person is found (see `identifierKeys`), the likeliest reading first. */
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

/** White space, and what one cannot see of a name that was copied from elsewhere. */
const around = /^[\s\p{Cf}]+|[\s\p{Cf}]+$/gu;

/** E-mail, phone in any form, id of a delivery, pass, person or Klaviyo profile, customer id, or any identifier as `key:value`. */
export function askedName(given: string, rules: Rules): AskedName {
  const text = given.replaceAll(around, '');
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
    if (identity.externalId.includes(role)) asked.profile.externalId ??= raw;
    const theirs = email ? (identity.email[0] ?? role) : phone ? (identity.phone[0] ?? role) : role;
    if (role !== 'pass' && !isKlaviyoId) asked.by.push({ key: theirs, value: email ?? phone ?? raw });
  };

  const isPair = key !== undefined && value !== undefined;
  const isEmail = !isPair && usableEmail(text) !== undefined;
  if (uuid.test(text)) asked.deliveryId = text.toLowerCase();
  if (ownId.test(text)) asked.personId = text;
  if (isPair) take(key, value.trim());
  else if (isEmail) take('email', text);
  else if (rules.toE164(text)) take('phone', text);
  // A number can be somebody's phone and somebody else's customer id; ids of passes and customers may look like anything, also like an address or a pair.
  for (const role of ['pass', ...(isPair || isEmail ? [] : ['klaviyoId']), ...new Set(['customerId', ...identity.externalId])]) take(role, text);
  asked.keys = [...new Set(asked.keys)];
  asked.nearKeys = [...new Set(asked.keys.flatMap(near))].filter((one) => !asked.keys.includes(one));
  return asked;
}

/** Where somebody was looked for in vain, without the name itself, and what to do about it. */
export function lookedFor({ deliveryId, personId, keys, profile, by }: AskedName, { tenant }: Rules): string {
  const here = [deliveryId && 'delivery', personId && 'person', ...keys.map((key) => key.split(':')[0])];
  const places = [['here', here], ['in Klaviyo', Object.keys(profile)], ['at The Wallet Crew', by.map(({ key }) => key)]] as const;
  const looked = places.map(([place, roles]) => `${place} ${roles.length > 0 ? `as ${[...new Set(roles.filter(Boolean))].join(', ')}` : 'not at all'}`);
  // That is all its list can be searched by.
  const pass = profile.email === undefined && keys.some(isPassKey) ? ` The Wallet Crew finds passes by the identifiers on them, not by the id of the pass: if this is one that no webhook told of, ask by an identifier on it, or let a reconciliation read all passes (npm run reconcile -- --once --tenant ${tenant}).` : '';
  return `Looked for ${looked.join('; ')}.${pass}`;
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
