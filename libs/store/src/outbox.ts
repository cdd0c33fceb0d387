import { findingPhases, isWalletLane, type Command, type Identity, type Lane, type Outgoing, type Waiting } from '#core';
import { rows, type Database, type Db } from './database.js';

/**
 * Makes live what persons have waiting in the background; not their events, for which nothing waits. Rows that somebody else is about to
 * change are left out: two who wait for each other's rows would wait for ever. Looked up person by person and id by id: planned while nothing
 * waits, a join would look through all that a run has waiting, again for every row of it, whenever a webhook is saved.
 */
export const raise = (persons: string) => `
  update connector.outbox o set background = false
  where o.command_id = any(array(
    select waiting.command_id from (${persons}) live cross join lateral (
      select b.command_id from connector.outbox b
      where b.tenant = $1 and b.person_id = live.person_id and b.lane <> 'track' and b.background and b.state <> 'refused' for update skip locked) waiting))
  returning o.lane, o.state`;

/** Counting further changes nothing: it only decides between single calls and bulk. */
const mostCounted = 20_000;
/** So many profile updates are looked at closely whether they are held back; of more, some can go, and of those that gather none goes yet. */
const mostLookedAt = 500;

/**
 * A second profile update of a person must not overtake one that is on its way, so it is not due. `offset 0` has it looked up
 * person by person: turned into a join, it would read all updates of a tenant, and all that went before the last vacuum.
 */
const heldBackBy = (which: string) => `exists (
  select 1 from connector.outbox before
  where before.tenant = o.tenant and before.person_id = o.person_id and before.lane = 'upsert-profile' and before.command_id <> o.command_id
    and (${which}) offset 0)`;
const inCall = `before.state = 'pending' and before.leased and before.due_at > now()`;
const heldBack = heldBackBy(`before.state = 'importing' or ${inCall}`);
/** Of answers only who made the call is told: for the other kind, or in another process, it has to be looked at again. Of imports both kinds are told. */
const heldBackByCall = heldBackBy(inCall);
const lookAgainMs = 1_000;

/** So long a repair waits for others at the most: a run that was killed may never be gone on with. */
const mostGatherSeconds = 120;
const gathers = `oldest > now() - interval '${mostGatherSeconds} seconds' and exists (
  select 1 from connector.run r where r.tenant = $1 and r.status = 'running' and r.checkpoint->>'phase' in ('${findingPhases.join("', '")}') and oldest > coalesce(r.phase_at, now()))`;

/** What has to come after a profile update that is not through yet; only tenants with external ids have such commands. */
const afterProfile = `o.after_profile and exists (
  select 1 from connector.outbox profile
  where profile.tenant = o.tenant and profile.person_id = o.person_id and profile.lane = 'upsert-profile' and profile.state in ('pending', 'importing') offset 0)`;

export async function countWaiting(db: Db, tenant: string, lane: Lane, background: boolean): Promise<Waiting> {
  const profiles = lane === 'upsert-profile';
  const [counted] = await rows<{ due: number; next: number | null; gathers: boolean | null }>(
    db,
    `with looked as (
       select o.command_id, o.tenant, o.person_id, o.background, o.due_at, row_number() over () as place from connector.outbox o
       where o.tenant = $1 and o.lane = $2 and o.background = $3 and o.state = 'pending' and o.due_at <= now()
       limit ${mostCounted}
     ), waits as materialized (
       select ${background ? gathers : 'false'} as gathers from (select min(due_at) as oldest from looked) first
     ), due as (
       select count(*)::int as n from looked o ${profiles ? `where case when o.place > ${mostLookedAt} or (select gathers from waits) then true else not ${heldBack} end` : ''}
     )
     select n as due, case when n = 0 then least((
       select (extract(epoch from min(o.due_at) - now()) * 1000)::float8 from connector.outbox o
       where o.tenant = $1 and o.lane = $2 and o.background = $3 and o.state = 'pending' and o.due_at > now())
       ${profiles ? `, (select ${lookAgainMs}::float8 from looked o where ${heldBackByCall} limit 1)` : ''}) end as next, waits.gathers
     from due, waits`,
    [tenant, lane, background],
  );
  const { due = 0, next = null, gathers: isGathering } = counted ?? {};
  return { due, ...(next === null ? {} : { nextInMs: Math.max(1, Math.ceil(next)) }), ...(isGathering ? { gathers: true } : {}) };
}

/** Once the least tried command was tried so often, something in the batch may be what fails it: smaller batches isolate it. */
const isolateFrom = 3;

