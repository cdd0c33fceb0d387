import type { UnseenEvent, UnseenEvents } from '#core';
import { rows, type Database, type Db } from './database.js';
import { longRead } from './long-read.js';

const dayMs = 86_400_000;
const at = `(c.command->'at')::bigint`;

const sentAgain = `exists (select 1 from connector.ledger l where l.command_id = c.id and l.outcome = 'sent-again')`;

/** One that was sent a second time in vain has been reported; looking for it again every night would change nothing. */
const unseen = `c.outcome = 'accepted' and not (c.code is not distinct from 'KLAVIYO_NOT_SEEN' and ${sentAgain})`;
const ofEvents = `c.tenant = $1 and c.lane = 'track'`;

/** Reads all events there are: an index that told the unseen ones apart would cost each event more than this costs once a night. */
export async function countUnseen(database: Database, tenant: string, acceptedBefore: number): Promise<UnseenEvents[]> {
  const found = await longRead(database, (db) =>
    rows<{ metric: string; day: number; count: number }>(
      db,
      `select c.command->>'metric' as metric, floor(${at}::float8 / ${dayMs}) as day, count(*)::int as count from connector.command c
       where ${ofEvents} and ${unseen} and c.settled_at < to_timestamp($2::float8 / 1000) group by 1, 2 order by 2, 1`,
      [tenant, acceptedBefore],
    ),
  );
  return found.map(({ metric, day, count }) => ({ metric, from: day * dayMs, to: (day + 1) * dayMs, count }));
}

export function findUnseen(database: Database, tenant: string, { metric, from, to }: Pick<UnseenEvents, 'metric' | 'from' | 'to'>, acceptedBefore: number, limit: number): Promise<UnseenEvent[]> {
  return database.rows(
    `select c.id as "commandId", c.person_id as "personId", c.dedupe_key as "uniqueId" from connector.command c
     where ${ofEvents} and c.command->>'metric' = $2 and ${at} >= $3 and ${at} < $4 and ${unseen} and c.settled_at < to_timestamp($5::float8 / 1000)
     order by ${at}, c.id limit $6`,
    [tenant, metric, Math.ceil(from), Math.ceil(to), acceptedBefore, limit],
  );
}

/** To be seen is what happens to nearly all of them, so it is told by the command itself; the ledger tells where it had been doubted. */
export async function markSeen(database: Database, tenant: string, uniqueIds: readonly string[]): Promise<number> {
  const [marked] = await database.rows<{ n: number }>(
    `with shown as materialized (
       select c.id, c.code from unnest($2::text[]) as given (key) cross join lateral (
         select id, code from connector.command where tenant = $1 and dedupe_key = given.key and outcome = 'accepted' for update) c
     ), marked as (
       update connector.command c set outcome = 'seen', code = null from shown where c.id = shown.id
     ), written as (
       insert into connector.ledger (command_id, at, outcome) select id, clock_timestamp(), 'seen' from shown where code is not null
     ) select count(*)::int as n from shown`,
    [tenant, uniqueIds],
  );
  return marked!.n;
}

/** What was accepted before is kept in the ledger: the command tells of its last acceptance only. A flow that has not begun by now must not begin a day late. */
export async function sendAgain(db: Db, tenant: string, commandIds: readonly string[]): Promise<number> {
  const [sent] = await rows<{ n: number }>(
    db,
    `with missing as materialized (
       select c.id, c.person_id, c.command, c.settled_at, ${sentAgain} as again from connector.command c
       where c.id = any($2::uuid[]) and c.tenant || '' = $1 and c.lane = 'track' and c.outcome = 'accepted' order by c.id for update
     ), going as (
       insert into connector.outbox (command_id, tenant, lane, person_id, bytes, state, after_profile, attempts, due_at, leased, alone, background)
       select id, $1, 'track', person_id, octet_length(command::text), 'pending', true, 0, clock_timestamp(), false, false, true from missing where not again
     ), changed as (
       update connector.command c set command = case when again then c.command else jsonb_set(c.command, '{backfill}', 'true') end, outcome = case when again then c.outcome end, settled_at = case when again then c.settled_at end,
         code = case when again then 'KLAVIYO_NOT_SEEN' end, words = case when again then c.words end
       from missing where c.id = missing.id
     ), written as (
       insert into connector.ledger (command_id, at, outcome, code)
       select id, settled_at, 'accepted', null from missing where not again and not exists (select 1 from connector.ledger l where l.command_id = missing.id and l.outcome = 'accepted')
       union all
       select id, clock_timestamp(), case when again then 'not-seen' else 'sent-again' end, case when again then 'KLAVIYO_NOT_SEEN' end from missing
     ) select count(*) filter (where not again)::int as n from missing`,
    [tenant, commandIds],
  );
  return sent!.n;
}
