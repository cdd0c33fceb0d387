import type { Channel, Command, Identity, MarketingLane } from '../command.js';
import type { ErrorCode } from '../errors.js';
import type { WalletEvent } from '../wallet/event.js';

/** A command on its way out. */
export interface Outgoing<C extends Command = Command> {
  id: string;
  /** How often it was tried before. */
  attempts: number;
  /** For lists: how long ago the opposite was accepted for the same person and list, if it was. Klaviyo applies it up to minutes later. */
  sinceOppositeMs?: number;
  /** For lists: when the person made the newest such opposite choice. Klaviyo dates a change by when it applied it, so its times alone do not tell which choice is newer. */
  oppositeAt?: number;
  /** A bulk import refused it: a single call says why, and can leave out what it objects to. */
  alone?: boolean;
  identity: Identity;
  command: C;
}

/**
 * What became of one command.
 * - `accepted`: the vendor took it; that is not yet delivery (Klaviyo answers 202 before it processes).
 * - `importing`: part of an asynchronous import; `receipt` names the import, `position` the item in it.
 * - `refused`: Klaviyo will never take it as it is; it is parked with `code`.
 * - `skipped`: rightly not sent, for example because Klaviyo holds a newer opt-out.
 * - `later`: nothing is wrong with the command; try again after `waitMs`.
 * `told` is an event that the answer amounts to: the delivery that caused the command is decided once more, with it.
 */
export type Answer = { id: string; words?: string; told?: WalletEvent } & (
  | { outcome: 'accepted'; klaviyoId?: string; withheld?: 'externalId' | 'email' | 'phone'; duplicateOf?: string }
  | { outcome: 'importing'; receipt: string; position: number }
  | { outcome: 'refused'; code: ErrorCode }
  | { outcome: 'skipped'; code: ErrorCode }
  | { outcome: 'later'; code: ErrorCode; waitMs: number }
);

/** Leave to send up to `items` commands now; the vendor's limits are already charged for it. */
export interface Slot {
  items: number;
  /** Most bytes of request the items may make together; a command longer than that alone is refused. */
  bytes: number;
  /** Answers every command it is given, and never throws for what the vendor does. */
  send(commands: Outgoing[]): Promise<Answer[]>;
  /** Gives the leave back unused. */
  release(): Promise<void>;
}

export type ImportProgress =
  | { done: false; waitMs: number }
  /** `lost`: the vendor cancelled or forgot the import; all its items go out again. */
  | { done: true; lost: boolean; refused: { position: number; code: ErrorCode; words: string }[] };

/** One page of opt-outs. */
export interface OptOuts {
  /** Events of kind `opted-out`; one opt-out always comes as the same event, however often it is asked for. */
  events: WalletEvent[];
  /** Where the next page begins; absent: this was the last. */
  next?: string;
  /** Everything up to this time (epoch ms) has been told by this page and those before it. Absent: the page does not say. */
  toldUntil?: number;
}

/** The marketing platform, per tenant. */
export abstract class Marketing {
  /**
   * Asks for leave to send, for a lane in which `waiting` commands wait. The adapter decides between single calls and
   * bulk, and keeps to the vendor's limits across all replicas. `waitMs` says when it is worth asking again. In the
   * background some of the limit is left to what is live, however much waits.
   */
  abstract slot(tenant: string, lane: MarketingLane, waiting: number, background?: boolean): Promise<Slot | { waitMs: number }>;
  abstract importProgress(tenant: string, receipt: string, background?: boolean): Promise<ImportProgress>;
  /** Reads back whether an accepted event has arrived. `undefined`: could not be asked now. */
  abstract seen(tenant: string, identity: Identity, track: { metric: string; uniqueId: string }): Promise<boolean | undefined>;
  /**
   * Who has opted out of a whole channel since this time (epoch ms), oldest first, page by page. `waitMs`: it cannot be asked now.
   * An older one may come along. Lists do not count, and neither does a mailbox that merely cannot be reached.
   */
  abstract optOuts(tenant: string, channel: Channel, since: number, next?: string): Promise<OptOuts | { waitMs: number }>;
  /** How many events and how many profiles can go in a minute in the background, at the most. */
  abstract pace(tenant: string): { events: number; profiles: number };
  /** One cheap call that proves key and reachability; for `GET /health/dependencies`. What our own limit keeps from being asked is as it was, or taken for well. */
  abstract ping(tenant: string): Promise<{ ok: boolean; words: string }>;
}
