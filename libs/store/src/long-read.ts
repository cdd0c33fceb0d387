import { rows, type Database, type Db } from './database.js';

/** For the few statements that look at all of something: they may read whole tables, and take their time. */
export function longRead<T>(database: Database, work: (db: Db) => Promise<T>): Promise<T> {
  return database.transaction(async (db) => {
    await rows(db, `select set_config('enable_seqscan', 'on', true), set_config('statement_timeout', '300000', true)`);
    return work(db);
  });
}
