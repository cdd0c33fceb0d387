import type { Rules } from '../rules.js';
import { wallets, type FoundPass, type WalletEvent } from './event.js';
import { passKind, type Installs, type InWallet, type Pass } from './pass.js';

/**
 * A pass after an event. Applying events in any order, any number of times, ends in the same pass: every field is a
 * minimum, a maximum, or the value said last by the event's own time (The Wallet Crew delivers at least once and unordered).
 */
export function afterEvent(pass: Pass | undefined, event: WalletEvent & { pass: { id: string } }, kinds: Rules['passKinds']): Pass {
  const { id, type, kind } = event.pass;
  const seen: Pass = pass ?? { id, kind: passKind({ id }, kinds), kindAt: -1, typeAt: -1, wallets: {} };
  const next: Pass = { ...seen, wallets: { ...seen.wallets } };

  // Asked also for a type that is already outdated: whether an unknown one is reported must not depend on the order either.
  if (type !== undefined || kind !== undefined) Object.assign(next, newestKind(seen, { kind: passKind(event.pass, kinds), kindAt: event.at }));
  if (type !== undefined) Object.assign(next, newestType(seen, { type, typeAt: event.at }));
  if (event.kind === 'pass-created') next.createdAt = Math.min(event.at, seen.createdAt ?? event.at);
  if (event.wallet && (event.kind === 'pass-installed' || event.kind === 'pass-uninstalled')) {
    next.wallets[event.wallet] = newest(seen.wallets[event.wallet], viewAfter(event));
    if (event.kind === 'pass-installed') next.installs = { ...seen.installs, [event.wallet]: latestInstalls(seen.installs?.[event.wallet], event.backfill ? { foundAt: event.at } : { heardAt: event.at }) };
  }
  return next;
}

/** Here a pass becomes "installed". */
function viewAfter(event: WalletEvent): InWallet {
  if (event.kind === 'pass-installed') return { status: 'Installed', at: event.at, firstInstalledAt: event.at };
  // Removed from one device, but others still hold it in the same wallet. An absent count means it was the last.
  const stillThere = (event.activeRegistrations ?? 0) > 0;
  return { status: stillThere ? 'Installed' : 'Uninstalled', at: event.at };
}

/** A pass after The Wallet Crew was asked about it at `at`. What it says holds against everything that was heard before, and gives way to what happens later. */
export function afterLookUp(pass: Pass | undefined, found: FoundPass, at: number, kinds: Rules['passKinds']): Pass {
  const { id, type, createdAt, installed } = found;
  const kind = passKind({ id, ...(type === undefined ? {} : { type }) }, kinds);
  const seen: Pass = pass ?? { id, kind, kindAt: -1, typeAt: -1, wallets: {} };
  const next: Pass = { ...seen, wallets: { ...seen.wallets }, absentAt: { ...seen.absentAt } };
  if (type !== undefined) Object.assign(next, newestKind(seen, { kind, kindAt: at }), newestType(seen, { type, typeAt: at }));
  if (createdAt !== undefined) next.createdAt = Math.min(createdAt, seen.createdAt ?? createdAt);
  for (const wallet of wallets) {
    const since = installed[wallet];
    if (since === undefined) next.absentAt![wallet] = Math.max(at, seen.absentAt?.[wallet] ?? 0);
    else next.wallets[wallet] = newest(seen.wallets[wallet], { status: 'Installed', at: Math.min(since, at), firstInstalledAt: Math.min(since, at), confirmedAt: at });
  }
  return next;
}

/** Both views of one pass, for instance when two persons turn out to be one. */
export function merged(a: Pass, b: Pass): Pass {
  const pass: Pass = { ...a, ...newestKind(a, b), ...newestType(a, b), wallets: {} };
  const createdAt = least(a.createdAt, b.createdAt);
  if (createdAt !== undefined) pass.createdAt = createdAt;
  for (const wallet of wallets) {
    const missing = Math.max(a.absentAt?.[wallet] ?? 0, b.absentAt?.[wallet] ?? 0);
    if (missing > 0) pass.absentAt = { ...pass.absentAt, [wallet]: missing };
    const [mine, theirs] = [a.installs?.[wallet], b.installs?.[wallet]];
    if (mine ?? theirs) pass.installs = { ...pass.installs, [wallet]: latestInstalls(mine, theirs ?? {}) };
    const [one, other] = [a.wallets[wallet], b.wallets[wallet]];
    const view = one && other ? newest(one, other) : (one ?? other);
    if (view) pass.wallets[wallet] = view;
  }
  return pass;
}

type OfKind = Pick<Pass, 'kind' | 'kindAt'>;
type OfType = Pick<Pass, 'type' | 'typeAt'>;

/** Said last wins; at the same instant the greater text, so that the order of arrival never matters. */
function newestKind(a: OfKind, b: OfKind): OfKind {
  return b.kindAt > a.kindAt || (b.kindAt === a.kindAt && b.kind > a.kind) ? { kind: b.kind, kindAt: b.kindAt } : { kind: a.kind, kindAt: a.kindAt };
}

function newestType(a: OfType, b: OfType): OfType {
  const { type, typeAt } = b.typeAt > a.typeAt || (b.typeAt === a.typeAt && (b.type ?? '') > (a.type ?? '')) ? b : a;
  return type === undefined ? { typeAt } : { type, typeAt };
}

function newest(seen: InWallet | undefined, now: InWallet): InWallet {
  if (!seen) return now;
  const [before, after] = [seen.confirmedAt ?? seen.at, now.confirmedAt ?? now.at];
  // At the same instant the removal wins: nothing can be removed before it was there.
  const nowWins = after > before || (after === before && (now.status === seen.status ? now.at > seen.at || (now.at === seen.at && now.confirmedAt !== undefined) : now.status === 'Uninstalled'));
  const view: InWallet = { ...(nowWins ? now : seen) };
  const first = least(seen.firstInstalledAt, now.firstInstalledAt);
  if (first !== undefined) view.firstInstalledAt = first;
  return view;
}

function latestInstalls(a: Installs | undefined, b: Installs): Installs {
  const latest: Installs = {};
  for (const name of ['heardAt', 'foundAt'] as const) {
    const at = Math.max(a?.[name] ?? 0, b[name] ?? 0);
    if (at > 0) latest[name] = at;
  }
  return latest;
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}
