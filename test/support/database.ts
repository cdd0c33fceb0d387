import { randomBytes } from 'node:crypto';
import { openStore } from '#store';
import pg from 'pg';
import { silentLog } from './database-log.js';

export interface FreshDatabase {
  url: string;
  /** Ends whatever still uses it. */
  drop(): Promise<void>;
}

/** A migrated database of its own, copied from a template that the first caller of the run makes. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const template = run();
  await onServer(async (query) => {
    // Test files run side by side; copying also needs the template to itself.
    await query(`select pg_advisory_lock(424242)`);
    if ((await query(`select 1 from pg_database where datname = '${template}' and datconnlimit = 0`)).length > 0) return;
    await query(`drop database if exists "${template}"`);
    await query(`create database "${template}"`);
    const { close } = await openStore({ url: urlOf(template), log: silentLog, poolSize: 2, queuePoolSize: 1 });
    await close();
    // Marks it as complete, and keeps everybody out so that it can be copied.
    await query(`alter database "${template}" connection limit 0`);
  });
  return create(`template "${template}"`);
}

/** Without any tables. */
export async function emptyDatabase(): Promise<FreshDatabase> {
  return create('');
}

/** Without any tables, and sorting as English does: signs count for nothing, and capitals stand beside small letters. */
export async function englishDatabase(): Promise<FreshDatabase> {
  return create(`template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US'`);
}

/** Runs SQL as an outsider would, to look at facts or to break something. */
export async function inDatabase<T extends object>(url: string, sql: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows as T[];
  } finally {
    await client.end();
  }
}

async function create(from: string): Promise<FreshDatabase> {
  const name = `${run()}_${randomBytes(4).toString('hex')}`;
  await onServer(async (query) => {
    await query(`select pg_advisory_lock(424242)`);
    await query(`create database "${name}" ${from}`);
    await query(`alter database "${name}" connection limit -1`);
  });
  return { url: urlOf(name), drop: () => onServer(async (query) => void (await query(`drop database if exists "${name}" with (force)`))) };
}

async function onServer<T>(work: (query: (sql: string) => Promise<object[]>) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: variable('TEST_DATABASE_SERVER') });
  await connect(client);
  try {
    return await work(async (sql) => (await client.query(sql)).rows as object[]);
  } finally {
    await client.end();
  }
}

/** The server may still be starting. */
async function connect(client: pg.Client): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const attempt = new pg.Client({ connectionString: variable('TEST_DATABASE_SERVER') });
    try {
      await attempt.connect();
      await attempt.end();
      return await client.connect().then(() => undefined);
    } catch (error) {
      if (tries >= 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function urlOf(name: string): string {
  const url = new URL(variable('TEST_DATABASE_SERVER'));
  url.pathname = `/${name}`;
  return url.href;
}

const run = () => variable('TEST_DATABASE_RUN');

function variable(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the Jest project needs test/support/database-server.ts as globalSetup.`);
  return value;
}
