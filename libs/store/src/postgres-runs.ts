import { randomUUID } from 'node:crypto';
import { firstCheckpoint, type Checkpoint, type ErrorCode, type Lane, type Refusal, type RepairFate, type Report, type Run, type RunOptions, type Runs, type RunStatus } from '#core';
import { quick, rows, type Database, type Db } from './database.js';
import { countCommands, countOpen, readFates } from './run-fates.js';
import { forgetSeen, openSeen, readSeen, writePersons, writeSeen } from './run-seen.js';
import { storableJson } from './storable.js';
import { ascendingIds, isUuid } from './uuid.js';

const columns = `id, tenant, options, status, (extract(epoch from started_at) * 1000)::float8 as "startedAt", (extract(epoch from ended_at) * 1000)::float8 as "endedAt",
  resumed, checkpoint, report, code`;

const held = `coalesce(leased_until > clock_timestamp(), false)`;
const leasedFor = (ms: string) => `clock_timestamp() + ${ms}::float8 * interval '1 millisecond'`;

/** Of a run that nobody is at there is nobody to ask, and who begins next wants a run of their own: who repairs ($2) has no use for half a dry run. */
const endAbandoned = `update connector.run set status = 'cancelled', ended_at = clock_timestamp(), lease = null, leased_until = null
  where tenant = $1 and status = 'running' and (cancel_asked or ($2 and (options->>'dryRun')::boolean)) and not ${held}`;

const readAllPasses = `not (options->>'dryRun')::boolean and options->'since' is null and options->'only' @> '["status"]'`;

type Row = { [K in keyof Run]-?: undefined extends Run[K] ? Exclude<Run[K], undefined> | null : Run[K] };

/** Runs live in the database, and so does the clock of their leases: processes may disagree about the time. */
export class PostgresRuns implements Runs {
  private readonly nextId = ascendingIds();

  constructor(private readonly database: Database) {}

  begin(tenant: string, options: RunOptions, leaseMs: number): Promise<{ run: Run; lease: string } | { busy: Run }> {
    return this.database.transaction(async (db) => {
      // The index lets only one of two through as well, but the other would get an error instead of an answer.
      await rows(db, `select pg_advisory_xact_lock(4, hashtext($1))`, [tenant]);
      await rows(db, endAbandoned, [tenant, !options.dryRun]);
      const lease = randomUUID();
      const [taken] = await rows<Row>(
        db,
        `update connector.run set lease = $2, leased_until = ${leasedFor('$3')}, resumed = resumed + 1
         where tenant = $1 and status = 'running' and (options->>'dryRun')::boolean = $4 and not ${held} returning ${columns}`,
        [tenant, lease, leaseMs, options.dryRun],
      );
      if (taken) {
        await openSeen(db, taken.id);
        return { run: toRun(taken), lease };
      }
      const [busy] = await rows<Row>(db, `select ${columns} from connector.run where tenant = $1 and status = 'running'`, [tenant]);
      if (busy) return { busy: toRun(busy) };
      return { run: toRun(await this.insert(db, tenant, options, lease, leaseMs)), lease };
    });
  }

  private async insert(db: Db, tenant: string, options: RunOptions, lease: string, leaseMs: number): Promise<Row> {
    const [begun] = await rows<Row>(
      db,
      `insert into connector.run (id, tenant, options, status, started_at, resumed, checkpoint, phase_at, lease, leased_until, cancel_asked)
       values ($1, $2, $3, 'running', clock_timestamp(), 0, $4, clock_timestamp(), $5, ${leasedFor('$6')}, false) returning ${columns}`,
      [this.nextId(), tenant, storableJson(options), storableJson(firstCheckpoint()), lease, leaseMs],
    );
    await openSeen(db, begun!.id);
    return begun!;
  }

