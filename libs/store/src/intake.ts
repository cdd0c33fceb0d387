import pg from 'pg';
import type { Log } from '#core';
import type { Db } from './database.js';

export interface Intake extends Db {
  close(): Promise<void>;
}

/** One batch is written at a time; the second connection is for the moment in which the first has broken. */
const poolSize = 2;

/**
 * The connections on which webhooks are written. They are their own, so that intake never stands in line behind deciding and
 * sending. And their statements are prepared: PostgreSQL plans an unprepared one again each time, which takes twice as long
 * as running it (measured: 1.2 ms instead of 0.4 ms), and no way through the ORM leads to a prepared one.
 */
export function openIntake(config: pg.PoolConfig, log: Log): Intake {
  const pool = new pg.Pool({ ...config, application_name: 'connector-intake', max: poolSize });
  // Without a listener a connection that breaks while idle ends the process. The pool replaces it.
  pool.on('error', (error) => log.warn('intake connection lost', { error: error.name }));
  const names = new Map<string, string>();
  return {
    async executeSql(text, values = []) {
      const name = names.get(text) ?? `intake-${names.size}`;
      names.set(text, name);
      return pool.query({ name, text, values });
    },
    close: () => pool.end(),
  };
}
