import type { Lane } from '../command.js';

/** What is no repair of a run carries no `background`, so that two jobs about the same look the same. */
export type Background = { background?: true };

export function inBackground(background: boolean): Background {
  return background ? { background } : {};
}

/** Every queue and what its jobs carry. Each has exactly one worker, asserted at start. */
export interface Jobs {
  /** Deliveries of a tenant wait to be decided. */
  'process-events': { tenant: string } & Background;
  /** Commands of a tenant wait in a lane. */
  'send-commands': { tenant: string; lane: Lane } & Background;
  /** An asynchronous import wants to be looked at. */
  'follow-import': { tenant: string; receipt: string } & Background;
  /** A sample of accepted events is read back from Klaviyo. */
  'read-back': { tenant: string; commandId: string; tries: number };
  /** Klaviyo is asked who opted out there; without a tenant: of every tenant for which it is to be asked. */
  'poll-opt-outs': { tenant?: string };
  /** Tokens of pass links are asked for anew before they expire. */
  'refresh-tokens': Record<string, never>;
  /** Looks for work that waits although nobody is on the way to it. */
  'sweep': Record<string, never>;
  /** Old, finished rows are deleted. */
  'tidy': Record<string, never>;
}
export type QueueName = keyof Jobs;
export type Job = { [N in QueueName]: { queue: N; data: Jobs[N]; afterMs?: number } }[QueueName];

export interface QueueDepth {
  queue: QueueName;
  waiting: number;
  active: number;
}

/** Competing workers over durable jobs. A job whose worker throws or dies is run again; workers must therefore be repeatable. No job waits for one that goes in the background. */
export abstract class Queue {
  /** Starts a worker. `handle` gets all jobs fetched together. */
  abstract work<N extends QueueName>(queue: N, handle: (jobs: Jobs[N][]) => Promise<void>): Promise<void>;
  /** Adds a job on its own; where rows belong to it, use the store, which does both in one transaction. */
  abstract send(job: Job): Promise<void>;
  /** Tells the workers of this process that a job has come, so that they need not wait for their next poll. */
  abstract wake(queue: QueueName, background?: boolean): void;
  /** Adds the job on a schedule; one replica runs it. */
  abstract every(cron: string, job: Job): Promise<void>;
  abstract depths(): Promise<QueueDepth[]>;
  /** Stops fetching and waits until what is in hand is finished, at most `graceMs`; what is left is given back. */
  abstract stop(graceMs: number): Promise<void>;
}
