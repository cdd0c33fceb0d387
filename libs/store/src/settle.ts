import type { Answer, ErrorCode, Lane } from '#core';
import { rows, type Db } from './database.js';
import { storable, storableJson } from './storable.js';

/**
 * Commands are looked up by id, and only checked otherwise. The `|| ''` keeps every other index out of it: on statistics that
 * lag behind, the planner would rather walk through all that a tenant has.
 */
const ofTenant = `c.tenant || '' = $1`;

/** Writes answers: what they teach about persons first (the lock order of `saveChanges`), then commands and ledger at once. */
export async function settleCommands(db: Db, tenant: string, answers: readonly Answer[]): Promise<void> {
  if (answers.length === 0) return;
  await learn(db, tenant, answers);
  await rows(
    db,
    `with answer as (
       select * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::float8[])
         as a (id, outcome, code, words, receipt, position, wait)
     ), moved as (
       update connector.command c set
         status = case
           when a.outcome <> 'later' then a.outcome
           when c.lane = 'upsert-profile' and exists (
             select 1 from connector.command newer
             where newer.tenant = c.tenant and newer.person_id = c.person_id and newer.lane = c.lane
               and newer.status in ('pending', 'waiting') and newer.id > c.id) then 'superseded'
           else 'pending' end,
         attempts = c.attempts + (a.outcome = 'later')::int, leased = false,
         due_at = clock_timestamp() + coalesce(a.wait, 0) * interval '1 millisecond',
         receipt = a.receipt, position = a.position, code = a.code, words = a.words,
         settled_at = case when a.outcome in ('later', 'importing') then null else clock_timestamp() end
       from answer a where c.id = a.id and ${ofTenant}
         -- An answer may come after the lease: what was taken must not go out again.
         and c.status || '' = 'pending' and (c.leased or a.outcome in ('accepted', 'importing'))
     )
     insert into connector.ledger (command_id, at, outcome, code, words)
     select a.id, clock_timestamp(), a.outcome, a.code, a.words
     from answer a join connector.command c on c.id = a.id and ${ofTenant}
     -- A plain acceptance is told by the command itself, and is what happens to nearly all of them.
     where a.outcome <> 'accepted' or a.code is not null or a.words is not null`,
    [
      tenant,
      answers.map(({ id }) => id),
      answers.map(({ outcome }) => outcome),
      answers.map((answer) => ('code' in answer ? answer.code : null)),
      answers.map((answer) => wordsOf(answer) ?? null),
      answers.map((answer) => (answer.outcome === 'importing' ? answer.receipt : null)),
      answers.map((answer) => (answer.outcome === 'importing' ? answer.position : null)),
      answers.map((answer) => (answer.outcome === 'later' ? answer.waitMs : null)),
    ],
  );
}

function wordsOf(answer: Answer): string | undefined {
  const words = answer.words === undefined ? undefined : storable(answer.words);
  if (answer.outcome !== 'accepted' || !answer.duplicateOf) return words;
  return `${words ? `${words} ` : ''}(an identifier belongs to profile ${answer.duplicateOf})`;
}

/** Klaviyo's profile id, and identifiers that another profile owns: from now on the person is addressed accordingly. */
async function learn(db: Db, tenant: string, answers: readonly Answer[]): Promise<void> {
  const taught = answers.filter((answer) => answer.outcome === 'accepted').filter(({ klaviyoId, withheld }) => klaviyoId ?? withheld);
  if (taught.length === 0) return;
  await rows(
    db,
    `with answer as (
       select c.person_id, max(a.klaviyo_id) as klaviyo_id, array_agg(distinct a.withheld) filter (where a.withheld is not null) as withheld
       from unnest($2::uuid[], $3::text[], $4::text[]) as a (id, klaviyo_id, withheld)
       join connector.command c on c.id = a.id and ${ofTenant} group by c.person_id
     ), person as materialized (
       select p.id, p.identity
           || case when answer.klaviyo_id is null then '{}' else jsonb_build_object('klaviyoId', answer.klaviyo_id) end
           || case when answer.withheld is null then '{}' else jsonb_build_object('withheld', (
                select jsonb_agg(distinct name) from (
                  select unnest(answer.withheld) as name
                  union select jsonb_array_elements_text(coalesce(p.identity->'withheld', '[]'))) names)) end as identity
       from connector.person p join answer on p.tenant = $1 and p.id = answer.person_id order by p.id for update of p
     )
     update connector.person p set identity = person.identity, state = jsonb_set(p.state, '{identity}', person.identity), updated_at = clock_timestamp()
     from person where p.tenant = $1 and p.id = person.id`,
    [tenant, taught.map(({ id }) => id), taught.map(({ klaviyoId }) => klaviyoId ?? null), taught.map(({ withheld }) => withheld ?? null)],
  );
}

/** Ends an import. Answers the lanes in which commands can go now: those sent again, and updates held back until now. */
export async function settleImportedCommands(
  db: Db,
  tenant: string,
  receipt: string,
  { lost, refused }: { lost: boolean; refused: readonly { position: number; code: ErrorCode; words: string }[] },
): Promise<Lane[]> {
  const ended = await rows<{ lane: Lane }>(
    db,
    `with ended as (
       update connector.command c set
         status = case when not ($3 or $4::jsonb ? c.position::text) then 'accepted'
           when c.lane = 'upsert-profile' and exists (
             select 1 from connector.command newer
             where newer.tenant = c.tenant and newer.person_id = c.person_id and newer.lane = c.lane
               and newer.status in ('pending', 'waiting') and newer.id > c.id) then 'superseded'
           else 'pending' end,
         due_at = clock_timestamp(), alone = c.alone or $4::jsonb ? c.position::text,
         code = $4::jsonb->c.position::text->>'code', words = $4::jsonb->c.position::text->>'words',
         receipt = case when $3 or $4::jsonb ? c.position::text then null else c.receipt end,
         settled_at = case when $3 or $4::jsonb ? c.position::text then null else clock_timestamp() end
       where c.tenant = $1 and c.receipt = $2 and c.status = 'importing'
       returning c.id, c.lane, c.status, c.code, c.words
     ), written as (
       insert into connector.ledger (command_id, at, outcome, code, words)
       select id, clock_timestamp(), case when $3 then 'lost' else 'refused' end, case when $3 then 'KLAVIYO_IMPORT_LOST' else code end, words
       from ended where $3 or code is not null
     )
     select distinct lane from ended`,
    [tenant, receipt, lost, storableJson(lost ? {} : Object.fromEntries(refused.map(({ position, code, words }) => [position, { code, words }])))],
  );
  return ended.map(({ lane }) => lane);
}

export async function markCommandSeen(db: Db, tenant: string, id: string, seen: boolean): Promise<void> {
  await rows(
    db,
    `with marked as (
       update connector.command set status = case when $3 then 'seen' else status end, code = case when $3 then null else 'KLAVIYO_NOT_SEEN' end
       where tenant = $1 and id = $2 and status in ('accepted', 'seen') returning id
     )
     insert into connector.ledger (command_id, at, outcome, code)
     select id, clock_timestamp(), case when $3 then 'seen' else 'not-seen' end, case when $3 then null else 'KLAVIYO_NOT_SEEN' end from marked`,
    [tenant, id, seen],
  );
}
