import type { Command, Lane } from '../command.js';
import type { Note } from '../decide.js';
import type { ErrorCode } from '../errors.js';
import type { Goes } from '../person/identity.js';
import type { Person } from '../person/person.js';
import type { DriftKind } from '../reconciliation/drift.js';
import type { WalletEvent } from '../wallet/event.js';
import type { FlowAction } from '../wallet/flow-action.js';
import type { Answer, Outgoing } from './marketing.js';
import type { Background, Job } from './queue.js';

/** A webhook as it arrived, already verified and read. */
export interface NewDelivery {
  tenant: string;
  /** Two deliveries of one tenant with the same key are one. */
  key: string;
  /** So is one that came with this key less than 24 hours before. */
  formerKey?: string;
  receivedAt: number;
  event: WalletEvent | FlowAction;
  /** The request body, byte for byte as text. */
  body: string;
  /** The body could not be read as an event: it goes to the inbox parked with this code. */
  parked?: ErrorCode;
  /** The repair of a run: decided and sent in the background. */
  repair?: { runId: string; kinds: DriftKind[] };
}

export interface Receipt {
  id: string;
  /** The key was known; nothing was written. `id` is the first delivery's. */
  redelivered: boolean;
}

export interface Delivery {
  id: string;
  receivedAt: number;
  event: WalletEvent | FlowAction;
  /** Only for an event of kind `unknown`: a later version may be able to read it. */
  body?: string;
  /** Decided and sent only when nothing live waits. */
  background?: true;
}

export type DeliveryOutcome =
  /** `personId`: whom it is about, also where nothing followed from it. */
  | { id: string; status: 'processed' | 'ignored'; notes: Note[]; personId?: string }
  | { id: string; status: 'parked'; code: ErrorCode; notes: Note[] };

export interface Changes {
  persons: Person[];
  /** Persons that turned out to be one: `from` is gone, its commands now belong to `into`. */
  absorbed: { from: string; into: string }[];
  commands: { deliveryId: string; personId: string; command: Command; goes: Goes }[];
  outcomes: DeliveryOutcome[];
}

/** Everything done through it commits or rolls back together, jobs included. */
export interface UnitOfWork {
  /** The oldest deliveries not yet decided: live ones, or where none waits, up to `repairs` that go in the background. */
  undecided(limit: number, repairs?: number): Promise<Delivery[]>;
  /** All persons who own one of the identifiers (`key:value`, see `identifierKeys`). */
  persons(identifiers: string[]): Promise<Person[]>;
  save(changes: Changes): Promise<void>;
  enqueue(jobs: Job[]): Promise<void>;
}

export interface Waiting {
  /** Commands that may go now. */
  due: number;
  /** When the next one comes due, if none is now. Epoch milliseconds by the store's clock, as a wait. */
  nextInMs?: number;
  /** In the background: a run is finding more of it, and none of these has waited for long or been found in a phase that is over. */
  gathers?: boolean;
}

export interface LedgerEntry {
  at: number;
  outcome: string;
  code?: ErrorCode;
  words?: string;
}

export interface CommandRecord {
  id: string;
  lane: Lane;
  status: string;
  /** Of one that waits to be sent: not before this (epoch ms); while it is being sent, when it would be tried once more. */
  dueAt?: number;
  command: Command;
  ledger: LedgerEntry[];
}

/** All that is known about one delivery, under one id. */
export interface DeliveryRecord extends Delivery {
  tenant: string;
  status: string;
  code?: ErrorCode;
  repair?: NewDelivery['repair'];
  redeliveries: number;
  notes: Note[];
  commands: CommandRecord[];
}

export interface Parked {
  id: string;
  what: 'delivery' | 'command';
  name: string;
  code: ErrorCode;
  words?: string;
  at: number;
}

/** Whether a command is still to be sent or answered; all other statuses are final, or wait for something from outside. */
export function isOpen({ status }: { status: string }): boolean {
  return status === 'pending' || status === 'sending' || status === 'importing';
}

export abstract class Store {
  /** Writes inbox rows and the job that decides them in one transaction; when it resolves they are on disk. */
  abstract receive(deliveries: NewDelivery[]): Promise<Receipt[]>;
  /** Live deliveries not yet decided, over all tenants; may be a second old. */
  abstract backlog(): Promise<number>;

  /** One transaction, in which no other replica decides for this tenant: two events of one person cannot overwrite each other. */
  abstract alone<T>(tenant: string, work: (unit: UnitOfWork) => Promise<T>): Promise<T>;

  /** Live commands, or those that go in the background. */
  abstract waiting(tenant: string, lane: Lane, background?: boolean): Promise<Waiting>;
  /**
   * Takes due commands of the one kind or the other for `leaseMs`, oldest and least tried first; of one person at most one profile
   * update is ever on its way, whatever its kind. What a live command would have to wait for is live itself. A process that dies
   * leaves its commands to others when the lease ends.
   */
  abstract claim(tenant: string, lane: Lane, want: { items: number; bytes: number }, leaseMs: number, background?: boolean): Promise<Outgoing[]>;
  /** Writes the answers to the ledger, moves the commands on and enqueues `jobs`, in one transaction. */
  abstract settle(tenant: string, answers: Answer[], jobs: Job[]): Promise<void>;
  /** Ends an import: items named in `refused` go out once more, alone; all others are accepted. `lost` sends all of them again. What it held back goes on. */
  abstract settleImport(tenant: string, receipt: string, end: { lost: boolean; refused: { position: number; code: ErrorCode; words: string }[] }): Promise<void>;
  /** One command with who it is about, or undefined. */
  abstract command(tenant: string, id: string): Promise<Outgoing | undefined>;
  /** Klaviyo was asked whether it holds the event. */
  abstract markSeen(tenant: string, commandId: string, seen: boolean): Promise<void>;

  abstract delivery(tenant: string, id: string): Promise<DeliveryRecord | undefined>;
  abstract parked(tenant: string, limit: number): Promise<Parked[]>;
  /** Sends a parked item through again, live: somebody waits for it. False: there is no such parked item. */
  abstract replay(tenant: string, id: string): Promise<boolean>;
  abstract personByIdentifier(tenant: string, identifier: string): Promise<Person | undefined>;
  /** Commands per status and lane, for metrics and the operator; those not ended that go in the background are counted apart. */
  abstract commandCounts(tenant: string): Promise<({ lane: Lane; status: string; count: number } & Background)[]>;
  /**
   * Jobs for deliveries and commands that could have gone so long ago. There should be none: each has a job of its own. It is the
   * net under that promise, for clocks that jump and for people who mend tables by hand.
   */
  abstract overdue(forMs: number): Promise<Job[]>;
  /** Persons whose token of pass links was given out, or asked for in vain, before this (epoch ms); the oldest first. */
  abstract withOldToken(tenant: string, before: number, limit: number): Promise<Person[]>;
  /** Up to which time (epoch ms) something outside has been read; undefined: never. */
  abstract watermark(tenant: string, name: string): Promise<number | undefined>;
  /** Moves it forward; an earlier time than the one that stands changes nothing, so that a slow replica cannot take back what a fast one did. */
  abstract setWatermark(tenant: string, name: string, at: number): Promise<void>;
  /** Deletes finished deliveries and commands older than this; parked ones stay. */
  abstract tidy(olderThanMs: number): Promise<number>;
  /** True while the database answers. */
  abstract ping(): Promise<boolean>;
  abstract close(): Promise<void>;
}
