import { driftKinds, errorId, mostRefusals, type DriftKind, type ErrorCode, type Lane, type Refusal, type RepairFate } from '#core';
import { rows, type Database } from './database.js';
import { longRead } from './long-read.js';

const tokenKinds = (Object.keys(driftKinds) as DriftKind[]).filter((kind) => driftKinds[kind].repair === 'token');

const ofTenant = `o.tenant = (select tenant from connector.run where id = $1)`;
/** For a delivery that is found otherwise; the `is true` keeps the index of all deliveries of the run out of it. */
const ofRun = `(d.run_id = $1) is true`;

/**
 * What a person has to look after, or what waits until somebody can be named: neither ends by itself. A command that ended is no
 * refusal, also where it was skipped: each reason to skip one says that Klaviyo holds what was wanted, or something newer that counts more.
 */
const stuck = `(o.state in ('refused', 'waiting') or c.code is not distinct from 'PERSON_NOT_REACHABLE')`;

/** A look-up is accepted also where there is no token to be had; the note on its delivery tells. */
const tokenless = `(d.status <> 'undecided' and d.notes @> '[{"code": "LINK_TOKEN_MISSING"}]')`;

/** Put together by sorting: statistics that lag behind would have the planner compare every delivery with every command. */
const fates = `
  with piece as (
    select d.id, d.repairs, d.status, ${tokenless} as tokenless, false as unfinished, false as stuck from connector.delivery d where d.run_id = $1
    union all
    select c.delivery_id, null, null, null, true, ${stuck} from connector.outbox o join connector.command c on c.id = o.command_id where ${ofTenant}
  ), repair as (
    select unnest(max(repairs)) as kind, max(status) as status, bool_or(tokenless) as tokenless, bool_or(unfinished) as unfinished, bool_or(stuck) as stuck from piece group by id
  ), fate as (
    select kind, case
      when status = 'parked' or stuck or tokenless and kind = any($2::text[]) then 'refused'
      when status = 'undecided' or unfinished then 'open'
      else 'repaired' end as fate
    from repair
  )
  select kind, count(*) filter (where fate = 'repaired')::int as repaired, count(*) filter (where fate = 'refused')::int as refused, count(*) filter (where fate = 'open')::int as open
  from fate group by kind order by kind`;

/** A delivery counts once for each reason, however many commands it holds. */
const refusals = `
  with refused as (
    select d.id as delivery_id, coalesce(d.code, 'LINK_TOKEN_MISSING') as code, case when d.code is null then (
        select substr(c.words, length('LINK_TOKEN_MISSING: ') + 1) from connector.command c
        where c.delivery_id = d.id and c.words like 'LINK\\_TOKEN\\_MISSING: %' order by c.id desc limit 1) end as words
    from connector.delivery d where d.run_id = $1 and (d.status = 'parked' or ${tokenless} and d.repairs && $2::text[])
    union all
    select c.delivery_id, case o.state when 'refused' then c.code else 'PERSON_NOT_REACHABLE' end, case o.state when 'refused' then c.words end
    from connector.outbox o join connector.command c on c.id = o.command_id join connector.delivery d on d.id = c.delivery_id
    where ${ofTenant} and ${stuck} and ${ofRun}
  ), most as (
    select code, regexp_replace(words, '${errorId}', '', 'g') as words, count(distinct delivery_id)::int as count, min(delivery_id::text) as sample from refused group by 1, 2 order by 3 desc, 1, 2 limit ${mostRefusals}
  )
  select most.*, d.person_id as person from most join connector.delivery d on d.id = most.sample::uuid order by count desc, code, words`;

export function readFates(database: Database, run: string): Promise<{ kinds: RepairFate[]; refusals: Refusal[] }> {
  return longRead(database, async (db) => {
    const kinds = await rows<RepairFate>(db, fates, [run, tokenKinds]);
    const found = await rows<{ code: ErrorCode; words: string | null; count: number; sample: string; person: string | null }>(db, refusals, [run, tokenKinds]);
    return {
      kinds,
      refusals: found.map(({ code, words, count, sample, person }) => ({
        code, ...(words === null ? {} : { words }), count, sample: { ...(person === null ? {} : { personId: person }), deliveryId: sample },
      })),
    };
  });
}

export function countCommands(database: Database, run: string): Promise<Partial<Record<Lane, number>>> {
  return longRead(database, async (db) => {
    const counted = await rows<{ lane: Lane; count: number }>(db, `select c.lane, count(*)::int as count from connector.delivery d join connector.command c on c.delivery_id = d.id where d.run_id = $1 group by 1`, [run]);
    return Object.fromEntries(counted.map(({ lane, count }) => [lane, count]));
  });
}

export function countOpen(database: Database, run: string): Promise<number> {
  return longRead(database, async (db) => {
    const [counted] = await rows<{ open: number }>(
      db,
      `select (
         select count(*) from connector.delivery d where ${ofRun} and d.status = 'undecided' and d.tenant = (select tenant from connector.run where id = $1)
       )::int + (
         select count(*) from connector.outbox o join connector.command c on c.id = o.command_id join connector.delivery d on d.id = c.delivery_id
         where ${ofTenant} and not ${stuck} and ${ofRun}
       )::int as open`,
      [run],
    );
    return counted!.open;
  });
}
