import type { Job, Jobs, Log, LogFields, Queue, QueueDepth, QueueName } from '#core';
import type { PgBoss } from 'pg-boss';
import { asked, type Database } from './database.js';
import { enqueue } from './jobs.js';
import { queueNames } from './queues.js';

/** A worker looks so often by itself; a wake or a full batch makes it look at once. */
const pollSeconds = 0.5;
const batchSize = 100;
/** Wakes within this time are one: a worker that runs for every single commit would do little work per run. */
const gatherWakesMs = 15;

export class BossQueue implements Queue {
  private readonly workers = new Map<QueueName, string>();
  private readonly waking = new Map<QueueName, NodeJS.Timeout>();
  private stopped: Promise<void> | undefined;

  constructor(
    private readonly boss: PgBoss,
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  async work<N extends QueueName>(queue: N, handle: (jobs: Jobs[N][]) => Promise<void>): Promise<void> {
    if (this.workers.has(queue)) throw new Error(`There is a worker for ${queue} already.`);
    const worker = await this.boss.work<Jobs[N]>(
      queue,
      { batchSize, pollingIntervalSeconds: pollSeconds, burstWhenBatchFull: true, localConcurrency: 1 },
      async (jobs) => {
        try {
          await handle(jobs.map(({ data }) => data));
        } catch (error) {
          this.log.error('jobs failed and are run again', { queue, jobs: jobs.length, ...describe(error) });
          throw error;
        }
      },
    );
    this.workers.set(queue, worker);
  }

  async send(job: Job): Promise<void> {
    await asked(() => enqueue(this.boss, [job]));
    if (!job.afterMs) this.wake(job.queue);
  }

  wake(queue: QueueName): void {
    if (this.waking.has(queue) || !this.workers.has(queue) || this.stopped) return;
    const timer = setTimeout(() => {
      this.waking.delete(queue);
      this.boss.notifyWorker(this.workers.get(queue)!);
    }, gatherWakesMs);
    timer.unref();
    this.waking.set(queue, timer);
  }

  async every(cron: string, { queue, data }: Job): Promise<void> {
    await asked(() => this.boss.schedule(queue, cron, data, { tz: 'UTC' }));
  }

  async depths(): Promise<QueueDepth[]> {
    const counted = await this.database.rows<{ queue: QueueName; waiting: number; active: number }>(
      `select name as queue, count(*) filter (where state < 'active')::int as waiting, count(*) filter (where state = 'active')::int as active
       from pgboss.job where name = any($1::text[]) and state <= 'active' group by name`,
      [queueNames],
    );
    return queueNames.map((queue) => counted.find((row) => row.queue === queue) ?? { queue, waiting: 0, active: 0 });
  }

  stop(graceMs: number): Promise<void> {
    this.stopped ??= this.boss.stop({ graceful: graceMs > 0, timeout: graceMs });
    return this.stopped;
  }
}

/** What and where. An error's message may quote a value, which may be personal data. */
function describe(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code } = error as { code?: unknown };
  return { error: error.name, code: typeof code === 'string' ? code : undefined, at: error.stack?.match(/^\s+at (.*)$/m)?.[1] };
}
