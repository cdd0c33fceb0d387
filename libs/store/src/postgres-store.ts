import {
  inBackground, type Answer, type Background, type DeliveryRecord, type ErrorCode, type Job, type Lane, type NewDelivery, type Outgoing, type Parked, type Person, type Queue,
  type Receipt, type Store, type UnitOfWork, type Waiting,
} from '#core';
import type { PgBoss } from 'pg-boss';
import { asked, isBadData, rows, type Database, type Db } from './database.js';
import { decideJobs, writeDeliveries } from './inbox.js';
import { dueQueues, enqueue, sendJobs, type Due } from './jobs.js';
import { findPerson, listParked, readDelivery, unpark } from './operator-view.js';
import { claimCommands, countWaiting, readCommand } from './outbox.js';
import { markCommandSeen, settleCommands, settleImportedCommands } from './settle.js';
import { deleteFinished } from './tidy.js';
import { TenantUnitOfWork } from './unit-of-work.js';
import { ascendingIds, isUuid, lowestId } from './uuid.js';
import { moveWatermark, readWatermark } from './watermark.js';

const backlogAgeMs = 1_000;
const mostBacklogCounted = 1_000_000;
const pingTimeoutMs = 2_000;

export class PostgresStore implements Store {
  private readonly nextId = ascendingIds();
  private counted: { at: number; backlog: Promise<number> } | undefined;

  constructor(
    private readonly database: Database,
    private readonly intake: Db,
    private readonly boss: PgBoss,
    private readonly queue: Pick<Queue, 'wake'>,
    private readonly shut: () => Promise<void>,
  ) {}

  /** A row that the database cannot hold fails alone: all others are on disk when this rejects. */
  async receive(deliveries: NewDelivery[]): Promise<Receipt[]> {
    if (deliveries.length === 0) return [];
    try {
      return await this.write(deliveries);
    } catch (error) {
      if (deliveries.length === 1 || !isBadData(error)) throw error;
      const single = await Promise.allSettled(deliveries.map((delivery) => this.write([delivery])));
      return single.map((result) => {
        if (result.status === 'rejected') throw result.reason;
        return result.value[0]!;
      });
    }
  }

  private async write(deliveries: NewDelivery[]): Promise<Receipt[]> {
    const jobs = decideJobs(deliveries);
    if (jobs.length === 0) return asked(() => writeDeliveries(this.intake, deliveries, this.nextId));
    let receipts: Receipt[] = [];
    // pg-boss writes its own statement and hands it over instead of running it; the rows go along in the same one.
    await asked(() =>
      enqueue(this.boss, jobs, {
        executeSql: async (text, values = []) => {
          receipts = await writeDeliveries(this.intake, deliveries, this.nextId, { text, values });
          return { rows: [] };
        },
      }),
    );
    this.wake(jobs);
    return receipts;
  }

  async backlog(): Promise<number> {
    if (!this.counted || Date.now() - this.counted.at >= backlogAgeMs) {
      const backlog = this.database
        .rows<{ n: number }>(`select count(*)::int as n from (select 1 from connector.delivery where status = 'undecided' and not background limit ${mostBacklogCounted}) counted`)
        .then(([row]) => row?.n ?? 0);
      // Whoever asks gets the last count meanwhile: webhooks must not wait once a second until a long table is counted.
      const last = this.counted?.backlog ?? backlog;
      this.counted = { at: Date.now(), backlog: last };
      backlog.then(
        () => (this.counted = { at: Date.now(), backlog }),
        () => (this.counted = undefined),
      );
    }
    return this.counted.backlog;
  }

  async alone<T>(tenant: string, work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    const jobs: Job[] = [];
    const result = await this.database.transaction(async (db) => {
      // Waits for whoever has the lock: a job that gave up instead would strand what is committed after the other looked.
      await rows(db, `select pg_advisory_xact_lock(1, hashtext($1))`, [tenant]);
      const unit = new TenantUnitOfWork(tenant, db, this.boss, this.nextId);
      const answer = await work(unit);
      jobs.push(...unit.enqueued);
      return answer;
    });
    this.wake(jobs);
    return result;
  }

  waiting(tenant: string, lane: Lane, background = false): Promise<Waiting> {
    return this.asking((db) => countWaiting(db, tenant, lane, background));
  }

  claim(tenant: string, lane: Lane, want: { items: number; bytes: number }, leaseMs: number, background = false): Promise<Outgoing[]> {
    return claimCommands(this.database, tenant, lane, want, leaseMs, background);
  }

  async settle(tenant: string, answers: Answer[], jobs: Job[]): Promise<void> {
    await this.committing(async (db) => {
      const decide = await settleCommands(db, tenant, answers);
      return { result: undefined, jobs: [...jobs, ...decide] };
    });
  }

