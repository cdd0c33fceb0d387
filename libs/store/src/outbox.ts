import type { Command, Identity, Lane, Outgoing, Waiting } from '#core';
import { rows, type Database, type Db } from './database.js';

/** Counting further changes nothing: it only decides between single calls and bulk. */
const mostCounted = 20_000;
/** So many profile updates are looked at closely whether they are held back; of more, some can go. */
const mostLookedAt = 500;

/** A second profile update of a person must not overtake one that is on its way, so it is not due. */
const heldBack = `exists (
  select 1 from connector.command o
  where o.tenant = c.tenant and o.person_id = c.person_id and o.lane = 'upsert-profile' and o.id <> c.id
    and (o.status = 'importing' or o.status = 'pending' and o.leased and o.due_at > now()))`;

export async function countWaiting(db: Db, tenant: string, lane: Lane): Promise<Waiting> {
  const [counted] = await rows<{ due: number; next: number | null }>(
    db,
    `with due as (
       select count(*)::int as n from (
         select c.id, c.tenant, c.person_id, row_number() over () as place from connector.command c
         where c.tenant = $1 and c.lane = $2 and c.status = 'pending' and c.due_at <= now()
         limit ${mostCounted}) c
       ${lane === 'upsert-profile' ? `where case when c.place > ${mostLookedAt} then true else not ${heldBack} end` : ''}
     )
     select n as due, case when n = 0 then (
       select (extract(epoch from min(c.due_at) - now()) * 1000)::float8 from connector.command c
       where c.tenant = $1 and c.lane = $2 and c.status = 'pending' and c.due_at > now()) end as next
     from due`,
    [tenant, lane],
  );
  const { due = 0, next = null } = counted ?? {};
  return next === null ? { due } : { due, nextInMs: Math.max(1, Math.ceil(next)) };
}

/** Once the least tried command was tried so often, something in the batch may be what fails it: smaller batches isolate it. */
const isolateFrom = 3;

const fitting = `
  select taken.*, row_number() over w as place, sum(bytes) over w as total, first_value(attempts) over w as least
  from taken window w as (order by attempts, id)`;

function claimStatement(lane: Lane): string {
  const profiles = lane === 'upsert-profile';
  const waits = profiles ? `and not ${heldBack}` : isAboutLists(lane) ? `and not exists (select 1 from ${opposite(lane)} and o.id < c.id and o.status = 'pending' and o.leased and o.due_at > now())` : '';
  return `
    with taken as materialized (
      select c.id, c.person_id, c.attempts, c.bytes from connector.command c
      where c.tenant = $1 and c.lane = $2 and c.status = 'pending' and c.due_at <= now() ${waits}
      order by c.attempts, c.id limit $3 for update skip locked
    ), ${profiles ? `one_each as (select distinct on (person_id) * from taken order by person_id, attempts, id),` : ''}
    fitting as (${profiles ? fitting.replace('from taken', 'from one_each as taken') : fitting})
    update connector.command c set leased = true, due_at = clock_timestamp() + $5 * interval '1 millisecond'
    from fitting f left join connector.person p on p.tenant = $1 and p.id = f.person_id
    where c.id = f.id and (f.total <= $4 or f.place = 1)
      and f.place <= case when f.least >= ${isolateFrom} then greatest(1, $3 >> least(f.least - 2, 20)) else $3 end
    returning c.id, c.attempts, c.alone, c.command, p.identity, c.person_id as "personId"`;
}

const oppositeOf = { subscribe: 'unsubscribe', unsubscribe: 'subscribe' } as const;

/** The other answer of the same person to the same question. */
const opposite = (lane: keyof typeof oppositeOf) => `connector.command o
  where o.tenant = c.tenant and o.person_id = c.person_id and o.lane = '${oppositeOf[lane]}' and o.command->>'field' = c.command->>'field'`;

/**
 * A yes and a no travel in lanes of their own, and either may overtake the other. What was decided last counts: an answer that
 * a newer one contradicts is not sent any more. One that may have reached Klaviyo already counts as tried.
 */
