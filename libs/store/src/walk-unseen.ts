import type { Person, Walked } from '#core';
import type { Database } from './database.js';

const seen = (what: string, key: string) => `exists (select 1 from connector.run_seen s where s.run_id = $4 and s.what = '${what}' and s.key = ${key})`;
const passOf = `substr(i.identifier, ${'pass:'.length + 1})`;
const withPass = (condition: string) => `exists (
  select 1 from connector.person_identifier i where i.tenant = p.tenant and i.person_id = p.id and i.identifier like 'pass:%' and (${condition}))`;

/** Compared in the database: nearly everybody has been seen, and reading a million persons to find that out takes minutes. */
const conditions = {
  person: `not ${seen('person', 'p.id')}`,
  pass: withPass(`not ${seen('pass', passOf)} or ${seen('gone', passOf)}`),
  gone: withPass(seen('gone', passOf)),
};

export async function walkUnseen(database: Database, tenant: string, run: string, what: keyof typeof conditions, after: string, walk: number): Promise<Walked> {
  const [portion] = await database.rows<{ walked: number; last: string | null }>(
    `select count(*)::int as walked, max(id) as last from (select id from connector.person where tenant = $1 and id > $2 order by id limit $3) portion`,
    [tenant, after, walk],
  );
  if (!portion?.last) return { persons: [], walked: 0 };
  const found = await database.rows<{ state: Person }>(
    `select p.state from connector.person p where p.tenant = $1 and p.id > $2 and p.id <= $3 and ${conditions[what]} order by p.id`,
    [tenant, after, portion.last, run],
  );
  return { persons: found.map(({ state }) => state), walked: portion.walked, last: portion.last };
}
