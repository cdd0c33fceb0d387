import type { Log, Notifications, Permits, Queue, Records, Runs, Store } from '#core';
import { Migrator } from '@mikro-orm/migrations';
import { MikroORM, type Options } from '@mikro-orm/postgresql';
import { PgBoss } from 'pg-boss';
import { BossQueue } from './boss-queue.js';
import { asked, Database, rows } from './database.js';
import { entities, schema } from './entities.js';
import { openIntake } from './intake.js';
import { migrations } from './migrations/index.js';
import { PostgresNotifications } from './postgres-notifications.js';
import { PostgresPermits } from './postgres-permits.js';
import { PostgresRecords } from './postgres-records.js';
import { PostgresRuns } from './postgres-runs.js';
import { PostgresStore } from './postgres-store.js';
import { keptIdleMs, PreparingClient } from './preparing-client.js';
import { createQueues, supervision } from './queues.js';

export interface StoreOptions {
  url: string;
  log: Log;
  /** Connections for deciding and sending; the queue has `queuePoolSize` of its own, intake two. Times replicas it must stay below the server's limit. */
  poolSize?: number;
  queuePoolSize?: number;
  /** How long a statement, or the wait for a connection, may take before it counts as "the database does not answer". */
  statementTimeoutMs?: number;
  connectTimeoutMs?: number;
}

export interface OpenStore {
  store: Store;
  queue: Queue;
  permits: Permits;
  notifications: Notifications;
  runs: Runs;
  records: Records;
  close(): Promise<void>;
}

/** How long `close` waits for jobs in hand; a caller who wants to wait longer stops the queue first. */
const closeGraceMs = 5_000;

export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { url, log, queuePoolSize = 4, statementTimeoutMs = 30_000, connectTimeoutMs = 10_000 } = options;
  const orm = await MikroORM.init(ormOptions(options));
  const database = new Database(orm);
  // pg-boss hands all of its settings to its pool, though its types know only some. Otherwise its statements are planned each time.
  const queuePool = { Client: PreparingClient, idleTimeoutMillis: keptIdleMs };
  const boss = new PgBoss({
    connectionString: url,
    application_name: 'connector-queue',
    max: queuePoolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    options: `-c statement_timeout=${statementTimeoutMs}`,
    ...queuePool,
    ...supervision,
  });
  // Without a listener an error event ends the process. pg-boss tries again by itself.
  boss.on('error', (error) => log.warn('queue error', { error: error.message }));
  boss.on('warning', ({ message }) => log.warn('queue warning', { warning: message }));
  const queue = new BossQueue(boss, database, log);
  let closing: Promise<void> | undefined;
  const intake = openIntake({ connectionString: url, options: plans, connectionTimeoutMillis: connectTimeoutMs, statement_timeout: statementTimeoutMs, keepAlive: true }, log);
  const close = () => (closing ??= queue.stop(closeGraceMs).finally(() => Promise.all([intake.close(), orm.close(true)])).then(() => undefined));
  try {
    await prepare(database, boss);
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
  return {
    store: new PostgresStore(database, intake, boss, queue, close),
    queue,
    permits: new PostgresPermits(database),
    notifications: new PostgresNotifications(database),
    runs: new PostgresRuns(database),
    records: new PostgresRecords(database, boss, queue),
    close,
  };
}

/**
 * Every statement of ours looks rows up by an index. On statistics that lag behind (a fresh database, the first busy
 * minute) the planner takes our tables for tiny and reads or sorts all of them instead, a hundred times slower. None of
 * them wants another index for another value: to plan it again for each costs as much as to run it.
 */
export const plans = '-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off -c plan_cache_mode=force_generic_plan';

export function ormOptions({ url, log, poolSize = 10, statementTimeoutMs = 30_000, connectTimeoutMs = 10_000 }: StoreOptions): Options {
  return {
    clientUrl: url,
    entities,
    extensions: [Migrator],
    migrations: { migrationsList: migrations, tableName: `${schema}.migration`, snapshot: false, silent: true },
    // Otherwise a schema comparison would drop the queue's tables.
    schemaGenerator: { ignoreSchema: ['pgboss'], ignoreRoutines: true },
    pool: { min: 0, max: poolSize, idleTimeoutMillis: keptIdleMs },
    driverOptions: {
      Client: PreparingClient,
      application_name: 'connector',
      options: plans,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      // A process that hangs inside a transaction would hold its tenant's lock for ever.
      idle_in_transaction_session_timeout: 60_000,
      keepAlive: true,
    },
    logger: (message) => log.warn('database', { message }),
    debug: false,
  };
}

/** Creates or upgrades all tables. Replicas that start together do it one after the other. */
async function prepare(database: Database, boss: PgBoss): Promise<void> {
  await database.transaction(async (db) => {
    await rows(db, `select set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`);
    await rows(db, `select pg_advisory_xact_lock(0, 0)`);
    await database.orm.migrator.up();
    await asked(() => boss.start());
    await createQueues(boss);
    // Jobs come and go by the thousand; on statistics from an empty table fetching them becomes a hundred times slower.
    await database.rows(`alter table pgboss.job_common set (
      autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 500)`);
  });
}
