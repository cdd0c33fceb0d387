import { ConnectorError } from '#core';
import type { MikroORM, PostgreSqlConnection } from '@mikro-orm/postgresql';
import { fromKysely, type Db, type KyselyTransactionLike } from 'pg-boss';

/** What runs SQL with `$1` parameters: the pool, or one transaction. pg-boss takes the same, so rows and jobs commit together. */
export type { Db };

/** The database as this library uses it: bulk statements go to the driver as they are written, everything else through the ORM. */
export class Database {
  constructor(readonly orm: MikroORM) {}

  /** Every statement on its own. Must not be used inside `transaction`: it would wait for a second connection. */
  get pool(): Db {
    return fromKysely(this.connection.getClient() as KyselyTransactionLike);
  }

  async transaction<T>(work: (db: Db) => Promise<T>): Promise<T> {
    return asked(() => this.connection.transactional((transaction) => work(fromKysely(asKysely(transaction)))));
  }

  async rows<T>(text: string, values: unknown[] = []): Promise<T[]> {
    return asked(() => rows<T>(this.pool, text, values));
  }

  private get connection(): PostgreSqlConnection {
    return this.orm.em.getConnection() as PostgreSqlConnection;
  }
}

export async function rows<T>(db: Db, text: string, values: unknown[] = []): Promise<T[]> {
  return (await db.executeSql(text, values)).rows as T[];
}

/** MikroORM types its transaction context as `any`; that it is a Kysely transaction is what "one transaction" rests on. */
export function asKysely(transaction: unknown): KyselyTransactionLike {
  if (typeof (transaction as KyselyTransactionLike | undefined)?.executeQuery !== 'function') {
    throw new Error('The transaction context of MikroORM is no longer a Kysely transaction.');
  }
  return transaction as KyselyTransactionLike;
}

/** Runs something that asks the database; that it does not answer becomes a coded error. */
export async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isUnavailable(error) ? new ConnectorError('DATABASE_UNAVAILABLE', undefined, { cause: error }) : error;
  }
}

const unavailableCodes =
  /^(08|57P|53|57014|55P03|25P03|25006|3D000|ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN)/;
const unavailableWords = /timeout exceeded when trying to connect|connection terminated|client has encountered a connection error|timeout expired|driver has already been destroyed|cannot use a pool after calling end/i;

export function isUnavailable(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return (typeof code === 'string' && unavailableCodes.test(code)) || (typeof message === 'string' && unavailableWords.test(message));
}

/** The SQLSTATE of what the database answered, also of an error that was given a code of ours. */
export function codeOf(error: unknown): string | undefined {
  const { code } = ((error instanceof ConnectorError ? error.cause : error) ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** SQLSTATE class 22 (a value the database cannot hold) or 54 (too long for an index). */
export function isBadData(error: unknown): boolean {
  return /^(22|54)/.test(codeOf(error) ?? '');
}

/**
 * In front of a statement that reads from `quick`, on its own: nobody waits for the disk, least of all a webhook that waits for its own. For what a run writes.
 * Its checkpoint is written after what it counts on: where a server that crashes has not lost the one, it has not lost the other.
 */
export const quick = `quick as materialized (select set_config('synchronous_commit', 'off', true))`;
