import { identifiersOf, keysOf, matching, namesOf, personId } from '../person/identity.js';
import { anyTime, own, type Person } from '../person/person.js';
import type { PersonIndex } from '../person/person-index.js';
import type { ListedPass } from '../ports/passes.js';
import type { Rules } from '../rules.js';
import { bareEvent, wallets, type Wallet } from '../wallet/event.js';
import { inWallet, isInstallCounted, kindNotSaidYet, kindOfListed, wasInstallHeard, type Pass } from '../wallet/pass.js';
import type { DriftKind } from './drift.js';
import { absence, installation, listed, namedAnew, registration, type Drift } from './repair.js';

export interface PassReading {
  /** When the passes were read. */
  at: number;
  /** What changed after this is left to its webhook, which may still be on its way. */
  settledBefore: number;
}

/** What comparing a pass came to. */
export interface PassComparison {
  pass: ListedPass;
  drift?: Drift;
  /** Wallets we take it to be in and in which it is not. Not believed one by one: see `isPlausible`. */
  absentFrom: Wallet[];
  /** Wallets it is in, and of which we do not know that, or have not heard of its newest installation. */
  unheardIn: Wallet[];
  /** Wallets it is in, and whether a webhook told of it. */
  heard: Partial<Record<Wallet, boolean>>;
  /** It changed too recently to be judged. */
  fresh: boolean;
}

/** The keys under which the owners of passes may be known. */
export function keysOfPasses(passes: readonly ListedPass[], rules: Rules): string[] {
  return [...new Set(passes.flatMap((pass) => keysOfPass(pass, rules)))];
}

/** Whom we know of those whose pass it is; several: they share it, or are one. */
export function ownersOf(pass: ListedPass, known: PersonIndex, rules: Rules): Person[] {
  return ownersNamed(identifiersOfPass(pass, rules), pass, known);
}

function ownersNamed(named: Record<string, string>, pass: ListedPass, known: PersonIndex): Person[] {
  const keys = keysOf(named, { pass });
  return matching(known.owners(keys), keys, named['email']);
}

/** What is wrong about a pass: what The Wallet Crew lists against what we know. */
export function comparePass(listedPass: ListedPass, known: PersonIndex, rules: Rules, { at, settledBefore }: PassReading): PassComparison {
  const pass = withoutFuture(listedPass, at);
  const changedAt = Math.min(pass.changedAt ?? settledBefore, settledBefore);
  const comparison: PassComparison = { pass, absentFrom: [], unheardIn: [], heard: {}, fresh: newestChange(pass) > settledBefore };
  if (comparison.fresh) return comparison;
  const kind = kindOfListed(pass, rules.passKinds);
  // Deciding about it would only park it.
  if (kind === undefined) return { ...comparison, drift: { kinds: ['pass-kind-unknown'], sample: { passId: pass.id, about: pass.type === undefined ? [] : [pass.type] }, repairs: [] } };

  // Once for all: reading phone numbers is what takes longest.
  const named = identifiersOfPass(pass, rules);
  const owners = ownersNamed(named, pass, known);
  const [person] = owners;
  const seen = person && own(person.passes, pass.id);
  const drift: Drift = { kinds: [], sample: { passId: pass.id, ...(person ? { personId: person.id } : {}) }, repairs: [] };
  const statements = new Set<DriftKind>();
  let isNewestWord = false;
  // Named as `decide` would name a newcomer, so that somebody with two passes registers once.
  if (person?.registeredAt === undefined) drift.repairs.push(registration(personId(rules.tenant, keysOf(named, { pass })), pass, pass.createdAt ?? firstInstalled(pass) ?? at));
  if (person && hasNewAddress(person, named)) drift.repairs.push(namedAnew(pass, changedAt));
  // Whoever it was given away by must not keep its status.
  for (const former of formerHolders(pass, owners, known)) drift.repairs.push(listed(`given away ${pass.id} ${former.id}`, ['status-wrong'], at, { identifiers: namesOf(former) }, [{ id: pass.id, installed: {} }]));
  for (const wallet of wallets) {
    const since = pass.installed[wallet];
    const view = seen && inWallet(seen, wallet);
    if (since === undefined) {
      if (view?.status === 'Installed' && view.at <= settledBefore) comparison.absentFrom.push(wallet);
      continue;
    }
    comparison.heard[wallet] = wasInstallHeard(seen, wallet, since);
    const isCounted = isInstallCounted(seen, wallet, { at: since, backfill: true });
    if (!isCounted || view?.status !== 'Installed') comparison.unheardIn.push(wallet);
    if (!isCounted) drift.repairs.push(installation(pass, wallet, since));
    // Removed since then, or not there when The Wallet Crew was asked: only its newest word outdoes that.
    const goneAt = Math.max(seen?.absentAt?.[wallet] ?? 0, view?.status === 'Uninstalled' ? view.at : 0);
    if (!isCounted && goneAt >= since) isNewestWord = true;
    if (isCounted && view?.status !== 'Installed') statements.add('install-unheard');
  }
  // Two persons who share a pass, or a pass that became one of another kind: what the list says is news as a whole.
  if (owners.length > 1 || (seen && seen.kind !== kind && seen.kind !== kindNotSaidYet)) statements.add('status-wrong');
  // It would say of the wallets it is not in that it is not, too.
  if ((statements.size > 0 || isNewestWord) && comparison.absentFrom.length === 0) drift.repairs.push(listed(pass.id, [...statements], at, { identifiers: pass.identifiers }, [pass]));
  drift.kinds = [...new Set(drift.repairs.flatMap(({ kinds }) => kinds))];
  return drift.kinds.length > 0 ? { ...comparison, drift } : comparison;
}

