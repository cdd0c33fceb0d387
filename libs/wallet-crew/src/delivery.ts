import { createHash } from 'node:crypto';
import { ConnectorError, type EventKind, type Plain, type Wallet, type WalletEvent } from '#core';
import { isMap, type Json, readJson } from './json.js';

const byteOrderMark = '\uFEFF';

/** What a webhook says, and the key under which a redelivery of it is recognised. */
export interface ReadDelivery {
  key: string;
  event: WalletEvent;
}

/**
 * Reads a webhook body. The Wallet Crew does not publish its envelope, so every spelling that its documents and its sibling
 * connectors use is accepted (docs/webhooks.md lists them); a body that names no event is refused loudly.
 * `receivedAt` (epoch ms) stands in for a time the sender did not give.
 */
export function readDelivery(body: string, receivedAt: number): ReadDelivery {
  const envelope = parse(body.startsWith(byteOrderMark) ? body.slice(1) : body);
  const name = text(envelope, ['event', 'eventType', 'event_type', 'eventName']) ?? first([envelope], ['type', 'topic', 'name'], eventLike);
  if (!name) throw new ConnectorError('EVENT_UNREADABLE');
  const data = inner(envelope);
  const account = object(data, ['account', 'customer', 'profile', 'fields']);
  const pass = object(data, ['pass']);
  // Where a fact may stand, nearest first: the pass or account itself, the data around it, the envelope.
  const places = [pass, account, data, envelope].filter((place): place is Json => place !== undefined);
  const kind = kindOf(name);
  // A pass or an account says when it was itself created; that is the time of the event only where nothing better is said, and not inside them.
  const said = first(places, ['timestamp', 'occurredAt', 'occurred_at', 'time', 'date', 'eventDate'], (value) => value) ?? first([envelope, data], ['createdAt', 'created_at'], (value) => value);
  const at = said === undefined ? receivedAt : timeOf(said, receivedAt);

  const event: WalletEvent = {
    kind,
    name,
    at,
    identifiers: identifiersOf(places, account ?? (isCustomer(kind) ? data : undefined)),
    metadata: plainOf(merge(places, ['metadata', 'metadatas'])),
    answers: answersOf(places),
    attributes: attributesOf(places),
    ...optional('account', accountOf(account)),
    ...(isCustomer(kind) && (said === undefined || /upsert/i.test(name)) ? { undated: true } : {}),
  };
  if (kind === 'unknown') return { key: keyOf(envelope, event, said !== undefined), event };

  if (kind.startsWith('pass-')) {
    const id = text(pass, ['id', 'passId', 'serialNumber']) ?? firstText(places, ['passId', 'pass_id', 'serialNumber']) ?? text(data, ['id']);
    if (!id || id.length > longestPassId) throw new ConnectorError('EVENT_WITHOUT_PASS');
    event.pass = { id, ...optional('type', firstText(places, ['passType', 'pass_type'])), ...optional('kind', firstText(places, ['passKind', 'pass_kind'])) };
    const counts = [...places, object(data, ['additionalInformation', 'statistics', 'registration']) ?? {}];
    Object.assign(event, optional('activeRegistrations', first(counts, ['activeRegistrationCount', 'activeRegistrations'], count)));
    Object.assign(event, optional('totalRegistrations', first(counts, ['totalRegistrationCount', 'totalRegistrations'], count)));
    Object.assign(event, optional('source', sourceOf(counts)));
  }
  if (kind === 'pass-installed' || kind === 'pass-uninstalled') {
    const wallet = walletOf(firstText(places, ['device', 'provider', 'wallet', 'platform']));
    if (!wallet) throw new ConnectorError('WALLET_UNKNOWN');
    event.wallet = wallet;
  }
  return { key: keyOf(envelope, event, said !== undefined), event };
}

function parse(body: string): Json {
  const value = readJson(body);
  if (isMap(value)) return value;
  throw new ConnectorError('BODY_NOT_JSON');
}

/** `data` is the assumed name; a flat body is its own data. */
function inner(envelope: Json): Json {
  return object(envelope, ['data', 'payload', 'body', 'content', 'eventData']) ?? envelope;
}

