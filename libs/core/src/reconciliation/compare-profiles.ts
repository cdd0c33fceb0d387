import type { ProfileName, UpsertProfile } from '../command.js';
import { propertyNames } from '../marketing/profile.js';
import { isCustomer } from '../person/customer.js';
import { goes, identifiersOf, keysOf, matching, namesOf, profileName } from '../person/identity.js';
import type { Person } from '../person/person.js';
import type { PersonIndex } from '../person/person-index.js';
import type { HeldProfile } from '../ports/profiles.js';
import type { Updates } from '../ports/records.js';
import type { OptIn } from '../ports/setup.js';
import type { Vault } from '../ports/system.js';
import type { Rules } from '../rules.js';
import { bareEvent } from '../wallet/event.js';
import { tokenProperty, withToken } from '../wallet/pass-link.js';
import { channelsOf, isAddressHeldOnly, isSubscribedAgain, unheardOptOuts, unheldSubscriptions } from './compare-consents.js';
import { isEmpty, isSame } from './compare-values.js';
import type { DriftKind, Part } from './drift.js';
import { isStatus, strangersProfile } from './expected-profile.js';
import { listed, optOut, tokenLookUp, type Drift } from './repair.js';

export interface ProfileReading {
  /** When the run began, and when the profiles were read. */
  begunAt: number;
  at: number;
  only: readonly Part[];
  rules: Rules;
  vault: Pick<Vault, 'open'>;
  /** What should stand on the profiles of persons, by person id. */
  expected: ReadonlyMap<string, UpsertProfile>;
  told: Updates;
  /** Profiles of nobody we know get the explicit status too. */
  strangers: boolean;
  /** Ids of persons by which Klaviyo has no profile any more. */
  gone: ReadonlySet<string>;
  /** Which lists ask whoever is put on them to confirm it; one that is not here is taken for one that does not. */
  optIns: Readonly<Record<string, OptIn>>;
}

/** What comparing a profile came to. */
export type Comparison =
  /** `person`: whose main profile it is. */
  | { is: 'agreeing' | 'drifted'; person?: Person; drift: Drift | undefined }
  /** It was just written, or is about to be: what it holds now says nothing, but for consent. */
  | { is: 'unsettled'; person: Person; drift: Drift | undefined };

export function keysOfProfiles(profiles: readonly HeldProfile[], rules: Rules): string[] {
  return [...new Set(profiles.flatMap(({ name }) => keysOfProfile(name, rules)))];
}

/** Who a profile is about; undefined: nobody we know. */
export function personOf({ name }: HeldProfile, known: PersonIndex, rules: Rules): Person | undefined {
  const named = identifiersOfName(name, rules);
  const keys = keysOf(named, {});
  return matching(known.owners(keys), keys, named['email'])[0];
}

/** What Klaviyo holds against what we know. */
export function compareProfile(held: HeldProfile, person: Person | undefined, reading: ProfileReading): Comparison {
  const drift: Drift = { kinds: [], sample: { klaviyoId: held.name.klaviyoId, ...(person ? { personId: person.id } : {}) }, repairs: [] };
  if (!person) {
    defaultsOf(held, reading, drift);
    return ended(drift, undefined);
  }
  const { klaviyoId } = person.identity;
  const replaced = klaviyoId !== undefined && reading.gone.has(klaviyoId) && couldReplace(held.name, person) ? klaviyoId : undefined;
  if (!isMain(held.name, person) && replaced === undefined) return duplicate(held, person, reading);
  const about: string[] = [];
  const isSettled = !reading.told.lately.has(person.id);
  if (replaced !== undefined && reading.only.includes('status')) {
    drift.repairs.push(listed(`profile ${person.id}`, ['profile-missing'], reading.at, { profile: held.name, identifiers: namesOf(person), deletedIds: [replaced] }, []));
  } else if (isSettled) {
    const wrong = new Set<DriftKind>();
    compareProperties(held, person, reading, wrong, about);
    if (wrong.size > 0) drift.repairs.push(listed(`profile ${person.id}`, [...wrong], reading.at, { profile: held.name, identifiers: namesOf(person) }, []));
    compareTokens(held, person, reading, drift, about);
  }
  compareConsents(held, person, reading, drift, about);
  if (about.length > 0) drift.sample.about = [...new Set(about)].slice(0, mostNamed);
  drift.kinds = [...new Set([...drift.kinds, ...drift.repairs.flatMap(({ kinds }) => kinds)])];
  if (!isSettled) return { is: 'unsettled', person, drift: drift.kinds.length > 0 ? drift : undefined };
  // A second update would be refused like the first, and be parked beside it.
  const refused = reading.told.parked.get(person.id);
  return ended(refused ? { ...drift, refused, repairs: drift.repairs.filter(({ kinds }) => kinds.includes('opt-out-unheard')) } : drift, person);
}