  async settleImport(
    tenant: string,
    receipt: string,
    end: { lost: boolean; refused: { position: number; code: ErrorCode; words: string }[] },
  ): Promise<void> {
    await this.committing(async (db) => {
      return { result: undefined, jobs: sendJobs(tenant, await settleImportedCommands(db, tenant, receipt, end)) };
    });
  }

  async command(tenant: string, id: string): Promise<Outgoing | undefined> {
    return isUuid(id) ? readCommand(this.database, tenant, id) : undefined;
  }

  async markSeen(tenant: string, commandId: string, seen: boolean): Promise<void> {
    if (isUuid(commandId)) await this.asking((db) => markCommandSeen(db, tenant, commandId, seen));
  }

  async delivery(tenant: string, id: string): Promise<DeliveryRecord | undefined> {
    return isUuid(id) ? asked(() => readDelivery(this.database, tenant, id)) : undefined;
  }

  parked(tenant: string, limit: number): Promise<Parked[]> {
    return listParked(this.database, tenant, limit);
  }

  async replay(tenant: string, id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return this.committing(async (db) => {
      const jobs = await unpark(db, tenant, id);
      return { result: jobs.length > 0, jobs };
    });
  }

  personByIdentifier(tenant: string, identifier: string): Promise<Person | undefined> {
    return findPerson(this.database, tenant, identifier);
  }

  async withOldToken(tenant: string, before: number, limit: number): Promise<Person[]> {
    const found = await this.database.rows<{ state: Person }>(
      `select state from connector.person where tenant = $1 and token_at < to_timestamp($2::float8 / 1000) order by token_at limit $3`,
      [tenant, before, limit],
    );
    return found.map(({ state }) => state);
  }

  async overdue(forMs: number): Promise<Job[]> {
    const before = lowestId(Date.now() - forMs);
    const found = await this.database.rows<{ tenant: string; lane: Lane | null; background: boolean }>(
      `select distinct tenant, null as lane, background from connector.delivery where status = 'undecided' and id < $1
       union all
       select distinct tenant, lane, background from connector.outbox where state = 'pending' and due_at < clock_timestamp() - $2 * interval '1 millisecond'`,
      [before, forMs],
    );
    return found.flatMap(({ tenant, lane, background }) => (lane === null ? [{ queue: 'process-events', data: { tenant, ...inBackground(background) } }] : sendJobs(tenant, [{ lane, background }])));
  }

  async commandCounts(tenant: string): Promise<({ lane: Lane; status: string; count: number } & Background)[]> {
    const counted = await this.database.transaction(async (db) => {
      // The one statement that does read everything.
      await rows(db, `select set_config('enable_seqscan', 'on', true), set_config('statement_timeout', '10000', true)`);
      return rows<Due & { status: string; count: number }>(
        db,
        `select lane, case when state = 'pending' and leased and due_at > now() then 'sending' else state end as status, background, count(*)::int as count
         from connector.outbox where tenant = $1 group by 1, 2, 3
         union all
         select lane, outcome, false, count(*)::int from connector.command where tenant = $1 and outcome is not null group by 1, 2
         order by 1, 2, 3`,
        [tenant],
      );
    });
    return counted.map(({ background, ...count }) => ({ ...count, ...inBackground(background) }));
  }

  watermark(tenant: string, name: string): Promise<number | undefined> {
    return this.asking((db) => readWatermark(db, tenant, name));
  }

  setWatermark(tenant: string, name: string, at: number): Promise<void> {
    return this.asking((db) => moveWatermark(db, tenant, name, at));
  }

  tidy(olderThanMs: number): Promise<number> {
    return deleteFinished(this.database, olderThanMs);
  }

  async ping(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, pingTimeoutMs, false)));
    const answered = this.database.rows(`select 1`).then(
      () => true,
      () => false,
    );
    return Promise.race([answered, late]).finally(() => clearTimeout(timer));
  }

  close(): Promise<void> {
    return this.shut();
  }

  private asking<T>(work: (db: Db) => Promise<T>): Promise<T> {
    return asked(() => work(this.database.pool));
  }

  /** One transaction for rows and jobs; the workers of this process hear of it when it is on disk. */
  private async committing<T>(work: (db: Db) => Promise<{ result: T; jobs: Job[] }>): Promise<T> {
    const { result, jobs } = await this.database.transaction(async (db) => {
      const done = await work(db);
      if (done.jobs.length > 0) await enqueue(this.boss, done.jobs, db);
      return done;
    });
    this.wake(jobs);
    return result;
  }

  private wake(jobs: readonly Job[]): void {
    for (const { queue, background } of dueQueues(jobs)) this.queue.wake(queue, background);
  }
}