async function supersedeOutdated(db: Db, tenant: string, lane: keyof typeof oppositeOf): Promise<void> {
  await rows(
    db,
    `with superseded as (
       update connector.command c set status = 'superseded', settled_at = clock_timestamp(), attempts = c.attempts + c.leased::int
       where c.tenant = $1 and c.lane = $2 and c.status = 'pending' and c.due_at <= now() and exists (select 1 from ${opposite(lane)} and o.id > c.id)
       returning id
     )
     insert into connector.ledger (command_id, at, outcome) select id, clock_timestamp(), 'superseded' from superseded`,
    [tenant, lane],
  );
}

interface Claimed {
  id: string;
  attempts: number;
  alone?: boolean;
  command: Command;
  identity: Identity | null;
  personId: string;
  sinceOppositeMs?: number;
  oppositeAt?: number;
}

export async function claimCommands(
  database: Database,
  tenant: string,
  lane: Lane,
  { items, bytes }: { items: number; bytes: number },
  leaseMs: number,
): Promise<Outgoing[]> {
  const claim = (db: Db) => rows<Claimed>(db, claimStatement(lane), [tenant, lane, items, bytes, leaseMs]);
  const claimed =
    lane === 'track'
      ? await database.rows<Claimed>(claimStatement(lane), [tenant, lane, items, bytes, leaseMs])
      : await database.transaction(async (db) => {
          // Without it two replicas could each take one of two commands about a person, neither seeing the other's.
          await rows(db, `select pg_advisory_xact_lock(2, hashtext($1))`, [tenant]);
          if (isAboutLists(lane)) await supersedeOutdated(db, tenant, lane);
          return claim(db);
        });
  claimed.sort((a, b) => a.attempts - b.attempts || (a.id < b.id ? -1 : 1));
  if (isAboutLists(lane)) await addOpposite(database, tenant, lane, claimed);
  return claimed.map(toOutgoing);
}

const isAboutLists = (lane: Lane): lane is keyof typeof oppositeOf => lane in oppositeOf;

async function addOpposite(database: Database, tenant: string, lane: keyof typeof oppositeOf, claimed: Claimed[]): Promise<void> {
  if (claimed.length === 0) return;
  const opposites = await database.rows<{ personId: string; listId: string | null; since: number; at: number | null }>(
    `select person_id as "personId", command->>'listId' as "listId", (extract(epoch from now() - max(settled_at)) * 1000)::float8 as since,
       max(coalesce(command->>'consentedAt', command->>'withdrawnAt')::float8) as at
     from connector.command where tenant = $1 and person_id = any($2::text[]) and lane = $3
       and (status in ('accepted', 'seen') or status = 'superseded' and attempts > 0) group by 1, 2`,
    [tenant, [...new Set(claimed.map(({ personId }) => personId))], oppositeOf[lane]],
  );
  for (const one of claimed) {
    const listId = 'listId' in one.command ? (one.command.listId ?? null) : null;
    const opposite = opposites.find((found) => found.personId === one.personId && found.listId === listId);
    if (!opposite) continue;
    one.sinceOppositeMs = Math.max(0, Math.round(opposite.since));
    if (opposite.at !== null) one.oppositeAt = opposite.at;
  }
}

export async function readCommand(database: Database, tenant: string, id: string): Promise<Outgoing | undefined> {
  const [found] = await database.rows<Claimed>(
    `select c.id, c.attempts, c.command, p.identity, c.person_id as "personId" from connector.command c
     left join connector.person p on p.tenant = c.tenant and p.id = c.person_id where c.tenant = $1 and c.id = $2`,
    [tenant, id],
  );
  return found && toOutgoing(found);
}

function toOutgoing({ id, attempts, alone, command, identity, sinceOppositeMs, oppositeAt }: Claimed): Outgoing {
  const outgoing: Outgoing = { id, attempts, identity: identity ?? {}, command };
  if (alone) outgoing.alone = true;
  if (sinceOppositeMs !== undefined) outgoing.sinceOppositeMs = sinceOppositeMs;
  if (oppositeAt !== undefined) outgoing.oppositeAt = oppositeAt;
  return outgoing;
}
