import type { Database } from './database.js';
import { forgetSeen } from './run-seen.js';
import { lowestId } from './uuid.js';

/** Few enough that no other statement waits noticeably for their locks. */
const batchSize = 5_000;

const finishedCommands = `
  with old as (
    select id from connector.command where id < $1 and outcome is not null order by id limit ${batchSize} for update skip locked
  ), entries as (delete from connector.ledger l using old where l.command_id = old.id),
  gone as (delete from connector.command c using old where c.id = old.id returning 1)
  select count(*)::int as n from gone`;

/** A delivery stays while one of its commands does: together they explain what happened. */
const finishedDeliveries = `
  with old as (
    select d.id from connector.delivery d where d.id < $1 and d.status in ('processed', 'ignored')
      and not exists (select 1 from connector.command c where c.delivery_id = d.id)
    order by d.id limit ${batchSize} for update skip locked
  ), gone as (delete from connector.delivery d using old where d.id = old.id returning 1)
  select count(*)::int as n from gone`;

/** The plots of a tenant go so far back, however old its runs are. */
const runsKept = 400;

const oldRuns = `
  delete from connector.run r using (
    select id, row_number() over (partition by tenant order by started_at desc, id desc) as place from connector.run where status <> 'running'
  ) ended where r.id = ended.id and ended.place > ${runsKept} and r.started_at < now() - $1::float8 * interval '1 millisecond'`;

/** A run forgets what it has seen when it ends; this is for those that did not come to it. */
const unforgotten = `select id from connector.run r where status <> 'running' and to_regclass('connector.run_seen_' || replace(r.id::text, '-', '')) is not null`;

/** Age is when a row was written, which its id tells. */
export async function deleteFinished(database: Database, olderThanMs: number): Promise<number> {
  const before = lowestId(Date.now() - olderThanMs);
  let deleted = 0;
  for (const statement of [finishedCommands, finishedDeliveries]) {
    for (let n = batchSize; n === batchSize; deleted += n) n = (await database.rows<{ n: number }>(statement, [before]))[0]!.n;
  }
  await database.rows(`delete from connector.notification where at < now() - interval '2 days'`);
  for (const { id } of await database.rows<{ id: string }>(unforgotten)) await forgetSeen(database, id);
  await database.rows(oldRuns, [olderThanMs]);
  // Takers delete what is old of their own operation; this is for operations nobody calls any more.
  await database.rows(`delete from connector.permit where ends_at < now() - interval '5 minutes'`);
  return deleted;
}