const kinds = new Map<string, EventKind>(Object.entries({
  'customer:registered': 'registered',
  'customer:created': 'registered',
  // An upsert of somebody we never met is their registration; decide() counts it once.
  'customer:upserted': 'registered',
  'customer:registration': 'registered',
  'customer:enrolled': 'registered',
  'customer:updated': 'customer-updated',
  'pass:created': 'pass-created',
  'pass:updated': 'pass-updated',
  'pass:installed': 'pass-installed',
  'pass:uninstalled': 'pass-uninstalled',
  'pass:removed': 'pass-uninstalled',
} satisfies Record<string, EventKind>));

/** `Pass:Installed`, `pass.installed` and `wallet_installed` are one event; the vendor's own pages spell it both ways. */
function kindOf(name: string): WalletEvent['kind'] {
  const plain = name.trim().toLowerCase().replaceAll(/[.:/\s]+/g, ':').replace(/^wallet_/, 'pass:').replace(/^on(pass|customer)/, '$1:');
  return kinds.get(plain) ?? 'unknown';
}

function walletOf(device: string | undefined): Wallet | undefined {
  const plain = device?.toLowerCase() ?? '';
  return plain.includes('apple') || plain === 'ios' ? 'Apple' : plain.includes('google') || plain === 'android' ? 'Google' : undefined;
}

/** The vendor's ids have up to 50 characters; this leaves room for others. */
const longestPassId = 255;

const year2000 = 946_684_800_000;
const dayMs = 86_400_000;

/** ISO 8601, or epoch seconds or milliseconds; text without a zone is taken as UTC. */
function timeOf(said: unknown, receivedAt: number): number {
  const number = typeof said === 'number' ? said : typeof said === 'string' && /^\d{9,14}$/.test(said.trim()) ? Number(said) : undefined;
  const at = number === undefined ? (typeof said === 'string' ? Date.parse(zoned(said.trim())) : NaN) : number < 1e11 ? number * 1000 : number;
  // Klaviyo takes nothing before 2000; a time ahead would win over everything that really happens until then.
  if (!(at >= year2000 && at <= receivedAt + dayMs)) throw new ConnectorError('EVENT_TIME_UNUSABLE');
  return Math.trunc(at);
}

function zoned(time: string): string {
  return /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(time) ? `${time.replace(' ', 'T')}Z` : time;
}

const contactKeys = ['email', 'emailAddress', 'phone', 'phoneNumber', 'phone_number', 'mobile', 'customerId', 'customer_id', 'accountId', 'externalId'];

/** The `identifiers` map, Bloomreach's flat `identifier_…` keys, and what an account says about itself. */
function identifiersOf(places: Json[], account: Json | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  const add = (key: string, value: unknown) => {
    const usable = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
    // Sibling keys such as "customerId.hmac" prove an identifier and are none.
    if (usable && !/\.(hmac|secret)$/.test(key)) found[key] ??= usable;
  };
  for (const [key, value] of Object.entries(merge(places, ['identifiers']))) add(key, value);
  for (const place of places) for (const [key, value] of Object.entries(place)) if (key.startsWith('identifier_')) add(key.slice('identifier_'.length), value);
  for (const key of contactKeys) add(key, account?.[key]);
  for (const key of contactKeys) for (const place of places) add(key, place[key]);
  return found;
}

const consentPrefix = 'consents_';

/** Every explicit yes or no; which of them are consents the tenant says. */
function answersOf(places: Json[]): Record<string, boolean> {
  const answers: Record<string, boolean> = {};
  const add = (key: string, value: unknown) => {
    const answer = value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined;
    if (answer !== undefined) answers[key] ??= answer;
  };
  const nested = merge(places, ['consents']);
  for (const [key, value] of Object.entries(nested)) {
    add(key, value);
    if (!key.startsWith(consentPrefix)) add(consentPrefix + key, value);
  }
  for (const place of [...places, merge(places, ['metadata']), merge(places, ['additionalData'])]) {
    for (const [key, value] of Object.entries(place)) add(key, value);
  }
  return answers;
}

function attributesOf(places: Json[]): WalletEvent['attributes'] {
  const locale = firstText(places, ['locale', 'language', 'lang']);
  return {
    ...optional('firstName', firstText(places, ['firstName', 'first_name', 'firstname'])),
    ...optional('lastName', firstText(places, ['lastName', 'last_name', 'lastname'])),
    // Klaviyo reads BCP 47; anything else would make it refuse the profile.
    ...optional('locale', locale && /^[a-z]{2,3}([-_][A-Za-z]{2})?$/.test(locale) ? locale.replace('_', '-') : undefined),
  };
}

