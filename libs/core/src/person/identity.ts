import type { Channel, Identity, ProfileName } from '../command.js';
import type { Note } from '../decide.js';
import { fingerprint } from '../fingerprint.js';
import type { Rules } from '../rules.js';
import { wallets, type Wallet, type WalletEvent } from '../wallet/event.js';
import { inWallet, type Pass } from '../wallet/pass.js';
import { optedOutSince } from './list-routing.js';
import { newer, type Person, type Said } from './person.js';

/** Klaviyo takes external ids of up to 255 characters; nobody is found again by something much longer. */
const longestIdentifier = 512;

/** Klaviyo refuses addresses of 100 characters and more with the whole batch. */
const longestEmail = 99;

/** What Klaviyo knows somebody by goes under one name, however the sender calls it. */
const roles = ['email', 'phone', 'klaviyoId'] as const;

/** The identifiers of an event under one spelling: e-mail, phone and Klaviyo's id by their role, everything else as the sender names it. */
export function identifiersOf(event: WalletEvent, rules: Rules): { identifiers: Record<string, string>; notes: Note[] } {
  const identifiers: Record<string, string> = {};
  const notes: Note[] = [];
  const usable = { email: usableEmail, phone: rules.toE164, klaviyoId: usableId };
  for (const role of roles) {
    // In the tenant's order of keys: which of two addresses counts must not depend on how the sender sorts them.
    for (const raw of [event.profile?.[role], ...rules.identity[role].map((key) => event.identifiers[key])]) {
      const value = raw === undefined ? undefined : usable[role](raw);
      if (value !== undefined) identifiers[role] ??= value;
      else if (raw !== undefined && !notes.includes(unusable[role])) notes.push(unusable[role]);
    }
  }
  const [externalKey] = rules.identity.externalId;
  const named = externalKey !== undefined && event.profile?.externalId ? { [externalKey]: event.profile.externalId, ...event.identifiers } : event.identifiers;
  for (const [key, raw] of Object.entries(named)) {
    // What merely happens to be called `email`, while the tenant keeps the address elsewhere, must not pass for one.
    const isContact = roles.some((role) => role === key || rules.identity[role].includes(key));
    if (isContact || !raw.trim()) continue;
    if (key.length + raw.length <= longestIdentifier) identifiers[key] = raw.trim();
    else notes.push({ by: 'identity', says: 'An identifier is too long to be one.', code: 'IDENTIFIER_UNUSABLE' });
  }
  return { identifiers, notes };
}

const unusable: Record<(typeof roles)[number], Note> = {
  email: { by: 'identity', says: 'The e-mail address cannot be used.', code: 'EMAIL_UNUSABLE' },
  phone: { by: 'identity', says: 'The phone number cannot be used.', code: 'PHONE_UNUSABLE' },
  klaviyoId: { by: 'identity', says: 'An identifier is too long to be one.', code: 'IDENTIFIER_UNUSABLE' },
};

function usableId(raw: string): string | undefined {
  const id = raw.trim();
  return id.length > 0 && id.length <= 255 ? id : undefined;
}

