import type { PropertyValue } from '../command.js';
import type { Note } from '../decide.js';
import type { Person } from '../person/person.js';
import type { HeldConsent } from '../ports/profiles.js';
import type { Wallet } from '../wallet/event.js';
import type { WalletStatus } from '../wallet/pass.js';
import type { NearMiss, NotAsked } from './evidence.js';
import type { Suspicion } from './check.js';

/** The answer to "why is this person (not) in my segment". Plain JSON; every time is ISO 8601, and a token is never in it. */
export interface Explanation {
  tenant: string;
  asked: string;
  at: string;
  /** The first link of the chain that is broken, and what mends it. */
  firstBroken?: Suspicion;
  /** All that hold, in the order of suspicion. */
  suspicions: Suspicion[];
  who?: KnownPerson;
  nearMisses: NearMiss[];
  truth?: Truth;
  walletCrew: { asked: true; passes: ListedLine[] } | ({ asked: false } & NotAsked);
  klaviyo: { asked: true; profiles: ProfileLine[] } | ({ asked: false } & NotAsked);
  /** Property by property, what the profile should say and what it says. */
  differences: { property: string; should: PropertyValue; is?: unknown }[];
  events: EventLine[];
  pending: PendingLine[];
  consent: ConsentLine[];
}

export interface KnownPerson {
  personId: string;
  /** Who Klaviyo is told this is. */
  identity: Omit<Person['identity'], 'optedOut'>;
  /** By key, the value said last first. */
  identifiers: Record<string, string[]>;
  registeredAt?: string;
}

export interface InWalletLine {
  status: WalletStatus;
  since?: string;
}

export interface Truth {
  /** By pass kind and wallet. */
  status: Record<string, Record<Wallet, InWalletLine>>;
  passes: { id: string; kind: string; type?: string; createdAt?: string; wallets: Record<Wallet, InWalletLine> }[];
  /** What should stand on the profile, with what plugins made of it; absent: a plugin fails. */
  profile?: { attributes: Record<string, string>; properties: Record<string, PropertyValue> };
  /** Which plugin changed what of it, or would have. */
  plugins: Note[];
}

export interface ListedLine {
  id: string;
  type?: string;
  createdAt?: string;
  installed: Partial<Record<Wallet, string>>;
}

/** `newest`: absent where we hold none to compare with. `givenAt`: when the newest was given out. */
export interface TokenLine {
  there: boolean;
  newest?: boolean;
  givenAt?: string;
}

export interface ProfileLine {
  klaviyoId: string;
  email?: string;
  phone?: string;
  externalId?: string;
  /** True: this person's. Others only share a phone with them. */
  own: boolean;
  createdAt: string;
  updatedAt: string;
  /** Those that we write. */
  properties: Record<string, unknown>;
  token: TokenLine;
  consents: Record<string, Omit<HeldConsent, 'at'> & { at?: string }>;
  events: { metric: string; at: string }[] | NotAsked;
}

export interface SentLine {
  id: string;
  lane: string;
  /** Name of the event, or list. */
  what?: string;
  status: string;
  backfill?: true;
  ledger: { at: string; outcome: string; code?: string; words?: string }[];
}

export interface EventLine {
  deliveryId: string;
  receivedAt: string;
  at: string;
  kind: string;
  name: string;
  status: string;
  code?: string;
  redeliveries: number;
  notes: Note[];
  commands: SentLine[];
}

export interface PendingLine {
  id: string;
  /** A lane, or `decide`. */
  lane: string;
  status: string;
  since: string;
  /** Not tried before. */
  due?: string;
  why?: string;
}

export interface ConsentLine {
  field: string;
  channel: string;
  lists: string[];
  addressKnown: boolean;
  statements: { at: string; given: boolean; undated?: true }[];
  choice?: { given: boolean; since: string; undated?: true };
  /** What was said in Klaviyo itself; `since`: from when on an older yes does not count. */
  optOut?: { at?: string; throughApiAt?: string; endedAt?: string; since?: string };
  /** What was asked of Klaviyo last, by list. */
  asked: { list: string; what: 'subscribe' | 'unsubscribe'; choiceAt?: string }[];
  sent: SentLine[];
  klaviyo?: { says: HeldConsent['says']; at?: string };
}
