import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '#store';
import pg from 'pg';
import { report } from './report.ts';

export const silentLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface Server {
  /** A new, empty database. */
  fresh(): Promise<FreshDatabase>;
  close(): Promise<void>;
}

export interface FreshDatabase {
  url: string;
  query<T extends object>(sql: string, values?: unknown[]): Promise<T[]>;
  drop(): Promise<void>;
}

/** The PostgreSQL that DATABASE_URL names, or the connector's own embedded one in a folder that goes away afterwards. */
export async function openServer(): Promise<Server> {
  const url = process.env['DATABASE_URL'];
  const dataDir = mkdtempSync(join(tmpdir(), 'connector-bench-'));
  const database = await openDatabase({ url, dataDir, log: silentLog });
  const [settings] = await ask<{ version: string; fsync: string; commit: string }>(
    database.url,
    `select current_setting('server_version') as version, current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`,
  );
  if (settings?.fsync !== 'on' || settings.commit !== 'on') throw new Error('The server acknowledges what is not on disk (fsync or synchronous_commit is off): such figures would mean nothing.');
  report('environment', { node: process.version, postgres: settings.version, fsync: true, embedded: !url });
  return {
    fresh: async () => {
      const name = `bench_${randomBytes(4).toString('hex')}`;
      await ask(database.url, `create database "${name}"`);
      const own = new URL(database.url);
      own.pathname = `/${name}`;
      return {
        url: own.href,
        query: (sql, values) => ask(own.href, sql, values),
        drop: async () => void (await ask(database.url, `drop database if exists "${name}" with (force)`)),
      };
    },
    close: async () => {
      await database.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function ask<T extends object>(url: string, sql: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows as T[];
  } finally {
    await client.end();
  }
}
