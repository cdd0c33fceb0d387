import type { ChildProcess } from 'node:child_process';
import pg from 'pg';

/** Stops what `database-server.ts` started; on a server that was there before only our template is dropped. */
export default async function stopDatabaseServer(): Promise<void> {
  const child = (globalThis as { testDatabaseServer?: ChildProcess }).testDatabaseServer;
  if (child) {
    const stopped = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    // It was let go of so that it keeps no run alive; without it the process would now end while we wait, with success whatever failed.
    child.ref();
    child.stdin!.end();
    return stopped;
  }
  const client = new pg.Client({ connectionString: process.env['TEST_DATABASE_SERVER'] });
  await client.connect();
  await client.query(`drop database if exists "${process.env['TEST_DATABASE_RUN']}"`);
  await client.end();
}