const fitting = `
  select taken.*, row_number() over w as place, sum(bytes) over w as total, first_value(attempts) over w as least
  from taken window w as (order by attempts, command_id)`;

/** Updates of one pass must not overtake each other, also when one of them has to be repeated. */
const outOfTurn = `exists (
  select 1 from connector.outbox before
  where before.tenant = o.tenant and before.person_id = o.person_id and before.lane = o.lane and before.state = 'pending' and before.command_id < o.command_id offset 0)`;

function claimStatement(lane: Lane): string {
  const profiles = lane === 'upsert-profile';
  const waits = profiles ? heldBack : isWalletLane(lane) ? outOfTurn : isAboutLists(lane) ? `(${afterProfile} or exists (${olderOpposite(lane)}))` : `(${afterProfile})`;
  return `
    with taken as materialized (
      select o.command_id, o.person_id, o.attempts, o.bytes from connector.outbox o
      where o.tenant = $1 and o.lane = $2 and o.background = $6 and o.state = 'pending' and o.due_at <= now() and not ${waits}
      order by o.attempts, o.command_id limit $3 for update skip locked
    ), ${profiles ? `one_each as (select distinct on (person_id) * from taken order by person_id, attempts, command_id),` : ''}
    fitting as (${profiles ? fitting.replace('from taken', 'from one_each as taken') : fitting})
    update connector.outbox o set leased = true, due_at = clock_timestamp() + $5 * interval '1 millisecond'
    from fitting f join connector.command c on c.id = f.command_id left join connector.person p on p.tenant = $1 and p.id = f.person_id
    where o.command_id = f.command_id and (f.total <= $4 or f.place = 1)
      and f.place <= case when f.least >= ${isolateFrom} then greatest(1, $3 >> least(f.least - 2, 20)) else $3 end
    returning c.id, o.attempts, o.alone, c.command, p.identity, o.person_id as "personId"`;
}

const oppositeOf = { subscribe: 'unsubscribe', unsubscribe: 'subscribe' } as const;

/** The other answer of the same person to the same question. */
const opposite = (lane: keyof typeof oppositeOf) => `connector.command other join connector.command own on own.id = o.command_id
  where other.tenant = o.tenant and other.person_id = o.person_id and other.lane = '${oppositeOf[lane]}' and other.command->>'field' = own.command->>'field'`;

/** An older one that is on its way: the newer must not overtake it. */
const olderOpposite = (lane: keyof typeof oppositeOf) => `
  select 1 from ${opposite(lane)} and other.id < o.command_id and exists (
    select 1 from connector.outbox going where going.command_id = other.id and going.state = 'pending' and going.leased and going.due_at > now() offset 0)`;

/**
 * A yes and a no travel in lanes of their own, and either may overtake the other. What was decided last counts: an answer that
 * a newer one contradicts is not sent any more. One that may have reached Klaviyo already counts as tried.
 */
async function supersedeOutdated(db: Db, tenant: string, lane: keyof typeof oppositeOf): Promise<void> {
  await rows(
    db,
    `with gone as (
       delete from connector.outbox o
       where o.tenant = $1 and o.lane = $2 and o.state = 'pending' and o.due_at <= now() and exists (select 1 from ${opposite(lane)} and other.id > o.command_id)
       returning o.command_id, o.attempts + o.leased::int as attempts
     ) ${superseded}`,
    [tenant, lane],
  );
}

/** Ends the commands of `gone`, which have just left the outbox, as contradicted or outdone by newer ones. */
export const superseded = `, ended as (
  update connector.command c set outcome = 'superseded', attempts = gone.attempts, settled_at = clock_timestamp()
  from gone where c.id = gone.command_id
)
insert into connector.ledger (command_id, at, outcome) select command_id, clock_timestamp(), 'superseded' from gone`;

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
  background: boolean,
): Promise<Outgoing[]> {
  const values = [tenant, lane, items, bytes, leaseMs, background];
  const claim = (db: Db) => rows<Claimed>(db, claimStatement(lane), values);
  const claimed =
    lane === 'track'
      ? await database.rows<Claimed>(claimStatement(lane), values)
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
       and (outcome in ('accepted', 'seen') or outcome = 'superseded' and attempts > 0) group by 1, 2`,
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
    `select c.id, coalesce(o.attempts, c.attempts) as attempts, c.command, p.identity, c.person_id as "personId" from connector.command c
     left join connector.outbox o on o.command_id = c.id
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
