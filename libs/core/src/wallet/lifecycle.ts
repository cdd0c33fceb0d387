import type { Rules } from '../rules.js';
import type { WalletEvent } from './event.js';
import { passKind, type InWallet, type Pass } from './pass.js';

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
    next.wallets[event.wallet] = newest(seen.wallets[event.wallet], inWallet(event));
  }
  return next;
}

/** Here a pass becomes "installed". */
function inWallet(event: WalletEvent): InWallet {
  if (event.kind === 'pass-installed') return { status: 'Installed', at: event.at, firstInstalledAt: event.at };
  // Removed from one device, but others still hold it in the same wallet. An absent count means it was the last.
  const stillThere = (event.activeRegistrations ?? 0) > 0;
  return { status: stillThere ? 'Installed' : 'Uninstalled', at: event.at };
}

/** Both views of one pass, for instance when two persons turn out to be one. */
export function merged(a: Pass, b: Pass): Pass {
  const pass: Pass = { ...a, ...newestKind(a, b), ...newestType(a, b), wallets: {} };
  const createdAt = least(a.createdAt, b.createdAt);
  if (createdAt !== undefined) pass.createdAt = createdAt;
  for (const wallet of ['Apple', 'Google'] as const) {
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
  // At the same instant the removal wins: nothing can be removed before it was there.
  const nowWins = now.at > seen.at || (now.at === seen.at && now.status === 'Uninstalled');
  const view: InWallet = { ...(nowWins ? now : seen) };
  const first = least(seen.firstInstalledAt, now.firstInstalledAt);
  if (first !== undefined) view.firstInstalledAt = first;
  return view;
}

function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}