/** Another profile of somebody. A suggestion to merge, and no more: merging cannot be undone. Its properties are not ours to write: the person's own profile has them. */
export function duplicate(held: HeldProfile, person: Person, { only, rules }: Pick<ProfileReading, 'only' | 'rules'>): Comparison {
  const optOuts = only.includes('consent') ? channelsOf(rules).flatMap((channel) => unheardOptOuts(held, person, channel)).map(optOut) : [];
  const kinds = [...(only.includes('status') ? ['profile-duplicated' as const] : []), ...(optOuts.length > 0 ? ['opt-out-unheard' as const] : [])];
  return ended({ kinds, sample: { klaviyoId: held.name.klaviyoId, personId: person.id }, repairs: optOuts }, undefined);
}

/** Klaviyo has no profile of somebody we know. */
export function missingProfile(person: Person, at: number, { parked }: Updates): Drift {
  const { klaviyoId: taught } = person.identity;
  const deletedIds = [...new Set([...(person.identifiers['klaviyoId'] ?? []).map(({ value }) => value), ...(taught === undefined ? [] : [taught])])];
  const drift = { kinds: ['profile-missing' as const], sample: { personId: person.id } };
  const refused = parked.get(person.id);
  if (refused) return { ...drift, refused, repairs: [] };
  return { ...drift, repairs: [listed(`profile ${person.id}`, ['profile-missing'], at, { identifiers: namesOf(person), profileless: true, ...(deletedIds.length > 0 ? { deletedIds } : {}) }, [])] };
}

const mostNamed = 10;

function ended(drift: Drift, person: Person | undefined): Comparison {
  const found = drift.kinds.length > 0;
  return { is: found ? 'drifted' : 'agreeing', ...(person ? { person } : {}), drift: found ? drift : undefined };
}

function defaultsOf(held: HeldProfile, { only, rules, at, strangers }: ProfileReading, drift: Drift): void {
  if (!strangers || !only.includes('status')) return;
  const wrong = Object.entries(strangersProfile(rules).properties).filter(([name, value]) => held.properties[name] !== value);
  if (wrong.length === 0) return;
  drift.kinds = [wrong.every(([name]) => isEmpty(held.properties[name])) ? 'default-missing' : 'status-wrong'];
  drift.sample.about = wrong.map(([name]) => name).slice(0, mostNamed);
  drift.repairs.push(listed(`profile ${held.name.klaviyoId}`, drift.kinds, at, { profile: held.name }, []));
}

/** Klaviyo's own id where we know it; otherwise the profile that has the strongest identifier, which no other profile can have. */
export function isMain(name: HeldProfile['name'], { identity }: Pick<Person, 'identity'>): boolean {
  if (identity.klaviyoId !== undefined) return identity.klaviyoId === name.klaviyoId;
  for (const identifier of ['externalId', 'email', 'phone'] as const) {
    if (identity[identifier] === undefined || identity.withheld?.includes(identifier)) continue;
    // Klaviyo may have got it by the address alone, before anybody named them by an id.
    if (identifier === 'externalId' && name.externalId === undefined && identity.email !== undefined) continue;
    return name[identifier]?.toLowerCase() === identity[identifier].toLowerCase();
  }
  return true;
}

/** A profile under the strongest name of somebody whom we know by the id of another. */
export function couldReplace(name: HeldProfile['name'], person: Person): boolean {
  const { klaviyoId, ...identity } = person.identity;
  return klaviyoId !== undefined && klaviyoId !== name.klaviyoId && isMain(name, { identity });
}

