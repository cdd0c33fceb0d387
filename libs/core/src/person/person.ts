import type { Channel, Identity } from '../command.js';
import type { ListRoute } from '../plugin/hooks.js';
import type { Attributes, Plain, Token } from '../wallet/event.js';
import { merged as mergedPass } from '../wallet/lifecycle.js';
import type { Pass } from '../wallet/pass.js';
import { inOrder, latestOptOut, type OptOut, type Statement } from './consent.js';

/** A value and when it was said; the newer one wins, whatever order they arrive in. */
export interface Said<T> {
  value: T;
  at: number;
}

/** When something was said that is of no time we know: whatever is said later counts more. */
export const anyTime = 0;

/** All we know about one person. Plain data: it is stored as it is. */
export interface Person {
  id: string;
  /** By key (`email`, `phone`, `customerId`, …); every value ever said, because each may be how the next event names them. */
  identifiers: Record<string, Said<string>[]>;
  /** Who Klaviyo is told this is; empty while nothing known is an identifier there. What answers teach (`klaviyoId`, `withheld`) is kept here too. */
  identity: Identity;
  registeredAt?: number;
  /** By pass id. */
  passes: Record<string, Pass>;
  /** By consent field. */
  consents: Record<string, Statement[]>;
  /** What was said in Klaviyo itself, by channel. */
  optOuts: Partial<Record<Channel, OptOut>>;
  asked: Asked;
  attributes: { [K in keyof Attributes]?: Said<string> };
  /** What passes and forms said besides, by their own names. */
  metadata: Record<string, Said<Plain>>;
  account: Record<string, Said<Plain>>;
  /** The newest token of pass links. */
  token?: Token;
  /** When The Wallet Crew was last asked for one. */
  tokenAskedAt?: number;
  /** Fingerprint of the profile update last asked for, so that an unchanged profile is not sent again. */
  profile?: string;
}

/**
 * What Klaviyo was last asked for, by consent field and list id (empty: the account's own list): the time of the yes that a subscription
 * was asked for, or false once its end was.
 */
export type Asked = Record<string, Record<NonNullable<ListRoute['list']>, number | false>>;

export function newPerson(id: string): Person {
  return { id, identifiers: {}, identity: {}, passes: {}, consents: {}, optOuts: {}, asked: {}, attributes: {}, metadata: {}, account: {} };
}

/** Of two statements the newer; at the same instant the greater text, so that the order of arrival never matters. */
export function newer<T extends Plain>(a: Said<T> | undefined, b: Said<T>): Said<T> {
  if (!a) return b;
  return b.at > a.at || (b.at === a.at && String(b.value) > String(a.value)) ? b : a;
}

/** So much of what passes and forms say besides is kept; nobody routes by a novel. */
const mostFacts = 100;
const longestFact = 255;

/** Facts with those of an event; the newer of two values counts. */
export function withFacts(known: Record<string, Said<Plain>>, said: Record<string, Plain>, at: number): Record<string, Said<Plain>> {
  const facts = { ...known };
  for (const [name, value] of Object.entries(said)) {
    if (typeof value === 'string' && value.length > longestFact) continue;
    if (own(facts, name) || Object.keys(facts).length < mostFacts) facts[name] = newer(own(facts, name), { value, at });
  }
  return facts;
}

export function newestToken(a: Token | undefined, b: Token | undefined): Token | undefined {
  return !a || (b && (b.at > a.at || (b.at === a.at && b.sealed > a.sealed))) ? b : a;
}

/** What a record itself holds: a name from outside may be `valueOf`, which every object seems to have. */
export function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** A record with a name from outside, which may be `__proto__`: assigned, that would be no entry. */
export function withOwn<T>(record: Record<string, T>, name: string, value: T): Record<string, T> {
  return { ...record, [name]: value };
}

/** Two persons who turn out to be one; `a` keeps its id. */
export function mergedPerson(a: Person, b: Person): Person {
  const person: Person = { ...a, identifiers: { ...a.identifiers }, passes: { ...a.passes }, consents: { ...a.consents }, attributes: { ...a.attributes } };
  for (const [key, values] of Object.entries(b.identifiers)) for (const said of values) person.identifiers[key] = withValue(own(person.identifiers, key), said);
  for (const [id, pass] of Object.entries(b.passes)) {
    const known = own(a.passes, id);
    person.passes = withOwn(person.passes, id, known ? mergedPass(known, pass) : pass);
  }
  for (const [field, statements] of Object.entries(b.consents)) person.consents[field] = inOrder([...(a.consents[field] ?? []), ...statements]);
  for (const key of Object.keys(b.attributes) as (keyof Attributes)[]) person.attributes[key] = newer(person.attributes[key], b.attributes[key]!);
  person.metadata = mergedFacts(a.metadata, b.metadata);
  person.account = mergedFacts(a.account, b.account);
  person.optOuts = { ...a.optOuts };
  for (const channel of Object.keys(b.optOuts) as Channel[]) person.optOuts[channel] = latestOptOut(a.optOuts[channel], b.optOuts[channel]!);
  const token = newestToken(a.token, b.token);
  if (token) person.token = token;
  person.asked = mergedAsked(a.asked, b.asked);
  if (b.registeredAt !== undefined) person.registeredAt = Math.min(b.registeredAt, a.registeredAt ?? b.registeredAt);
  person.identity = { ...b.identity, ...a.identity };
  return person;
}

/** The values of one identifier with another statement; a value said again keeps its latest time. */
export function withValue(values: Said<string>[] | undefined, said: Said<string>): Said<string>[] {
  const same = values?.find((known) => known.value === said.value);
  if (!same) return [...(values ?? []), said];
  return said.at > same.at ? values!.map((known) => (known === same ? said : known)) : values!;
}

/** Whoever was subscribed under one of the two names must be unsubscribed when the choice in force is "no". */
export function mergedAsked(a: Asked, b: Asked): Asked {
  const asked: Asked = { ...a };
  for (const [field, lists] of Object.entries(b)) {
    asked[field] = { ...a[field] };
    for (const [list, since] of Object.entries(lists)) asked[field][list] = Math.max(Number(since), Number(a[field]?.[list] ?? 0)) || false;
  }
  return asked;
}

function mergedFacts(a: Record<string, Said<Plain>>, b: Record<string, Said<Plain>>): Record<string, Said<Plain>> {
  const facts = { ...a };
  for (const [name, said] of Object.entries(b)) facts[name] = newer(own(facts, name), said);
  return facts;
}
