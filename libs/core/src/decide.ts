import type { Command } from './command.js';
import { ConnectorError, type ErrorCode } from './errors.js';
import { fingerprint } from './fingerprint.js';
import { metricOf } from './marketing/metric.js';
import { profileOf } from './marketing/profile.js';
import { withStatement } from './person/consent.js';
import { goes, identifiersOf, identityOf, keysOf, matching, personId, type Goes } from './person/identity.js';
import { routeLists } from './person/list-routing.js';
import { mergedPerson, newer, newPerson, own, withValue, type Person } from './person/person.js';
import type { MetricKind, Rules } from './rules.js';
import type { Attributes, WalletEvent } from './wallet/event.js';
import { afterEvent } from './wallet/lifecycle.js';

/** Why something was done or left; never holds personal data. */
export interface Note {
  by: string;
  says: string;
  code?: ErrorCode;
}

export interface Decision {
  /** What we now know about the person. */
  person: Person;
  /** Ids of persons who turned out to be the same; they are gone. */
  absorbed: string[];
  commands: Command[];
  goes: Goes;
  notes: Note[];
}

/**
 * The product: what an event means for what we know, and what Klaviyo shall be asked to do about it. Pure: the same event,
 * knowledge, rules and time always give the same decision, and events in any order, any number of times, end in the same person.
 *
 * `found` are all persons who own one of `lookupKeys(event, rules)`; `now` is epoch milliseconds.
 * Throws ConnectorError when the event cannot be decided; the delivery is then parked.
 */
export function decide(event: WalletEvent, found: readonly Person[], rules: Rules, now: number): Decision {
  const { identifiers, notes } = identifiersOf(event, rules);
  const keys = keysOf(identifiers, event.pass);
  if (keys.length === 0) throw new ConnectorError('EVENT_WITHOUT_PERSON');

  const [first = newPerson(personId(rules.tenant, keys)), ...others] = matching(found, keys, identifiers['email']);
  const before = others.reduce(mergedPerson, first);
  const person = learn(before, event, identifiers, rules);
  const commands: Command[] = [];

  const pass = event.pass && own(person.passes, event.pass.id);
  const isNews = event.kind !== 'registered' || before.registeredAt === undefined;
  if (isCounted(event) && isNews) {
    const track = metricOf({ ...event, identifiers }, pass, subjectOf(identifiers, person.id), rules, now);
    if (track) commands.push(track);
  }

  const profile = profileOf(person, rules);
  // What Klaviyo's answers taught us is not news to Klaviyo.
  const { email, phone, externalId } = person.identity;
  const fresh = fingerprint(JSON.stringify([profile, email, phone, externalId]));
  // An absorbed person's own update may still wait and would be sent last; only a newer one replaces it.
  if (fresh !== before.profile || others.length > 0) {
    commands.push(profile);
    person.profile = fresh;
  }

  const lists = routeLists(person, rules, now);
  person.asked = lists.asked;
  commands.push(...lists.commands);

  const when = goes(person.identity);
  if (when === 'when-reachable') notes.push({ by: 'identity', says: 'No identifier is known to Klaviyo yet; the commands wait.', code: 'PERSON_NOT_REACHABLE' });
  if (others.length) notes.push({ by: 'identity', says: `Joined ${others.length + 1} persons that turned out to be one.` });
  return { person, absorbed: others.map(({ id }) => id), commands, goes: when, notes };
}

/** What we know after hearing the event. */
function learn(before: Person, event: WalletEvent, identifiers: Record<string, string>, rules: Rules): Person {
  const person: Person = { ...before, identifiers: { ...before.identifiers }, passes: { ...before.passes }, consents: { ...before.consents }, attributes: { ...before.attributes } };
  for (const [key, value] of Object.entries(identifiers)) person.identifiers[key] = withValue(own(before.identifiers, key), { value, at: event.at });
  for (const name of Object.keys(event.attributes) as (keyof Attributes)[]) {
    const value = event.attributes[name];
    if (value !== undefined) person.attributes[name] = newer(before.attributes[name], { value, at: event.at });
  }
  for (const field of Object.keys(rules.consents)) {
    const given = event.answers[field];
    if (given !== undefined) person.consents[field] = withStatement(before.consents[field], { at: event.at, given });
  }
  if (event.kind === 'registered') person.registeredAt = Math.min(event.at, before.registeredAt ?? event.at);
  if (event.pass) person.passes[event.pass.id] = afterEvent(own(before.passes, event.pass.id), { ...event, pass: event.pass }, rules.passKinds);
  person.identity = identityOf(person, rules);
  return person;
}

function isCounted(event: WalletEvent): event is WalletEvent & { kind: MetricKind } {
  return event.kind !== 'unknown' && event.kind !== 'customer-updated';
}

/** The name of whoever registers, the same in every delivery about them: their customer id before their e-mail before their phone. */
function subjectOf(identifiers: Record<string, string>, otherwise: string): string {
  const { email, phone, ...ids } = identifiers;
  const [id] = Object.entries(ids).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return id ? id.join(':') : (email ?? phone ?? otherwise);
}
