import type { Command, LookUp, Track, UpsertProfile } from './command.js';
import { ConnectorError, type ErrorCode } from './errors.js';
import { fingerprint } from './fingerprint.js';
import { metricOf } from './marketing/metric.js';
import { profileOf } from './marketing/profile.js';
import { latestOptOut, withStatement } from './person/consent.js';
import { goes, identifiersOf, identityOf, keysOf, matching, personId, withoutIds, withoutSharedPhone, type Goes } from './person/identity.js';
import { askLists, listsOf } from './person/list-routing.js';
import { lookUpBy } from './person/look-up.js';
import { anyTime, mergedPerson, newer, newestToken, newPerson, own, withFacts, withOwn, withValue, type Person, type Said } from './person/person.js';
import type { ListRoute } from './plugin/hooks.js';
import type { MetricKind, Rules } from './rules.js';
import type { Attributes, WalletEvent } from './wallet/event.js';
import { afterEvent, afterLookUp } from './wallet/lifecycle.js';
import { isInstallCounted } from './wallet/pass.js';

/** Why something was done or left; never holds personal data. */
export interface Note {
  by: string;
  says: string;
  code?: ErrorCode;
}

/** What an event means, before plugins have had their say and before it is compared with what Klaviyo was asked for already. */
export interface Draft {
  /** What we now know about the person. */
  person: Person;
  /** Ids of persons who turned out to be the same; they are gone. */
  absorbed: string[];
  track?: Track | undefined;
  /** True: the event is sent when The Wallet Crew has given it a token of its own. */
  trackNeedsToken?: boolean;
  profile?: UpsertProfile;
  /** True: the profile is written even if it has not changed since it was last written. */
  profileIsAskedFor?: boolean;
  lists?: ListRoute[];
  /** True: this is an occasion to ask for the token of pass links. */
  wantsToken?: boolean;
  /** True: whatever follows fires no flow and subscribes nobody. */
  isBackfill?: boolean;
  goes: Goes;
  notes: Note[];
}

/** What the vendors were asked for about a person so far. */
export type Told = Pick<Person, 'asked' | 'profile' | 'tokenAskedAt'>;

export interface Decision {
  person: Person;
  absorbed: string[];
  commands: Command[];
  goes: Goes;
  notes: Note[];
}

/**
 * The product: what an event means for what we know, and what Klaviyo shall be asked to do about it. Pure: the same event,
 * knowledge, rules and time always give the same decision, and events in any order, any number of times, end in the same person.
 * Plugins come in between: what they change is the draft.
 *
 * `found` are all persons who own one of `lookupKeys(event, rules)`; `now` is epoch milliseconds.
 * Throws ConnectorError when the event cannot be decided; the delivery is then parked.
 */
export function decide(event: WalletEvent, found: readonly Person[], rules: Rules, now: number): Decision {
  const drafted = draft(event, found, rules, now);
  return conclude(drafted, toldOf(drafted.person), rules, now);
}

/** `identifiers`: what a plugin made of those of the event. */
export function draft(event: WalletEvent, found: readonly Person[], rules: Rules, now: number, identifiers?: Record<string, string>): Draft {
  const { identifiers: said, notes } = identifiersOf(event, rules);
  const named = identifiers ?? said;
  const keys = keysOf(named, event);
  if (keys.length === 0) throw new ConnectorError('EVENT_WITHOUT_PERSON');

  const owners = matching(found, keys, named['email'], event.kind === 'profiles-merged');
  const [first = newPerson(personId(rules.tenant, keys)), ...others] = owners;
  const before = others.reduce(mergedPerson, first);
  const person = learn(before, event, named, rules, notes);
  if (event.profileless) person.identity = withoutSharedPhone(person.identity, found.filter((other) => !owners.includes(other)));
  const draft: Draft = { person, absorbed: others.map(({ id }) => id), goes: goes(person.identity), notes };
  if (event.backfill) draft.isBackfill = true;

  if (event.carried) draft.track = withToken(event.carried, event);
  const pass = event.pass && own(person.passes, event.pass.id);
  if (isCounted(event) && isNews(event, before, notes)) {
    draft.track = metricOf({ ...event, identifiers: named }, pass, subjectOf(named, person.id), rules, now);
    // What fires no flow is in no message, so it needs no token.
    draft.trackNeedsToken = rules.links?.tokenOn === 'event' && !event.backfill;
  }
  if (changesProfile(event)) {
    draft.profile = profileOf(person, rules);
    draft.profileIsAskedFor = event.kind === 'looked-up' && event.carried === undefined;
    // Whatever reconciliation finds subscribes nobody: consent is acted upon when it is given.
    if (!event.backfill) draft.lists = listsOf(person, rules);
    draft.wantsToken = event.kind !== 'looked-up';
  }
  if (draft.goes === 'when-reachable') notes.push({ by: 'identity', says: 'No identifier is known to Klaviyo yet; the commands wait.', code: 'PERSON_NOT_REACHABLE' });
  if (others.length > 0) notes.push({ by: 'identity', says: `Joined ${others.length + 1} persons that turned out to be one.` });
  return draft;
}