/** An address that The Wallet Crew has on the pass, and of which nobody told us when it became theirs: what a list or a look-up said once is of no time. */
function hasNewAddress(person: Person, named: Record<string, string>): boolean {
  return (['email', 'phone'] as const).some((name) => named[name] !== undefined && !(person.identifiers[name] ?? []).some(({ value, at }) => value === named[name] && at !== anyTime));
}

/** Persons we take to have the pass in a wallet, while it belongs to somebody else. */
function formerHolders({ id }: ListedPass, owners: readonly Person[], known: PersonIndex): Person[] {
  return known.owners([`pass:${id}`]).filter((person) => !owners.includes(person) && wallets.some((wallet) => inWallet(person.passes[id]!, wallet)?.status === 'Installed'));
}

/** Where we take a pass of a person to be, and it is not. */
export interface Absence {
  pass: Pass;
  /** Nothing: it is not listed at all. */
  wallets?: Wallet[];
}

/** The passes that are in a wallet, as far as we know, since before this. */
export function settledPasses({ passes }: Person, settledBefore: number): Pass[] {
  return Object.values(passes).filter((pass) => wallets.some((wallet) => isInstalledSince(pass, wallet, settledBefore)));
}

/** `forgotten`: they were deleted at both vendors, and nothing is written of them any more. */
export function absencesOf(person: Person, absences: readonly Absence[], at: number, forgotten = false): Drift[] {
  return absences.map(({ pass, wallets: gone }) => {
    const kind = gone ? 'uninstall-unheard' : 'pass-gone';
    return { kinds: [kind], sample: { personId: person.id, passId: pass.id }, repairs: [absence(pass, kind, gone ?? [...wallets], at, forgotten)] };
  });
}

/**
 * Whether so many passes can be gone from wallets since the last run. How The Wallet Crew writes "installed" is not documented: should
 * that change, or the list come back short, everybody would seem to have removed their pass.
 */
export function isPlausible(absent: number, installed: number): boolean {
  return absent <= 20 || absent <= installed / 5;
}

function isInstalledSince(pass: Pass, wallet: Wallet, before: number): boolean {
  const view = inWallet(pass, wallet);
  return view?.status === 'Installed' && view.at <= before;
}

/** Clocks may differ by minutes. */
const farAheadMs = 86_400_000;

/** No pass was installed tomorrow: such a date says that it is installed, and not since when. Left as it is, the pass would be too fresh to be judged for ever. */
function withoutFuture(pass: ListedPass, at: number): ListedPass {
  const isAhead = (date: number | undefined) => date !== undefined && date > at + farAheadMs;
  if (isAhead(pass.createdAt) || ![pass.changedAt, ...dates(pass)].some(isAhead)) return pass;
  const { changedAt, ...rest } = pass;
  const installed = Object.fromEntries(Object.entries(pass.installed).map(([wallet, since]) => [wallet, isAhead(since) ? (pass.createdAt ?? 0) : since]));
  return { ...rest, ...(changedAt === undefined || isAhead(changedAt) ? {} : { changedAt }), installed };
}

const dates = ({ installed }: ListedPass) => wallets.flatMap((wallet) => installed[wallet] ?? []);
const firstInstalled = (pass: ListedPass) => (dates(pass).length > 0 ? Math.min(...dates(pass)) : undefined);
const newestChange = (pass: ListedPass) => Math.max(pass.changedAt ?? 0, pass.createdAt ?? 0, ...dates(pass));

function identifiersOfPass({ identifiers }: ListedPass, rules: Rules): Record<string, string> {
  return identifiersOf(bareEvent({ kind: 'looked-up', name: '', at: 0, identifiers }), rules).identifiers;
}

function keysOfPass(pass: ListedPass, rules: Rules): string[] {
  return keysOf(identifiersOfPass(pass, rules), { pass });
}
