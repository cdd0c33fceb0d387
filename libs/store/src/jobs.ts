import { inBackground, type Job, type Lane, type QueueName } from '#core';
import type { JobInsert, PgBoss } from 'pg-boss';
import { randomUUID } from 'node:crypto';
import type { Db } from './database.js';

/** A key also keeps out a like job that has already run: seconds of another machine's clock must not count as ours. */
const thisProcess = randomUUID();

/** Jobs due so far ahead are kept once per second and content; a paused lane would otherwise collect one with every event. */
const oncePerSecondAfterMs = 2_000;
/** Longer than anything is scheduled ahead: pg-boss compares keys within this time only. */
const keysLastSeconds = 1_000_000_000;

/** Jobs of one priority have workers of their own, see boss-queue.ts. */
export const backgroundPriority = -1;

/** What can go now: a lane, live or in the background. */
export interface Due {
  lane: Lane;
  background: boolean;
}

export function sendJobs(tenant: string, due: readonly Due[]): Job[] {
  return due.map(({ lane, background }) => ({ queue: 'send-commands', data: { tenant, lane, ...inBackground(background) } }));
}

/**
 * Writes jobs within `db`: with the rows they belong to, or on their own.
 *
 * A job due now is never left out because a like one waits: that one may be fetched before our rows are committed, find
 * nothing, and the rows would be stranded. Workers fold what they fetch together instead.
 */
export async function enqueue(boss: PgBoss, jobs: readonly Job[], db?: Db): Promise<void> {
  for (const queue of new Set(jobs.map((job) => job.queue))) {
    const ofQueue = distinct(jobs.filter((job) => job.queue === queue));
    await boss.insert(queue, ofQueue.map(toInsert), { returnId: false, ...(db ? { db } : {}) });
  }
}

export function isBackground({ data }: Job): boolean {
  return 'background' in data && data.background === true;
}

/** The queues in which a worker can find something at once. */
export function dueQueues(jobs: readonly Job[]): { queue: QueueName; background: boolean }[] {
  const due = jobs.filter(({ afterMs }) => !afterMs).map((job) => ({ queue: job.queue, background: isBackground(job) }));
  return [...new Map(due.map((one) => [JSON.stringify(one), one])).values()];
}

function distinct(jobs: readonly Job[]): Job[] {
  return [...new Map(jobs.map((job) => [`${JSON.stringify(job.data)} ${job.afterMs ?? 0}`, job])).values()];
}

function toInsert(job: Job): JobInsert {
  const { data, afterMs = 0 } = job;
  const insert: JobInsert = isBackground(job) ? { data, priority: backgroundPriority } : { data };
  if (afterMs <= 0) return insert;
  const startAfter = afterMs / 1000;
  if (afterMs < oncePerSecondAfterMs) return { ...insert, startAfter };
  const second = Math.floor((Date.now() + afterMs) / 1000);
  return { ...insert, startAfter, singletonKey: `${thisProcess} ${second} ${JSON.stringify(data)}`, singletonSeconds: keysLastSeconds };
}