/** The commands of a draft. `was`: what was asked for about this person before it. */
export function conclude(draft: Draft, was: Told, rules: Rules, now: number): Decision {
  const { absorbed, goes, notes, track, profile } = draft;
  const { profile: _told, tokenAskedAt: _asked, ...rest } = draft.person;
  const person: Person = { ...rest, ...was };
  const commands: Command[] = [];
  if (track) commands.push(draft.trackNeedsToken ? lookUpFor(track, person, rules) : track);

  if (profile) {
    // What Klaviyo's answers taught us is not news to Klaviyo.
    const { email, phone, externalId } = person.identity;
    const fresh = fingerprint(JSON.stringify([profile, email, phone, externalId]));
    // An absorbed person's own update may still wait and would be sent last; only a newer one replaces it.
    if (fresh !== was.profile || absorbed.length > 0 || draft.profileIsAskedFor) {
      commands.push(profile);
      person.profile = fresh;
    }
  }
  if (draft.lists) {
    const lists = askLists(person, draft.lists, was.asked, rules, now);
    person.asked = lists.asked;
    commands.push(...lists.commands);
  }
  if (draft.wantsToken && needsToken(person, rules, now)) {
    commands.push({ do: 'look-up', profile: {}, by: lookUpBy([person], {}, rules), ...(draft.isBackfill ? { backfill: true as const } : {}) });
    person.tokenAskedAt = now;
  }
  return { person, absorbed, commands, goes, notes };
}

export function toldOf({ asked, profile, tokenAskedAt }: Told): Told {
  return { asked, ...(profile === undefined ? {} : { profile }), ...(tokenAskedAt === undefined ? {} : { tokenAskedAt }) };
}

/** Asking again so soon would hardly find what was not there. */
const askAgainAfterMs = 86_400_000;

/** Tokens do not live for ever, and nobody says how long: one that is missing or old is asked for when its person is heard of. */
function needsToken({ token, tokenAskedAt }: Person, { links }: Rules, now: number): boolean {
  if (links?.tokenOn !== 'profile' || !links.unasked || now - (tokenAskedAt ?? 0) < askAgainAfterMs) return false;
  return !token || now - token.at > links.refreshAfterMs;
}

/** What Klaviyo tells about somebody we do not know, and what we need not remember: nothing follows from it. */
export function concernsNobody({ kind }: WalletEvent, found: readonly Person[]): boolean {
  return found.length === 0 && (kind === 'opted-in' || kind === 'profiles-merged');
}

/** What we know after hearing the event. */
function learn(before: Person, event: WalletEvent, identifiers: Record<string, string>, rules: Rules, notes: Note[]): Person {
  const person: Person = { ...before, identifiers: { ...before.identifiers }, passes: { ...before.passes }, consents: { ...before.consents }, optOuts: { ...before.optOuts }, attributes: { ...before.attributes } };
  for (const [key, { value, at }] of Object.entries(learnable(event, identifiers, before))) person.identifiers[key] = withValue(own(before.identifiers, key), { value, at });
  for (const name of Object.keys(event.attributes) as (keyof Attributes)[]) {
    const value = event.attributes[name];
    if (value !== undefined) person.attributes[name] = newer(before.attributes[name], { value, at: event.at });
  }
  person.metadata = withFacts(before.metadata, event.metadata, event.at);
  if (event.account) person.account = withFacts(before.account, event.account, event.at);
  for (const field of Object.keys(rules.consents)) {
    const given = event.answers[field];
    if (given !== undefined) person.consents[field] = withStatement(before.consents[field], { at: event.at, given, ...(event.undated || event.kind !== 'registered' ? { undated: true } : {}) });
  }
  if (event.kind === 'registered') person.registeredAt = Math.min(event.at, before.registeredAt ?? event.at);
  if (event.pass && !isNotification(event)) person.passes = withOwn(person.passes, event.pass.id, afterEvent(own(before.passes, event.pass.id), { ...event, pass: event.pass }, rules.passKinds));
  if (event.deletedIds) Object.assign(person, withoutIds(person, event.deletedIds));
  if (event.found) learnFound(person, event.found, event.at, rules, notes);
  if (event.channel && (event.kind === 'opted-in' || event.kind === 'opted-out')) {
    const said = event.kind === 'opted-in' ? { endedAt: event.at } : event.throughApi ? { throughApiAt: event.at } : { at: event.at };
    person.optOuts[event.channel] = latestOptOut(before.optOuts[event.channel], said);
  }
  person.identity = identityOf(person, rules);
  return person;
}

