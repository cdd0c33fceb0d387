import type { LookUp, ProfileName } from '../command.js';
import type { Rules } from '../rules.js';
import type { Person } from './person.js';

/** More would cost more calls than the answer is worth. */
const mostTried = 6;

/**
 * Under which identifiers The Wallet Crew may know a customer, most exact first. It keeps no personal data unless told to, so a pass may
 * carry only a customer id: what webhooks taught us about the person comes before what Klaviyo knows.
 */
export function lookUpBy(known: readonly Person[], { externalId, email, phone }: ProfileName, { identity }: Rules): LookUp['by'] {
  const [externalKey] = identity.externalId;
  // By the role's name here, by the tenant's first key at The Wallet Crew.
  const keyOf: Record<string, string> = { email: identity.email[0] ?? 'email', phone: identity.phone[0] ?? 'phone' };
  const said = known.flatMap((person) => Object.entries(person.identifiers).flatMap(([key, values]) => values.map(({ value, at }) => ({ key, value, at }))));
  const learned = said.filter(({ key }) => key !== 'klaviyoId').toSorted((a, b) => rank(a.key) - rank(b.key) || b.at - a.at);
  const named = [{ key: externalKey, value: externalId }, { key: 'email', value: email }, { key: 'phone', value: phone }];
  const by = [...learned, ...named].flatMap(({ key, value }) => (key && value ? [{ key: keyOf[key] ?? key, value }] : []));
  return mostTelling(by.filter(({ key, value }, i) => by.findIndex((other) => other.key === key && other.value === value) === i), Object.values(keyOf));
}

/** As many as are tried, in their order: the address and the number, which most passes carry, then the newest of each other kind. Within a kind the newest comes first. */
function mostTelling(by: LookUp['by'], contacts: readonly string[]): LookUp['by'] {
  const weight = ({ key }: LookUp['by'][number], i: number) => (by.findIndex((other) => other.key === key) < i ? 2 : contacts.includes(key) ? 0 : 1);
  const weighed = by.map((one, i) => ({ one, weight: weight(one, i) })).toSorted((a, b) => a.weight - b.weight);
  const tried = new Set(weighed.slice(0, mostTried).map(({ one }) => one));
  return by.filter((one) => tried.has(one));
}

const rank = (key: string) => (key === 'email' ? 1 : key === 'phone' ? 2 : 0);
