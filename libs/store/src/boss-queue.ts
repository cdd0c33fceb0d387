import type { Job, Jobs, Log, LogFields, Queue, QueueDepth, QueueName } from '#core';
import type { PgBoss, WorkOptions } from 'pg-boss';
import { asked, type Database } from './database.js';
import { backgroundPriority, enqueue, isBackground } from './jobs.js';
import { queueNames } from './queues.js';

/** A worker looks so often by itself; a wake or a full batch makes it look at once. */
const pollSeconds = 0.5;
const batchSize = 100;
/** How many batches of a queue this process works on at once: one busy tenant must not keep all others waiting. */
const handsOf: Record<QueueName, number> = { 'process-events': 4, 'send-commands': 8, 'follow-import': 2, 'read-back': 1, 'poll-opt-outs': 1, 'refresh-tokens': 1, 'sweep': 1, 'tidy': 1 };
/** Repairs have hands of their own: all of them may be busy, and a live job still finds a free one. They work off fewer jobs at once. */
const backgroundHandsOf: Partial<Record<QueueName, number>> = { 'process-events': 1, 'send-commands': 3, 'follow-import': 1 };
const backgroundBatchSize = 10;
/** What a run hands over in this time is decided together: one by one it would come to as many transactions as the webhooks of a busy day. */
const backgroundPollSeconds = 2;
/** Wakes within this time are one: a worker that runs for every single commit would do little work per run. */
const gatherWakesMs = 15;

export class BossQueue implements Queue {
  private readonly workers = new Set<QueueName>();
  private readonly waking = new Map<string, NodeJS.Timeout>();
  private stopped: Promise<void> | undefined;

  constructor(
    private readonly boss: PgBoss,
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  async work<N extends QueueName>(queue: N, handle: (jobs: Jobs[N][]) => Promise<void>): Promise<void> {
    if (this.workers.has(queue)) throw new Error(`There is a worker for ${queue} already.`);
    this.workers.add(queue);
    const hands = (localConcurrency: number, own: WorkOptions) =>
      this.boss.work<Jobs[N]>(queue, { batchSize, pollingIntervalSeconds: pollSeconds, burstWhenBatchFull: true, localConcurrency, ...own }, async (jobs) => {
        try {
          await handle(jobs.map(({ data }) => data));
        } catch (error) {
          this.log.error('jobs failed and are run again', { queue, jobs: jobs.length, ...describe(error) });
          throw error;
        }
      });
    const background = backgroundHandsOf[queue];
    await hands(handsOf[queue], background ? { minPriority: backgroundPriority + 1 } : {});
    if (background) await hands(background, { maxPriority: backgroundPriority, batchSize: backgroundBatchSize, pollingIntervalSeconds: backgroundPollSeconds });
  }

  async send(job: Job): Promise<void> {
    await asked(() => enqueue(this.boss, [job]));
    if (!job.afterMs) this.wake(job.queue, isBackground(job));
  }

  wake(queue: QueueName, background = false): void {
    const whom = JSON.stringify([queue, background]);
    if (this.waking.has(whom) || !this.workers.has(queue) || this.stopped) return;
    const timer = setTimeout(() => {
      this.waking.delete(whom);
      // A free hand takes it at once; where all are busy, the first looks again when it has finished.
      const hands = this.boss.getWipData().filter(({ name, options }) => name === queue && (options.maxPriority === backgroundPriority) === background);
      const hand = hands.find(({ count }) => count === 0) ?? hands[0];
      if (hand) this.boss.notifyWorker(hand.id);
    }, gatherWakesMs);
    timer.unref();
    this.waking.set(whom, timer);
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
