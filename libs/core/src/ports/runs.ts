import type { Lane } from '../command.js';
import type { ErrorCode } from '../errors.js';
import type { DriftKind, Part } from '../reconciliation/drift.js';
import type { Checkpoint } from '../reconciliation/checkpoint.js';
import type { Report } from '../reconciliation/report.js';

export interface RunOptions {
  /** True: compares and writes nothing to Klaviyo, nor to what we know. */
  dryRun: boolean;
  /** Only what has changed since then (epoch ms). */
  since?: number;
  only: readonly Part[];
  /** Passes that are gone from wallets are believed, however many. */
  believeAbsences?: true;
}

export type RunStatus = 'running' | 'done' | 'failed' | 'cancelled';

/** One reconciliation of one tenant. */
export interface Run {
  id: string;
  tenant: string;
  options: RunOptions;
  status: RunStatus;
  startedAt: number;
  endedAt?: number;
  /** How often another process went on with it. */
  resumed: number;
  checkpoint: Checkpoint;
  /** When it has ended. */
  report?: Report;
  code?: ErrorCode;
}

/** How the repairs of a run fared so far. */
export interface RepairFate {
  kind: DriftKind;
  repaired: number;
  refused: number;
  /** Not answered yet. */
  open: number;
}

/** Why repairs were refused, in the vendor's words, and how often. */
export interface Refusal {
  code: ErrorCode;
  words?: string;
  count: number;
  sample: { personId?: string; deliveryId?: string };
}

/** Reconciliation runs and their memory, shared by all processes. */
export abstract class Runs {
  /**
   * Begins a run, or takes over the unfinished one of a process that has died or let go; options of an unfinished run stay its own.
   * `busy`: another process is at it, or has left it unfinished and it repairs, while a dry run was asked for: that must write nothing. The
   * other way round an unfinished dry run is ended. At most one run per tenant is ever held by a living process.
   */
  abstract begin(tenant: string, options: RunOptions, leaseMs: number): Promise<{ run: Run; lease: string } | { busy: Run }>;
  /** Saves how far it is and keeps the lease for as long again. `lost`: another process has it; `cancelled`: somebody asked for its end. */
  abstract keep(id: string, lease: string, checkpoint: Checkpoint, leaseMs: number): Promise<'go' | 'cancelled' | 'lost'>;
  /** Lets go without ending it, so that the next `begin` goes on with it at once. */
  abstract release(id: string, lease: string): Promise<void>;
  abstract end(id: string, lease: string, status: Exclude<RunStatus, 'running'>, report: Report, code?: ErrorCode): Promise<void>;
  /** Asks for its end; false: it is not running. */
  abstract cancel(tenant: string, id: string): Promise<boolean>;
  /** The newest first. */
  abstract list(tenant: string, limit: number): Promise<Run[]>;
  abstract find(tenant: string, id: string): Promise<Run | undefined>;
  /** The newest that is done, read all passes and repaired: not a dry one, not one over other parts, nor over what had changed lately. */
  abstract last(tenant: string): Promise<Run | undefined>;

  /** Notes that the run has seen these; answers which of them it had not seen before. `what`: pass, profile of a person, … */
  abstract see(id: string, what: string, keys: readonly string[]): Promise<string[]>;
  /** Which of these it has seen. */
  abstract seen(id: string, what: string, keys: readonly string[]): Promise<string[]>;
  /** Notes that the run has seen these persons, each by one of their profiles (Klaviyo's id); answers by which it has seen each of them first. */
  abstract seePersons(id: string, profiles: ReadonlyMap<string, string>): Promise<Map<string, string>>;
  /** Forgets what it has seen; runs that have ended need it no more. */
  abstract forget(id: string): Promise<void>;

  /** How the deliveries that the run put in the inbox fared, and what they asked for. */
  abstract fates(id: string): Promise<{ kinds: RepairFate[]; refusals: Refusal[] }>;
  /** How many commands its deliveries became, by lane. */
  abstract commands(id: string): Promise<Partial<Record<Lane, number>>>;
  /** Deliveries of the run that nobody has decided about yet. */
  abstract undecided(id: string): Promise<number>;
  /** Deliveries and commands of the run that are not finished; those that wait for a person or for an identifier do not count. */
  abstract open(id: string): Promise<number>;
}
