import type { Person, Walked } from '#core';
import type { Database } from './database.js';

/*
 * Compared in the database: nearly everybody has been seen, and reading a million persons to find that out takes minutes. Both sides of a
 * comparison stand in the same order, so that the neighbours of a key are in memory already; looked up in another order, each key costs
 * a page of its own. `offset 0` has each key looked up in the index: otherwise the planner reads all that the run has seen for every portion.
 */

interface Portion {
  walked: number;
  last: string | null;
}

const walkedIn = ({ walked, last }: Portion): Walked => (last === null ? { walked } : { walked, last });

export async function walkPersons(database: Database, tenant: string, run: string, after: string, walk: number): Promise<Walked & { persons: Person[] }> {
  const [portion] = await database.rows<Portion & { unseen: string[] }>(
    `with portion as materialized (select id from connector.person where tenant = $1 and id > $2 order by id limit $3)
     select count(*)::int as walked, max(id) as last, array(
       select p.id from portion p where not exists (select 1 from connector.run_seen s where s.run_id = $4 and s.what = 'person' and s.key = p.id offset 0)) as unseen
     from portion`,
    [tenant, after, walk, run],
  );
  const { unseen } = portion!;
  const persons = unseen.length === 0 ? [] : await database.rows<{ state: Person }>(`select state from connector.person where tenant = $1 and id = any($2::text[]) order by id`, [tenant, unseen]);
  return { persons: persons.map(({ state }) => state), ...walkedIn(portion!) };
}

const prefix = 'pass:';
/** Whatever begins with the prefix comes before this. */
const afterPrefix = 'pass;';

export async function walkPasses(database: Database, tenant: string, run: string, after: string, walk: number): Promise<Walked & { passes: string[] }> {
  const [portion] = await database.rows<Portion & { passes: string[] }>(
    `with portion as materialized (
       select substr(identifier, ${prefix.length + 1}) as id from connector.person_identifier
       where tenant = $1 and identifier > '${prefix}' || $2 and identifier < '${afterPrefix}' order by identifier limit $3)
     select count(*)::int as walked, max(id) as last, array(
       select p.id from portion p where not exists (select 1 from connector.run_seen s where s.run_id = $4 and s.what = 'pass' and s.key = p.id offset 0)
       union select key from connector.run_seen where run_id = $4 and what = 'gone' and key > $2 and key <= (select max(id) from portion)
       order by 1) as passes
     from portion`,
    [tenant, after, walk, run],
  );
  return { passes: portion!.passes, ...walkedIn(portion!) };
}

export async function walkGone(database: Database, run: string, after: string, walk: number): Promise<Walked & { passes: string[] }> {
  const gone = await database.rows<{ key: string }>(`select key from connector.run_seen where run_id = $1 and what = 'gone' and key > $2 order by key limit $3`, [run, after, walk]);
  const passes = gone.map(({ key }) => key);
  return { passes, ...walkedIn({ walked: passes.length, last: passes.at(-1) ?? null }) };
}