export function usableEmail(raw: string): string | undefined {
  const email = raw.trim().toLowerCase();
  return email.length <= longestEmail && /^[^\s@,;<>"]+@[^\s@,;<>"]+\.[^\s@.,;<>"]+$/u.test(email) && !email.includes('..') ? email : undefined;
}

/** The keys under which a person is found again: `email:ana@…`, `customerId:C-42`, `pass:Klnq…`. */
export function identifierKeys(person: Person): string[] {
  const keys = Object.entries(person.identifiers).flatMap(([key, values]) => values.map(({ value }) => `${key}:${value}`));
  // Klaviyo's answers teach an id that nobody ever said.
  const taught = person.identity.klaviyoId === undefined ? [] : [`klaviyoId:${person.identity.klaviyoId}`];
  return [...new Set([...keys, ...taught]), ...Object.keys(person.passes).map((id) => `pass:${id}`)];
}

/** The keys by which the person of an event is looked up. */
export function lookupKeys(event: WalletEvent, rules: Rules): string[] {
  return keysOf(identifiersOf(event, rules).identifiers, event);
}

export function keysOf(identifiers: Record<string, string>, { pass, found, mergedIds = [], deletedIds = [] }: Pick<WalletEvent, 'pass' | 'found' | 'mergedIds' | 'deletedIds'>): string[] {
  const keys = Object.entries(identifiers).map(([key, value]) => `${key}:${value}`);
  const passes = [...(pass ? [pass] : []), ...(found?.passes ?? [])];
  return [...keys, ...passes.map(({ id }) => `pass:${id}`), ...[...mergedIds, ...deletedIds].map((id) => `klaviyoId:${id}`)];
}

/** By these ids Klaviyo knows nobody any more. Whoever has an address left gets a profile of a new id by it; an import that named the old one would end nobody knows where. */
export function withoutIds(person: Person, deleted: readonly string[]): Pick<Person, 'identifiers' | 'identity'> {
  const { klaviyoId: said = [], ...identifiers } = person.identifiers;
  const left = said.filter(({ value }) => !deleted.includes(value));
  const { klaviyoId, ...identity } = person.identity;
  return {
    identifiers: { ...identifiers, ...(left.length > 0 ? { klaviyoId: left } : {}) },
    identity: { ...identity, ...(klaviyoId === undefined || deleted.includes(klaviyoId) ? {} : { klaviyoId }) },
  };
}

/**
 * Which of the found persons the event is about. A shared e-mail or customer id always joins, because Klaviyo has one profile per e-mail and
 * two persons writing to it would overwrite each other. A shared pass, or the id of a profile, joins unless it has come to be somebody else's, and a shared
 * phone only while it does not contradict the e-mail: families share phones. `areOne`: Klaviyo says that the profiles of all these ids have become one.
 */
export function matching(found: readonly Person[], keys: readonly string[], email: string | undefined, areOne = false): Person[] {
  const isHeld = (key: string) => isPassKey(key) || (!areOne && key.startsWith('klaviyoId:'));
  const names = keys.filter((key) => !key.startsWith('phone:') && !isHeld(key));
  const own = new Map(found.map((person) => [person, identifierKeys(person)]));
  const named = found.filter((person) => own.get(person)!.some((key) => names.includes(key)));
  const holders = found.filter((person) => !named.includes(person) && own.get(person)!.some((key) => isHeld(key) && keys.includes(key)));
  const owners = [...named, ...(names.length === 0 ? newestHolder(holders, keys) : holders.filter((holder) => !isGivenAway(holder, names, named)))];
  const emails = new Set(owners.flatMap(emailsOf).concat(email ?? []));
  const byPhone = found.filter((person) => !owners.includes(person) && own.get(person)!.some((key) => keys.includes(key)));
  const agreeing = byPhone.filter((person) => emails.size === 0 || emailsOf(person).length === 0);
  // Several persons may share the phone of an event that says nothing else; then it is taken for the first one's.
  const joined = emails.size === 0 && owners.length === 0 ? agreeing.toSorted(byId).slice(0, 1) : agreeing;
  return [...owners, ...joined].toSorted(byId);
}

export const isPassKey = (key: string) => key.startsWith('pass:');

/** Whoever holds a pass or a profile by which somebody else is named: of another customer id, or of another e-mail where that is somebody's we know. Otherwise their e-mail has changed. */
function isGivenAway(holder: Person, names: readonly string[], named: readonly Person[]): boolean {
  const isOther = ([key, values]: [string, Said<string>[]]) => key !== 'email' && key !== 'phone' && key !== 'klaviyoId' && values.length > 0 && names.some((name) => name.startsWith(`${key}:`));
  const isOtherCustomer = Object.entries(holder.identifiers).some(isOther);
  return isOtherCustomer || (named.length > 0 && emailsOf(holder).length > 0 && named.some((person) => emailsOf(person).length > 0));
}

/** A pass that was given away stays known of both. */
function newestHolder(holders: readonly Person[], keys: readonly string[]): Person[] {
  const heldAt = ({ passes }: Person) => Math.max(0, ...Object.values(passes).flatMap((pass) => (keys.includes(`pass:${pass.id}`) ? wallets.map((wallet) => installedAt(pass, wallet)) : [])));
  return holders.length < 2 ? [...holders] : holders.toSorted((a, b) => heldAt(b) - heldAt(a) || byId(a, b)).slice(0, 1);
}

function installedAt(pass: Pass, wallet: Wallet): number {
  const view = inWallet(pass, wallet);
  return view?.status === 'Installed' ? Math.max(view.confirmedAt ?? 0, view.at) : 0;
}

const byId = (a: Person, b: Person) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
const emailsOf = (person: Person) => (person.identifiers['email'] ?? []).map(({ value }) => value);

/** An id that comes out the same wherever and whenever the person is first met. */
export function personId(tenant: string, keys: readonly string[]): string {
  return fingerprint(`${tenant} ${keys.toSorted()[0]}`);
}

/** Who Klaviyo is told this is: the value said last for each of its identifiers. */
export function identityOf(person: Person, rules: Rules): Identity {
  const latest = (keys: string[]) =>
    keys.flatMap((key) => person.identifiers[key] ?? []).reduce<Said<string> | undefined>((best, said) => newer(best, said), undefined)?.value;
  const was = person.identity;
  const identity: Identity = {};
  const klaviyoId = latest(['klaviyoId']) ?? was.klaviyoId;
  const externalId = latest(rules.identity.externalId);
  const email = latest(['email']);
  const phone = latest(['phone']);
  if (klaviyoId) identity.klaviyoId = klaviyoId;
  if (externalId) identity.externalId = externalId;
  if (email) identity.email = email;
  if (phone) identity.phone = phone;
  for (const channel of ['email', 'sms'] as const satisfies readonly Channel[]) {
    const out = optedOutSince(person, channel, rules);
    if (out !== undefined) identity.optedOut = { ...identity.optedOut, [channel]: out };
  }
  // Withheld was the old value; a new one deserves to be tried.
  const withheld = was.withheld?.filter((name) => was[name] === identity[name]);
  if (withheld?.length) identity.withheld = withheld;
  return identity;
}

/**
 * For somebody whom Klaviyo has no profile of. Where a family shares a phone, the profile may have become another's: an import finds it by the phone, and what it says goes to
 * whoever was written last. So the phone stays with the profile that has it, and is a property of this one, as it is when Klaviyo refuses it.
 */
export function withoutSharedPhone(identity: Identity, others: readonly Person[]): Identity {
  const { phone, email, withheld = [] } = identity;
  const isShared = phone !== undefined && email !== undefined && others.some((other) => other.identity.phone === phone && !other.identity.withheld?.includes('phone'));
  return isShared && !withheld.includes('phone') ? { ...identity, withheld: [...withheld, 'phone'] } : identity;
}

/** Everything that finds somebody again, when an event is decided: the newest value of each key. */
export function namesOf({ identifiers }: Person): Record<string, string> {
  return Object.fromEntries(Object.entries(identifiers).flatMap(([key, values]) => (key === 'klaviyoId' || values.length === 0 ? [] : [[key, values.reduce((a, b) => (b.at > a.at ? b : a)).value]])));
}

/** How Klaviyo names somebody, and nothing else. */
export function profileName({ klaviyoId, externalId, email, phone }: Identity): ProfileName {
  return { ...(klaviyoId ? { klaviyoId } : {}), ...(externalId ? { externalId } : {}), ...(email ? { email } : {}), ...(phone ? { phone } : {}) };
}

/** When commands about somebody can go: `when-reachable`: not before Klaviyo can be told who it is; `after-profile`: not before an open profile update. */
export type Goes = 'at-once' | 'after-profile' | 'when-reachable';

export function goes({ klaviyoId, externalId, email, phone }: Identity): Goes {
  // An event names the external id and a subscription the address. Only the profile update names both: before it, Klaviyo would make two profiles of them.
  if (externalId && (email || phone)) return 'after-profile';
  return klaviyoId || externalId || email || phone ? 'at-once' : 'when-reachable';
}
