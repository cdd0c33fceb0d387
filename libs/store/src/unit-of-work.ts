import { inBackground, type Changes, type Delivery, type Job, type Person, type UnitOfWork } from '#core';
import type { PgBoss } from 'pg-boss';
import { rows, type Db } from './database.js';
import { enqueue, sendJobs } from './jobs.js';
import { saveChanges } from './save-changes.js';

/** What a use case may do while it decides alone for its tenant. */
export class TenantUnitOfWork implements UnitOfWork {
  /** What was enqueued, for whoever wakes the workers after the commit. */
  readonly enqueued: Job[] = [];

  constructor(
    private readonly tenant: string,
    private readonly db: Db,
    private readonly boss: PgBoss,
    private readonly nextId: () => string,
  ) {}

  async undecided(limit: number, repairs = limit): Promise<Delivery[]> {
    const live = await this.ofKind(false, limit);
    return live.length > 0 || repairs === 0 ? live : this.ofKind(true, repairs);
  }

  private async ofKind(background: boolean, limit: number): Promise<Delivery[]> {
    const found = await rows<{ id: string; at: number; event: Delivery['event']; body: string | null }>(
      this.db,
      `select id, (extract(epoch from received_at) * 1000)::float8 as at, event, case when event->>'kind' = 'unknown' then body end as body
       from connector.delivery where tenant = $1 and status = 'undecided' and background = $3 order by id limit $2`,
      [this.tenant, limit, background],
    );
    return found.map(({ id, at, event, body }) => ({ id, receivedAt: Math.round(at), event, ...(body === null ? {} : { body }), ...inBackground(background) }));
  }

  /** Locked until the end, so that what an answer teaches about a person meanwhile is added to what is saved here, not lost. */
  async persons(identifiers: string[]): Promise<Person[]> {
    if (identifiers.length === 0) return [];
    const found = await rows<{ state: Person }>(
      this.db,
      `select state from connector.person where tenant = $1 and id in (
         select person_id from connector.person_identifier where tenant = $1 and identifier = any($2::text[]))
       order by id for update`,
      [this.tenant, identifiers],
    );
    return found.map(({ state }) => state);
  }

  async save(changes: Changes): Promise<void> {
    await this.enqueue(sendJobs(this.tenant, await saveChanges(this.db, this.tenant, changes, this.nextId)));
  }

  async enqueue(jobs: Job[]): Promise<void> {
    if (jobs.length === 0) return;
    await enqueue(this.boss, jobs, this.db);
    this.enqueued.push(...jobs);
  }
}