/** What a customer filled in and has no place of its own in an event. */
function accountOf(account: Json | undefined): WalletEvent['account'] {
  const rest = Object.entries(plainOf(account ?? {})).filter(([key]) => !contactKeys.includes(key) && !nameKeys.includes(key) && !key.startsWith(consentPrefix));
  return rest.length > 0 ? Object.fromEntries(rest) : undefined;
}

const nameKeys = ['firstName', 'first_name', 'firstname', 'lastName', 'last_name', 'lastname', 'locale', 'language', 'lang'];

function sourceOf(places: Json[]): WalletEvent['source'] {
  const around = [...places, ...places.flatMap((place): Json[] => [object(place, ['source', 'registrationSource']) ?? {}])];
  const tags = first(around, ['tags', 'source_tags'], (value) => (Array.isArray(value) ? value.filter((tag) => typeof tag === 'string') : undefined));
  const source = { ...optional('tags', tags), ...optional('medium', firstText(around, ['medium', 'utm_medium', 'source_medium'])), ...optional('origin', firstText(around, ['origin', 'source_origin'])) };
  return Object.keys(source).length ? source : undefined;
}

/**
 * The sender's own id where it gives one. Otherwise all that we read from it, however it was spelled: two updates in one
 * second differ in something, and only that tells them from a redelivery. Where not even a time is given, the whole body:
 * two equal bodies cannot be told apart.
 */
function keyOf(envelope: Json, event: WalletEvent, timed: boolean): string {
  // In a flat body `id` may as well be the pass's or the customer's, which come back with every event.
  const own = text(envelope, ['eventId', 'event_id', 'deliveryId', ...(inner(envelope) === envelope ? [] : ['id'])]);
  if (own) return `id:${own}`;
  const { name: _spelling, ...said } = event;
  // `consents: {email}` and `consents_email` are one answer.
  const answers = Object.fromEntries(Object.entries(event.answers).map(([key, given]) => [key.startsWith(consentPrefix) ? key.slice(consentPrefix.length) : key, given]));
  const isTold = timed && event.kind !== 'unknown' && (event.pass || Object.keys(event.identifiers).length > 0);
  const happening = canonical(isTold ? { ...said, answers } : envelope);
  return `is:${createHash('sha256').update(JSON.stringify(happening)).digest('base64url')}`;
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isMap(value)) return value;
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, inside]) => [key, canonical(inside)]);
}

const isCustomer = (kind: WalletEvent['kind']) => kind === 'registered' || kind === 'customer-updated';

function object(place: Json | undefined, keys: string[]): Json | undefined {
  for (const key of keys) {
    const value = place?.[key];
    if (isMap(value)) return value;
  }
  return undefined;
}

/** The maps under one of the keys, nearest place first. */
function merge(places: Json[], keys: string[]): Json {
  const maps = places.flatMap((place): Json[] => {
    const map = object(place, keys);
    return map ? [map] : [];
  });
  return maps.length > 1 ? (Object.assign({}, ...maps.toReversed()) as Json) : (maps[0] ?? {});
}

function first<T>(places: Json[], keys: string[], read: (value: unknown) => T | undefined): T | undefined {
  for (const place of places) {
    for (const key of keys) {
      const value = place[key];
      const usable = value === undefined || value === null ? undefined : read(value);
      if (usable !== undefined) return usable;
    }
  }
  return undefined;
}

/** `type` and `name` are also words for other things; only what is spelled like an event is one. */
const eventLike = (value: unknown) => (typeof value === 'string' && /^(\w+([.:]\w+)+|wallet_\w+)$/.test(value.trim()) ? value.trim() : undefined);
const asText = (value: unknown) => (typeof value === 'string' && value.trim() ? value.trim() : typeof value === 'number' ? String(value) : undefined);
const count = (value: unknown) => (typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value)) ? Number(value) : undefined);
const firstText = (places: Json[], keys: string[]) => first(places, keys, asText);
const text = (place: Json | undefined, keys: string[]) => (place ? firstText([place], keys) : undefined);

function plainOf(values: Json): Record<string, Plain> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, Plain] => ['string', 'number', 'boolean'].includes(typeof entry[1])));
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
