import { codeOf, quick, rows, type Database, type Db } from './database.js';
import { storable } from './storable.js';

/** What a run sees has a table of its own: `migrations/seen-by-run.ts`. */
const tableOf = (run: string) => `connector.run_seen_${run.replaceAll('-', '')}`;

/**
 * Attached, and not made as a part: only then do other runs go on meanwhile. Nobody vacuums or analyzes it: it only grows, is looked up by its
 * key alone, and is dropped with the run; but while it grows the server would come back to it again and again, beside webhooks.
 */
export async function openSeen(db: Db, run: string): Promise<void> {
  const [{ is } = { is: false }] = await rows<{ is: boolean }>(db, `select to_regclass($1) is not null as is`, [tableOf(run)]);
  if (is) return;
  await db.executeSql(`create table ${tableOf(run)} (like connector.run_seen including all) with (autovacuum_enabled = off)`);
  await db.executeSql(`alter table connector.run_seen attach partition ${tableOf(run)} for values in ('${run}')`);
}

/** Of two processes that see the same key at once one waits for the other; in one order, or they would wait for each other. */
const see = `
  with ${quick}, fresh as (
    insert into connector.run_seen (run_id, what, key, profile) select $1, $2, given.key, given.profile
    from quick, unnest($3::text[], $4::text[]) as given (key, profile) order by given.key on conflict do nothing returning key
  )
  select case when count(*) < cardinality($3::text[]) then coalesce(array_agg(key), '{}') end as fresh from fresh`;

/** Those of the keys that were not seen before; nothing: all. That is what nearly always comes, and to name each would cost a third of noting it. */
async function noted(database: Database, run: string, what: string, keys: readonly string[], profiles: readonly string[] = []): Promise<string[] | null> {
  try {
    const [seen] = await database.rows<{ fresh: string[] | null }>(see, [run, what, keys, profiles]);
    return seen!.fresh;
  } catch (error) {
    // The run is over and forgotten. Whoever was at it hears of that as soon as they save.
    if (codeOf(error) === noPartition) return [];
    throw error;
  }
}

export async function writeSeen(database: Database, run: string, what: string, keys: readonly string[]): Promise<string[]> {
  return found(keys, async (given) => (await noted(database, run, what, given)) ?? given);
}

/** As `writeSeen`, with the profile by which a person was seen; the first stays. */
export async function writePersons(database: Database, run: string, profiles: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const persons = [...profiles.keys()];
  const fresh = await noted(database, run, 'person', persons, [...profiles.values()]);
  if (fresh === null) return new Map(profiles);
  const isFresh = new Set(fresh);
  const known = persons.filter((person) => !isFresh.has(person));
  const seen = await database.rows<{ key: string; profile: string }>(`select key, profile from connector.run_seen where run_id = $1 and what = 'person' and key = any($2::text[])`, [run, known]);
  return new Map([...profiles, ...seen.map(({ key, profile }) => [key, profile] as const)]);
}

export async function readSeen(database: Database, run: string, what: string, keys: readonly string[]): Promise<string[]> {
  return found(keys, async (given) => (await database.rows<{ key: string }>(`select key from connector.run_seen where run_id = $1 and what = $2 and key = any($3::text[])`, [run, what, given])).map(({ key }) => key));
}

/** For a moment no other run may ask. Where that cannot be had, because a backup reads all tables, what is kept too long is forgotten another day (`tidy.ts`). */
export async function forgetSeen(database: Database, run: string): Promise<void> {
  try {
    await database.transaction(async (db) => {
      await db.executeSql(`set local lock_timeout = '${patienceMs}ms'`);
      await db.executeSql(`drop table if exists ${tableOf(run)}`);
    });
  } catch (error) {
    if (codeOf(error) !== lockTimeout) throw error;
  }
}

const patienceMs = 500;
/** SQLSTATE lock_not_available, and check_violation: "no partition of relation found for row". */
const lockTimeout = '55P03';
const noPartition = '23514';

/** Those of the keys that the database names, as they were given and each once. */
async function found(keys: readonly string[], ask: (given: string[]) => Promise<string[]>): Promise<string[]> {
  const byStored = new Map(keys.map((key) => [storable(key), key]));
  if (byStored.size === 0) return [];
  const named = new Set(await ask([...byStored.keys()]));
  return [...byStored].flatMap(([stored, key]) => (named.has(stored) ? [key] : []));
}