  /** Nobody waits for the disk, least of all a webhook that waits for its own: of what a server that crashes loses, at most a second is read once more. */
  async keep(id: string, lease: string, checkpoint: Checkpoint, leaseMs: number): Promise<'go' | 'cancelled' | 'lost'> {
    const [kept] = await this.database.rows<{ cancelled: boolean }>(
      `with ${quick}
       update connector.run set checkpoint = $3, leased_until = ${leasedFor('$4')},
         phase_at = case when checkpoint->>'phase' = $3::jsonb->>'phase' then phase_at else clock_timestamp() end
       from quick where id = $1 and lease = $2 and status = 'running' returning cancel_asked as cancelled`,
      [id, lease, storableJson(checkpoint), leaseMs],
    );
    return !kept ? 'lost' : kept.cancelled ? 'cancelled' : 'go';
  }

  async release(id: string, lease: string): Promise<void> {
    await this.database.rows(`update connector.run set lease = null, leased_until = null where id = $1 and lease = $2 and status = 'running'`, [id, lease]);
  }

  async end(id: string, lease: string, status: Exclude<RunStatus, 'running'>, report: Report, code?: ErrorCode): Promise<void> {
    await this.database.rows(
      `update connector.run set status = $3, ended_at = clock_timestamp(), report = $4, code = $5, lease = null, leased_until = null
       where id = $1 and lease = $2 and status = 'running'`,
      [id, lease, status, storableJson(report), code ?? null],
    );
  }

  async cancel(tenant: string, id: string): Promise<boolean> {
    if (!isUuid(id)) return false;
    return this.database.transaction(async (db) => {
      const asked = await rows(db, `update connector.run set cancel_asked = true where tenant = $1 and id = $2 and status = 'running' returning id`, [tenant, id]);
      await rows(db, endAbandoned, [tenant, false]);
      return asked.length > 0;
    });
  }

  list(tenant: string, limit: number): Promise<Run[]> {
    return this.read(`tenant = $1 order by started_at desc, id desc limit $2`, [tenant, limit]);
  }

  async find(tenant: string, id: string): Promise<Run | undefined> {
    return isUuid(id) ? (await this.read(`tenant = $1 and id = $2`, [tenant, id]))[0] : undefined;
  }

  async last(tenant: string): Promise<Run | undefined> {
    return (await this.read(`tenant = $1 and status = 'done' and ${readAllPasses} order by started_at desc, id desc limit 1`, [tenant]))[0];
  }

  see(id: string, what: string, keys: readonly string[]): Promise<string[]> {
    return writeSeen(this.database, id, what, keys);
  }

  seen(id: string, what: string, keys: readonly string[]): Promise<string[]> {
    return readSeen(this.database, id, what, keys);
  }

  seePersons(id: string, profiles: ReadonlyMap<string, string>): Promise<Map<string, string>> {
    return writePersons(this.database, id, profiles);
  }

  forget(id: string): Promise<void> {
    return forgetSeen(this.database, id);
  }

  /** They are few: a run waits before it hands over more. */
  async undecided(id: string): Promise<number> {
    const [counted] = await this.database.rows<{ n: number }>(
      `select count(*)::int as n from connector.delivery d join connector.run r on r.tenant = d.tenant where r.id = $1 and d.status = 'undecided' and d.run_id = $1`,
      [id],
    );
    return counted!.n;
  }

  fates(id: string): Promise<{ kinds: RepairFate[]; refusals: Refusal[] }> {
    return readFates(this.database, id);
  }

  commands(id: string): Promise<Partial<Record<Lane, number>>> {
    return countCommands(this.database, id);
  }

  open(id: string): Promise<number> {
    return countOpen(this.database, id);
  }

  private async read(where: string, values: unknown[]): Promise<Run[]> {
    return (await this.database.rows<Row>(`select ${columns} from connector.run where ${where}`, values)).map(toRun);
  }
}

function toRun({ id, tenant, options, status, startedAt, endedAt, resumed, checkpoint, report, code }: Row): Run {
  return {
    id, tenant, options, status, startedAt: Math.round(startedAt), resumed, checkpoint,
    ...(endedAt === null ? {} : { endedAt: Math.round(endedAt) }),
    ...(report === null ? {} : { report }),
    ...(code === null ? {} : { code }),
  };
}
