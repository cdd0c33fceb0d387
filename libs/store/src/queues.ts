import type { QueueName } from '#core';
import type { PgBoss, Queue } from 'pg-boss';

/** A worker that is silent for so long is taken for dead, and its jobs are run again. The shortest pg-boss allows. */
const silentSeconds = 10;

/** Jobs are ticks: what has to be done is in our tables, so a job is retried for ever and forgotten soon after it is done. */
const tick = {
  policy: 'standard',
  retryLimit: 1_000_000,
  retryBackoff: true,
  retryDelay: 1,
  retryDelayMax: 30,
  expireInSeconds: 300,
  heartbeatSeconds: silentSeconds,
  deleteAfterSeconds: 15,
} satisfies Omit<Queue, 'name'>;

export const queues: Record<QueueName, Omit<Queue, 'name'>> = {
  'process-events': tick,
  'send-commands': tick,
  'follow-import': tick,
  'read-back': tick,
  'poll-opt-outs': tick,
  'refresh-tokens': tick,
  sweep: tick,
  tidy: tick,
};

export const queueNames = Object.keys(queues) as QueueName[];

/** How often all replicas together look for silent workers, and for old jobs to delete. */
export const supervision = { superviseIntervalSeconds: 5, monitorIntervalSeconds: 5, maintenanceIntervalSeconds: 15 };

export async function createQueues(boss: PgBoss): Promise<void> {
  const existing = new Set((await boss.getQueues(queueNames)).map(({ name }) => name));
  for (const name of queueNames) {
    const { policy, ...options } = queues[name];
    // The options of an older version of this program are replaced; a policy cannot change.
    if (existing.has(name)) await boss.updateQueue(name, options);
    else await boss.createQueue(name, { policy, ...options });
  }
}
