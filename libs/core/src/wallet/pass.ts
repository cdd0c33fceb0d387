import { ConnectorError } from '../errors.js';
import type { Rules } from '../rules.js';
import type { FoundPass, Wallet, WalletEvent } from './event.js';

/** The documented word of a segment; only the literal `Installed` counts as installed. */
export type WalletStatus = 'Installed' | 'NotInstalled' | 'Uninstalled';

/** One wallet's view of a pass: the newest thing that happened to it there. */
export interface InWallet {
  status: Exclude<WalletStatus, 'NotInstalled'>;
  at: number;
  firstInstalledAt?: number;
  /** When The Wallet Crew, asked, said so, where that is later than `at`. */
  confirmedAt?: number;
}

export interface Pass {
  id: string;
  /** The tenant's pass kind, for example `loyaltyCard`: a segment of the property name. */
  kind: string;
  /** When the sender last named the kind, or a type of it; a pass can be converted to another type. */
  kindAt: number;
  type?: string;
  typeAt: number;
  createdAt?: number;
  wallets: Partial<Record<Wallet, InWallet>>;
  /** When The Wallet Crew, asked, last said that a wallet does not hold it. */
  absentAt?: Partial<Record<Wallet, number>>;
  /** The newest installation that was counted, by wallet. */
  installs?: Partial<Record<Wallet, Installs>>;
}

/** When a webhook told of an installation, and when reconciliation found one that no webhook had told of. */
export interface Installs {
  heardAt?: number;
  foundAt?: number;
}

/** Nobody promises that the time in a webhook and the date in a list are the same to the second. */
const oneInstallMs = 10 * 60_000;

/** Whether a webhook told of an installation that a list dates so. */
export function wasInstallHeard(pass: Pass | undefined, wallet: Wallet, at: number): boolean {
  return at <= (pass?.installs?.[wallet]?.heardAt ?? -Infinity) + oneInstallMs;
}

/** Whether an installation was counted already: found in a list after a webhook told of it, or told of late after it was found. */
export function isInstallCounted(pass: Pass | undefined, wallet: Wallet, { at, backfill }: Pick<WalletEvent, 'at' | 'backfill'>): boolean {
  const { foundAt = -Infinity } = pass?.installs?.[wallet] ?? {};
  // A list holds the date of one installation; whoever put the pass on a second phone since was heard with that.
  return backfill ? wasInstallHeard(pass, wallet, at) || at <= foundAt : Math.abs(at - foundAt) <= oneInstallMs;
}

/** A wallet's view of the pass. Found missing later than it was last known to be there, it was removed without our hearing of it. */
export function inWallet({ wallets, absentAt }: Pass, wallet: Wallet): InWallet | undefined {
  const view = wallets[wallet];
  const missing = absentAt?.[wallet];
  if (!view || view.status === 'Uninstalled' || missing === undefined || missing <= (view.confirmedAt ?? view.at)) return view;
  return { status: 'Uninstalled', at: missing, ...(view.firstInstalledAt === undefined ? {} : { firstInstalledAt: view.firstInstalledAt }) };
}

/** A pass whose type no event has named yet; it counts in the roll-up, and under its kind as soon as that is said. */
export const kindNotSaidYet = '';

/** The Wallet Crew names a pass kind `customerCard`; its documented property name says `loyaltyCard`. */
const kindAliases: Record<string, string> = { customerCard: 'loyaltyCard' };

/** To which of the tenant's kinds a pass belongs: by its type, by the kind the sender names, or because there is only one. */
export function passKind(pass: NonNullable<WalletEvent['pass']>, kinds: Rules['passKinds']): string {
  const names = Object.keys(kinds);
  const byType = names.find((kind) => pass.type !== undefined && (kind === pass.type || kinds[kind]?.includes(pass.type)));
  if (byType) return byType;
  const named = pass.kind && (kindAliases[pass.kind] ?? pass.kind);
  const byKind = names.find((kind) => kind === named || (pass.kind && kinds[kind]?.includes(pass.kind)));
  if (byKind) return byKind;
  const [only, ...more] = names;
  if (only && more.length === 0) return only;
  if (pass.type === undefined && pass.kind === undefined) return kindNotSaidYet;
  throw new ConnectorError('PASS_KIND_UNKNOWN', `Pass type "${pass.type ?? pass.kind}".`);
}

/** The same of a pass that is listed; undefined: it belongs to none of the kinds. */
export function kindOfListed({ id, type }: FoundPass, kinds: Rules['passKinds']): string | undefined {
  try {
    return passKind({ id, ...(type === undefined ? {} : { type }) }, kinds);
  } catch (error) {
    if (error instanceof ConnectorError) return undefined;
    throw error;
  }
}
