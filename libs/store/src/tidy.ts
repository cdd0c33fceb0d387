import type { Database } from './database.js';
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

/** Age is when a row was written, which its id tells. */
export async function deleteFinished(database: Database, olderThanMs: number): Promise<number> {
  const before = lowestId(Date.now() - olderThanMs);
  let deleted = 0;
  for (const statement of [finishedCommands, finishedDeliveries]) {
    for (let n = batchSize; n === batchSize; deleted += n) n = (await database.rows<{ n: number }>(statement, [before]))[0]!.n;
  }
  await database.rows(`delete from connector.notification where at < now() - interval '2 days'`);
  // Takers delete what is old of their own operation; this is for operations nobody calls any more.
  await database.rows(`delete from connector.permit where ends_at < now() - interval '5 minutes'`);
  return deleted;
}
