import type { Channel, ProfileName, Track } from '../command.js';

/*
 * Glossary: one word per thing, in code, tables, docs, logs and metrics.
 *
 * delivery   one webhook as it arrived; it lives in the inbox
 * inbox      the table of deliveries; a row is written before the sender gets its 2xx
 * event      what a delivery says happened, in our words (this file)
 * pass       one loyalty card, gift card or offer; it can sit in several wallets
 * wallet     Apple or Google; vendor texts say "device" or "provider"
 * person     whoever the passes belong to, joined by identifiers
 * consent    an explicit choice of a person for one consent field
 * list       a Klaviyo list
 * profile    what Klaviyo calls a person; its properties are what segments read
 * metric     the name under which an event is counted in Klaviyo
 * token      what makes a pass link open without a login: a credential
 * opt-out    a choice made in Klaviyo itself, for a whole channel
 * plugin     an object of hooks that takes part in deciding
 * flow action  what a Klaviyo flow asks of a pass; it comes as a delivery and becomes a command
 * command    something Klaviyo or The Wallet Crew shall be asked to do, as data
 * outbox     the table of commands that have not ended yet
 * ledger     what became of each command, in the vendor's words
 * parked     kept, with a coded error, until somebody replays it
 * run        one reconciliation of one tenant
 * drift      a difference between what a vendor holds and the truth, as a run finds it
 * repair     what a run does about a drift: a delivery like any other
 * background what goes only when nothing live waits: the repairs of runs
 */

export const wallets = ['Apple', 'Google'] as const;
export type Wallet = (typeof wallets)[number];

export const eventKinds = [
  'registered',
  'customer-updated',
  'pass-created',
  'pass-updated',
  'pass-installed',
  'pass-uninstalled',
  // Answers of The Wallet Crew to what a flow asked for.
  'looked-up',
  'notification-sent',
  'notification-not-sent',
  // What Klaviyo tells.
  'opted-in',
  'opted-out',
  'profiles-merged',
] as const;
export type EventKind = (typeof eventKinds)[number];

export type Plain = string | number | boolean;

/** Something that happened to a person or a pass. Times are epoch milliseconds. */
export interface WalletEvent {
  /** `unknown`: an event name we have no meaning for; the delivery is kept and visible, and changes nothing. */
  kind: EventKind | 'unknown';
  /** The sender's own name for it, for example `Pass:Installed`. */
  name: string;
  at: number;
  /** As The Wallet Crew names them: `email`, `customerId`, `y2.customerId`, … */
  identifiers: Record<string, string>;
  pass?: { id: string; type?: string; kind?: string };
  wallet?: Wallet;
  /** How many devices hold the pass in this wallet after the event. Absent means the sender did not say. */
  activeRegistrations?: number;
  totalRegistrations?: number;
  source?: { tags?: string[]; medium?: string; origin?: string };
  metadata: Record<string, Plain>;
  /** Explicit yes/no answers by field name; a field that was not answered is not here. */
  answers: Record<string, boolean>;
  /** The answers may have been given long before `at`: the sender repeats what it knows with every change of the customer, or said no time. */
  undated?: boolean;
  attributes: Attributes;
  /** What else a customer filled in, by the name of the form's field. */
  account?: Record<string, Plain>;
  /** How Klaviyo names the person, where the event comes from Klaviyo or answers it. */
  profile?: ProfileName;
  /** `looked-up`: all that The Wallet Crew holds at that time. `listed`: the passes stood in a list, and nobody asked for a token. */
  found?: { passes: FoundPass[]; token?: Token; listed?: true };
  /** `looked-up`: the event that waited for the token. */
  carried?: Track;
  /** `opted-in`, `opted-out`: for which channel. */
  channel?: Channel;
  /** `opted-out`: it was asked for through Klaviyo's API, so it may be our own word coming back. */
  throughApi?: boolean;
  /** `profiles-merged`: ids of the Klaviyo profiles that went into `profile`. */
  mergedIds?: string[];
  /** `looked-up`: ids of Klaviyo profiles of the person that are not there any more. */
  deletedIds?: string[];
  /** `looked-up`: Klaviyo has no profile of the person. */
  profileless?: true;
  /** `looked-up`: the person was deleted at both vendors, and is not written anywhere any more. */
  forgotten?: true;
  /** `notification-not-sent`: why. */
  reason?: NotSentReason;
  /** Found out afterwards, by reconciliation: recorded, but it fires no flow and subscribes nobody. */
  backfill?: true;
}

/** An event that says nothing but what is named. */
export function bareEvent(said: Pick<WalletEvent, 'kind' | 'name' | 'at'> & Partial<WalletEvent>): WalletEvent {
  return { identifiers: {}, metadata: {}, answers: {}, attributes: {}, ...said };
}

/** A pass as The Wallet Crew describes it when asked. */
export interface FoundPass {
  id: string;
  type?: string;
  createdAt?: number;
  /** In which wallets it is now, and since when as far as that is known. */
  installed: Partial<Record<Wallet, number>>;
}

/** The token of pass links: a credential, held only sealed (see `Vault`). `at`: when it was given out. */
export interface Token {
  sealed: string;
  at: number;
}

export const notSentReasons = ['no-pass', 'no-device', 'over-quota', 'not-allowed', 'refused'] as const;
export type NotSentReason = (typeof notSentReasons)[number];

/** What a person told about themselves and Klaviyo has a field for. */
export interface Attributes {
  firstName?: string;
  lastName?: string;
  locale?: string;
}
