import type { ProfileName } from '../command.js';
import type { Refused } from '../ports/records.js';
import type { NewDelivery } from '../ports/store.js';
import type { ListedPass } from '../ports/passes.js';
import { bareEvent, wallets, type FoundPass, type Wallet, type WalletEvent } from '../wallet/event.js';
import type { Pass } from '../wallet/pass.js';
import type { DriftKind, Sample } from './drift.js';

/** What is wrong about one pass or profile, and the deliveries that put it right. */
export interface Drift {
  kinds: DriftKind[];
  sample: Sample;
  repairs: Repair[];
  /** What each kind is about, where that is not all that the sample names. */
  aboutOf?: Partial<Record<DriftKind, string[]>>;
  /** It was to be repaired before, and refused: it is not tried again. */
  refused?: Refused;
}

/** A delivery of a run, before it is addressed. `key`: what it is about; within a run the same is repaired once. */
export interface Repair {
  key: string;
  kinds: DriftKind[];
  /** What of the drift it is about, where several repairs share one. */
  about?: string[];
  event: NewDelivery['event'];
}

/** Names of our own, so that a reader of the ledger knows where an event comes from. */
const name = 'reconciliation';

/** Somebody registered at the latest when their first pass was made. */
export function registration(newcomer: string, pass: ListedPass, at: number): Repair {
  return { key: `registered ${newcomer}`, kinds: ['registration-unheard'], event: bareEvent({ kind: 'registered', name, at, identifiers: pass.identifiers, pass: passOf(pass), backfill: true }) };
}

export function installation(pass: ListedPass, wallet: Wallet, at: number): Repair {
  return { key: `installed ${pass.id} ${wallet} ${at}`, kinds: ['install-unheard'], event: bareEvent({ kind: 'pass-installed', name, at, identifiers: pass.identifiers, pass: passOf(pass), wallet, backfill: true }) };
}

/** The address on a pass, from when the pass last changed: what webhooks said since then counts more. */
export function namedAnew(pass: ListedPass, at: number): Repair {
  return { key: `named ${pass.id}`, kinds: ['address-unheard'], event: bareEvent({ kind: 'customer-updated', name, at, identifiers: pass.identifiers, pass: passOf(pass), backfill: true }) };
}

/** What The Wallet Crew lists, as a look-up at that time would have told it. The profile is written anew with it. */
export function listed(key: string, kinds: DriftKind[], at: number, who: { identifiers?: Record<string, string>; profile?: ProfileName; deletedIds?: string[]; profileless?: true; forgotten?: true }, passes: readonly FoundPass[]): Repair {
  return { key: `listed ${key}`, kinds, event: bareEvent({ kind: 'looked-up', name, at, ...who, found: { passes: passes.map(foundOf), listed: true }, backfill: true }) };
}

/** A pass is not in these wallets any more. Nobody says since when, so it is no event: only the status changes. */
export function absence({ id, type, wallets: views }: Pass, kind: DriftKind, gone: readonly Wallet[], at: number, forgotten = false): Repair {
  const still = wallets.filter((wallet) => !gone.includes(wallet) && views[wallet]?.status === 'Installed');
  const installed = Object.fromEntries(still.map((wallet) => [wallet, views[wallet]!.at]));
  return listed(`absent ${id}`, [kind], at, forgotten ? { forgotten: true } : {}, [{ id, ...(type === undefined ? {} : { type }), installed }]);
}

/** Asks The Wallet Crew for passes and token of a person. */
export function tokenLookUp(personId: string, kinds: DriftKind[], at: number, profile: ProfileName): Repair {
  return { key: `token ${personId}`, kinds, event: { kind: 'flow-action', name, at, command: { do: 'look-up', profile, by: [], backfill: true } } };
}

/** The same event as when Klaviyo is polled for opt-outs; heard twice it changes nothing. */
export function optOut(event: WalletEvent): Repair {
  return { key: `opt-out ${event.profile?.klaviyoId} ${event.channel} ${event.at}`, kinds: ['opt-out-unheard'], ...(event.channel ? { about: [event.channel] } : {}), event };
}

export function deliveryOf({ key, kinds, event }: Repair, tenant: string, runId: string, receivedAt: number): NewDelivery {
  return { tenant, key: `run:${runId}:${key}`, receivedAt, event, body: '', repair: { runId, kinds } };
}

const passOf = ({ id, type }: ListedPass) => ({ id, ...(type === undefined ? {} : { type }) });

function foundOf({ id, type, createdAt, installed }: FoundPass): FoundPass {
  return { id, ...(type === undefined ? {} : { type }), ...(createdAt === undefined ? {} : { createdAt }), installed };
}