function compareProperties(held: HeldProfile, person: Person, { only, expected }: ProfileReading, wrong: Set<DriftKind>, about: string[]): void {
  const should = expected.get(person.id);
  if (!only.includes('status') || !should) return;
  for (const [name, value] of Object.entries(should.properties)) {
    const is = held.properties[name];
    if (isSame(is, value)) continue;
    about.push(name);
    wrong.add(!isStatus(value) || name === propertyNames.lastChange ? 'detail-wrong' : isEmpty(is) ? 'default-missing' : 'status-wrong');
  }
}

/** A property of whole addresses holds the token too. */
function compareTokens(held: HeldProfile, person: Person, { begunAt, at, only, rules, vault, expected }: ProfileReading, drift: Drift, about: string[]): void {
  const { links } = rules;
  if (!only.includes('tokens') || links?.tokenOn !== 'profile') return;
  const token = person.token && vault.open(person.token.sealed);
  const is = held.properties[tokenProperty];
  const rewrite = (kind: DriftKind, name: string) => {
    about.push(name);
    drift.repairs.push(listed(`profile ${person.id} ${kind}`, [kind], at, { profile: held.name, identifiers: namesOf(person) }, []));
  };
  const renew = (kind: DriftKind) => {
    about.push(tokenProperty);
    drift.repairs.push(tokenLookUp(person.id, [kind], at, { klaviyoId: held.name.klaviyoId, ...profileName(person.identity) }));
  };
  if (token === undefined) {
    if (!isEmpty(is) || !wantsToken(person, rules, only)) return;
    const askedAt = person.tokenAskedAt ?? -Infinity;
    if (at - askedAt > askedInVainMs) return renew('token-missing');
    // What was asked for since then may be on its way.
    if (askedAt >= begunAt) return;
    about.push(tokenProperty);
    drift.kinds.push('token-missing');
    drift.refused = { code: 'LINK_TOKEN_MISSING' };
    return;
  }
  if (at - person.token!.at > links.refreshAfterMs && at - (person.tokenAskedAt ?? 0) > askedInVainMs) return renew('token-stale');
  if (is !== token) return rewrite(isEmpty(is) ? 'token-missing' : 'token-stale', tokenProperty);
  const stale = Object.entries(expected.get(person.id)?.links ?? {}).find(([name, address]) => held.properties[name] !== withToken(address, token));
  if (stale) rewrite('token-stale', stale[0]);
}

/** Whoever gave none this week will hardly give one today. */
const askedInVainMs = 7 * 86_400_000;

/** A tenant that wants tokens only when its flows ask gets the others too when a run is asked for nothing but tokens. */
function wantsToken(person: Person, { links }: Rules, only: readonly Part[]): boolean {
  const isAsked = links?.unasked === true || (only.length === 1 && only[0] === 'tokens');
  return isCustomer(person) && isAsked && goes(person.identity) !== 'when-reachable';
}

function compareConsents(held: HeldProfile, person: Person, { only, rules, optIns }: ProfileReading, drift: Drift, about: string[]): void {
  if (!only.includes('consent')) return;
  for (const channel of channelsOf(rules)) {
    const unheard = unheardOptOuts(held, person, channel);
    const unheld = Object.values(unheldSubscriptions(held, person, channel, rules)).flat();
    const differs = isSubscribedAgain(held, person, channel, rules) || isAddressHeldOnly(held, person, channel, rules) || unheld.length > 0;
    drift.repairs.push(...unheard.map(optOut));
    if (unheard.length > 0 || differs) about.push(channel);
    if (unheard.length > 0 || !differs) continue;
    const kind = unheld.length > 0 && unheld.every((list) => optIns[list] === 'double') ? 'consent-unconfirmed' : 'consent-differs';
    drift.kinds.push(kind);
    drift.aboutOf = { ...drift.aboutOf, [kind]: [...(drift.aboutOf?.[kind] ?? []), channel] };
  }
}

function identifiersOfName(profile: ProfileName, rules: Rules): Record<string, string> {
  return identifiersOf(bareEvent({ kind: 'looked-up', name: '', at: 0, profile }), rules).identifiers;
}

function keysOfProfile(name: ProfileName, rules: Rules): string[] {
  return keysOf(identifiersOfName(name, rules), {});
}
