import pg from 'pg';
import type { Log } from '#core';
import type { Db } from './database.js';
import { keptIdleMs, PreparingClient } from './preparing-client.js';

export interface Intake extends Db {
  close(): Promise<void>;
}

/** One batch is written at a time; the second connection is for the moment in which the first has broken. */
const poolSize = 2;

/**
 * The connections on which webhooks are written. They are their own, so that intake never stands in line behind deciding and sending.
 */
export function openIntake(config: pg.PoolConfig, log: Log): Intake {
  const pool = new pg.Pool({ ...config, Client: PreparingClient, application_name: 'connector-intake', max: poolSize, idleTimeoutMillis: keptIdleMs });
  // Without a listener a connection that breaks while idle ends the process. The pool replaces it.
  pool.on('error', (error) => log.warn('intake connection lost', { error: error.name }));
  return {
    executeSql: (text, values = []) => pool.query(text, values),
    close: () => pool.end(),
  };
}