function learnFound(person: Person, { passes, token, listed }: NonNullable<WalletEvent['found']>, at: number, rules: Rules, notes: Note[]): void {
  for (const pass of passes) {
    try {
      person.passes = withOwn(person.passes, pass.id, afterLookUp(own(person.passes, pass.id), pass, at, rules.passKinds));
    } catch (unknown) {
      // One pass of a kind that nobody configured must not keep the others, and the token, from the profile.
      if (!(unknown instanceof ConnectorError)) throw unknown;
      notes.push({ by: 'look-up', says: unknown.message, code: unknown.code });
    }
  }
  if (rules.links?.tokenOn !== 'profile' || listed) return;
  person.tokenAskedAt = Math.max(at, person.tokenAskedAt ?? 0);
  const newest = newestToken(person.token, token);
  if (newest) person.token = newest;
  else notes.push({ by: 'look-up', says: 'There is no token for pass links.', code: 'LINK_TOKEN_MISSING' });
}

/**
 * The identifiers that an event teaches. Klaviyo's profile may hold addresses that were never given to us: of what it tells only its own
 * id and the address an opt-out is about are kept, the latter as the weakest of all. What a flow called a pass by is no news about a person.
 */
function learnable(event: WalletEvent, identifiers: Record<string, string>, before: Person): Record<string, Said<string>> {
  const said = Object.entries(identifiers).map(([key, value]) => [key, { value, at: event.at }] as const);
  if (isNotification(event)) return Object.fromEntries(Object.keys(before.identifiers).length > 0 ? [] : said.map(([key, { value }]) => [key, { value, at: anyTime }]));
  // Said long ago for all we know, and what was asked by is our own word: as news it would outdate an address whose webhook is still under way.
  if (event.found) return Object.fromEntries(said.map(([key, { value }]) => [key, { value, at: anyTime }]));
  if (!isFromKlaviyo(event.kind)) return Object.fromEntries(said);
  const address = event.channel === 'sms' ? 'phone' : 'email';
  return Object.fromEntries(said.flatMap(([key, one]) => (key === 'klaviyoId' ? [[key, one]] : key === address ? [[key, { ...one, at: anyTime }]] : [])));
}

const isFromKlaviyo = (kind: WalletEvent['kind']) => kind === 'opted-in' || kind === 'opted-out' || kind === 'profiles-merged';
const isNotification = ({ kind }: Pick<WalletEvent, 'kind'>) => kind === 'notification-sent' || kind === 'notification-not-sent';
const changesProfile = (event: WalletEvent) => !event.forgotten && !isFromKlaviyo(event.kind) && !isNotification(event);

/** Somebody registers once, and an installation counts once, whoever tells of it first. */
function isNews(event: WalletEvent, before: Person, notes: Note[]): boolean {
  if (event.kind === 'registered') return before.registeredAt === undefined;
  if (event.kind !== 'pass-installed' || !event.pass || !event.wallet || !isInstallCounted(own(before.passes, event.pass.id), event.wallet, event)) return true;
  notes.push({ by: 'reconciliation', says: 'This installation is counted already.' });
  return false;
}

function isCounted(event: WalletEvent): event is WalletEvent & { kind: MetricKind } {
  return event.kind !== 'unknown' && event.kind !== 'customer-updated' && event.kind !== 'looked-up' && !isFromKlaviyo(event.kind);
}

function withToken(track: Track, { found }: WalletEvent): Track {
  return found?.token ? { ...track, token: found.token.sealed } : track;
}

function lookUpFor(track: Track, person: Person, rules: Rules): LookUp {
  return { do: 'look-up', profile: {}, by: lookUpBy([person], {}, rules), carries: track };
}

/** The name of whoever registers, the same in every delivery about them: their customer id before their e-mail before their phone. */
function subjectOf(identifiers: Record<string, string>, otherwise: string): string {
  const { email, phone, ...ids } = identifiers;
  const [id] = Object.entries(ids).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return id ? id.join(':') : (email ?? phone ?? otherwise);
}
