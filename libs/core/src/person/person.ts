import type { Identity } from '../command.js';
import type { Attributes } from '../wallet/event.js';
import { merged as mergedPass } from '../wallet/lifecycle.js';
import type { Pass } from '../wallet/pass.js';
import { inOrder, type Statement } from './consent.js';

/** A value and when it was said; the newer one wins, whatever order they arrive in. */
export interface Said<T> {
  value: T;
  at: number;
}

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
  /** By consent field: what Klaviyo was last asked for; true a subscription, false its end. */
  asked: Record<string, boolean>;
  attributes: { [K in keyof Attributes]?: Said<string> };
  /** Fingerprint of the profile update last asked for, so that an unchanged profile is not sent again. */
  profile?: string;
}

export function newPerson(id: string): Person {
  return { id, identifiers: {}, identity: {}, passes: {}, consents: {}, asked: {}, attributes: {} };
}

/** Of two statements the newer; at the same instant the greater text, so that the order of arrival never matters. */
export function newer<T extends string>(a: Said<T> | undefined, b: Said<T>): Said<T> {
  if (!a) return b;
  return b.at > a.at || (b.at === a.at && b.value > a.value) ? b : a;
}

/** What a record itself holds: a name from outside may be `valueOf`, which every object seems to have. */
export function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Two persons who turn out to be one; `a` keeps its id. */
export function mergedPerson(a: Person, b: Person): Person {
  const person: Person = { ...a, identifiers: { ...a.identifiers }, passes: { ...a.passes }, consents: { ...a.consents }, attributes: { ...a.attributes } };
  for (const [key, values] of Object.entries(b.identifiers)) for (const said of values) person.identifiers[key] = withValue(own(person.identifiers, key), said);
  for (const [id, pass] of Object.entries(b.passes)) {
    const known = own(a.passes, id);
    person.passes[id] = known ? mergedPass(known, pass) : pass;
  }
  for (const [field, statements] of Object.entries(b.consents)) person.consents[field] = inOrder([...(a.consents[field] ?? []), ...statements]);
  for (const key of Object.keys(b.attributes) as (keyof Attributes)[]) person.attributes[key] = newer(person.attributes[key], b.attributes[key]!);
  // Whoever was subscribed under one of the two names must be unsubscribed when the choice in force is "no".
  person.asked = { ...a.asked };
  for (const [field, asked] of Object.entries(b.asked)) person.asked[field] = asked || (a.asked[field] ?? false);
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
