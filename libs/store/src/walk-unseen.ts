import type { Person, Walked } from '#core';
import type { Database } from './database.js';

/** `offset 0`: each key is looked up in the index. Otherwise the planner reads all that the run has seen for every portion, and a run over twice as many takes four times as long. */
const seen = (what: string, key: string) => `exists (select 1 from connector.run_seen s where s.run_id = $4 and s.what = '${what}' and s.key = ${key} offset 0)`;
const passOf = `substr(i.identifier, ${'pass:'.length + 1})`;
const owners = (condition: string) => `select distinct i.person_id as id from connector.person_identifier i
  where i.tenant = $1 and i.person_id > $2 and i.person_id <= $3 and i.identifier like 'pass:%' and (${condition})`;

/** Compared in the database: nearly everybody has been seen, and reading a million persons to find that out takes minutes. */
const left = {
  person: `select p.id from connector.person p where p.tenant = $1 and p.id > $2 and p.id <= $3 and not ${seen('person', 'p.id')}`,
  pass: owners(`not ${seen('pass', passOf)} or ${seen('gone', passOf)}`),
  gone: owners(seen('gone', passOf)),
};

export async function walkUnseen(database: Database, tenant: string, run: string, what: keyof typeof left, after: string, walk: number): Promise<Walked> {
  const [portion] = await database.rows<{ walked: number; last: string | null }>(
    `select count(*)::int as walked, max(id) as last from (select id from connector.person where tenant = $1 and id > $2 order by id limit $3) portion`,
    [tenant, after, walk],
  );
  if (!portion?.last) return { persons: [], walked: 0 };
  const found = await database.rows<{ state: Person }>(
    `with unseen as materialized (${left[what]})
     select p.state from unseen join connector.person p on p.id = unseen.id where p.tenant = $1 and p.id > $2 and p.id <= $3 order by p.id`,
    [tenant, after, portion.last, run],
  );
  return { persons: found.map(({ state }) => state), walked: portion.walked, last: portion.last };
}
