import { quick, type Database } from './database.js';
import { storable } from './storable.js';

/** Few enough that no other statement waits noticeably. */
const portion = 5_000;

/** Of two processes that see the same key at once one waits for the other; in one order, or they would wait for each other. */
const see = `
  with ${quick}, fresh as (
    insert into connector.run_seen (run_id, what, key, profile) select $1, $2, given.key, given.profile
    from quick, unnest($3::text[], $4::text[]) as given (key, profile) order by given.key on conflict do nothing returning key
  )
  select case when count(*) < cardinality($3::text[]) then coalesce(array_agg(key), '{}') end as fresh from fresh`;

/** Those of the keys that were not seen before; nothing: all. That is what nearly always comes, and to name each would cost a third of noting it. */
async function noted(database: Database, run: string, what: string, keys: readonly string[], profiles: readonly string[] = []): Promise<string[] | null> {
  const [seen] = await database.rows<{ fresh: string[] | null }>(see, [run, what, keys, profiles]);
  return seen!.fresh;
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

/** Goes along the index from where the last portion ended: from its beginning, each portion would pass all that are deleted already. */
export async function forgetSeen(database: Database, run: string): Promise<void> {
  for (let last = { what: '', key: '' }; last; ) {
    const [end] = await database.rows<typeof last>(
      `with old as materialized (
         select ctid, what, key from connector.run_seen where run_id = $1 and (what, key) > ($2, $3) order by what, key limit ${portion}
       ), gone as (delete from connector.run_seen where ctid = any(array(select ctid from old)))
       select what, key from old order by what desc, key desc limit 1`,
      [run, last.what, last.key],
    );
    if (!end) return;
    last = end;
  }
}

/** Those of the keys that the database names, as they were given and each once. */
async function found(keys: readonly string[], ask: (given: string[]) => Promise<string[]>): Promise<string[]> {
  const byStored = new Map(keys.map((key) => [storable(key), key]));
  if (byStored.size === 0) return [];
  const named = new Set(await ask([...byStored.keys()]));
  return [...byStored].flatMap(([stored, key]) => (named.has(stored) ? [key] : []));
}
