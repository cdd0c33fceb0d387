import { inBackground, type Answer, type ErrorCode, type Job } from '#core';
import { rows, type Db } from './database.js';
import type { Due } from './jobs.js';
import { superseded } from './outbox.js';
import { storable, storableJson } from './storable.js';

/**
 * Rows are looked up by the command's id, and their tenant only checked. The `is true` keeps every other index out of it: on
 * statistics that lag behind, the planner would rather walk through all that a tenant has. The ids stand beside the join for the same
 * reason: taken for empty, the outbox was walked through once for every answer (measured: 10 000 rows and 1 000 answers, 19 s instead of 0.1 s).
 */
const ofTenant = (table: string) => `(${table}.tenant = $1) is true`;

/** Writes answers: what they teach about persons first (the lock order of `saveChanges`), then ledger, outbox and commands. Jobs decide what they tell. */
export async function settleCommands(db: Db, tenant: string, answers: readonly Answer[]): Promise<Job[]> {
  if (answers.length === 0) return [];
  await learn(db, tenant, answers);
  await writeLedger(db, tenant, answers);
  await finish(db, tenant, answers);
  await keep(db, tenant, answers);
  return tell(db, tenant, answers);
}

/**
 * What an answer tells is decided under the delivery that led to it, so that one id leads from the call to everything that came of it.
 * A delivery that meanwhile waits or is parked keeps its own event; the same goes for one that has been told already. All keep their name: who looks one
 * up asks what came, and a webhook whose token had to be asked for is still that webhook.
 */
async function tell(db: Db, tenant: string, answers: readonly Answer[]): Promise<Job[]> {
  const told = answers.flatMap(({ id, told: event }) => (event ? [{ id, event }] : []));
  if (told.length === 0) return [];
  const updated = await rows<{ background: boolean }>(
    db,
    `with told as materialized (
       select d.id, a.event from unnest($2::uuid[], $3::text[]) as a (id, event) join connector.command c on c.id = a.id and ${ofTenant('c')}
       join connector.delivery d on d.id = c.delivery_id and d.tenant || '' = $1 and d.status = 'processed' order by d.id for update of d
     )
     update connector.delivery d set event = told.event::jsonb || jsonb_build_object('name', d.event->'name'), status = 'undecided' from told where d.id = told.id returning d.background`,
    [tenant, told.map(({ id }) => id), told.map(({ event }) => storableJson(event))],
  );
  return [...new Set(updated.map(({ background }) => background))].map((background) => ({ queue: 'process-events', data: { tenant, ...inBackground(background) } }));
}

/** Accepted and skipped commands leave the outbox. */
async function finish(db: Db, tenant: string, answers: readonly Answer[]): Promise<void> {
  const finished = answers.filter(({ outcome }) => outcome === 'accepted' || outcome === 'skipped');
  if (finished.length === 0) return;
  await rows(
    db,
    `with answer as (
       select * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) as a (id, outcome, code, words)
     ), gone as (
       delete from connector.outbox o using answer a where o.command_id = any($2::uuid[]) and o.command_id = a.id and ${ofTenant('o')}
         -- An answer may come after the lease: what was taken must not go out again.
         and (o.state = 'pending') is true and (o.leased or a.outcome = 'accepted')
       returning o.command_id, o.attempts, a.outcome, a.code, a.words
     )
     update connector.command c set outcome = gone.outcome, attempts = gone.attempts, code = gone.code, words = gone.words, settled_at = clock_timestamp()
     from gone where c.id = gone.command_id`,
    [tenant, finished.map(({ id }) => id), finished.map(({ outcome }) => outcome), finished.map((answer) => codeOf(answer) ?? null), finished.map((answer) => wordsOf(answer) ?? null)],
  );
}

/** A profile update that has to be repeated does not go out when a newer one waits. */
const outdone = `o.lane = 'upsert-profile' and exists (
  select 1 from connector.outbox newer
  where newer.tenant = o.tenant and newer.person_id = o.person_id and newer.lane = o.lane
    and newer.state in ('pending', 'waiting') and newer.command_id > o.command_id)`;

/** All others stay in it: to be repeated, imported, or looked after by a person. */
async function keep(db: Db, tenant: string, answers: readonly Answer[]): Promise<void> {
  const kept = answers.filter(({ outcome }) => outcome === 'later' || outcome === 'importing' || outcome === 'refused');
  if (kept.length === 0) return;
  const later = kept.flatMap(({ id, outcome }) => (outcome === 'later' ? [id] : []));
  if (later.length > 0) {
    await rows(
      db,
      `with gone as (
         delete from connector.outbox o using unnest($2::uuid[]) as a (id)
         where o.command_id = any($2::uuid[]) and o.command_id = a.id and ${ofTenant('o')} and (o.state = 'pending') is true and o.leased and ${outdone}
         returning o.command_id, o.attempts + 1 as attempts
       ) ${superseded}`,
      [tenant, later],
    );
  }
  await rows(
    db,
    `with answer as (
       select * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::float8[])
         as a (id, outcome, code, words, receipt, position, wait)
     ), stayed as (
       update connector.outbox o set state = case a.outcome when 'later' then 'pending' else a.outcome end,
         attempts = o.attempts + (a.outcome = 'later')::int, leased = false,
         due_at = clock_timestamp() + coalesce(a.wait, 0) * interval '1 millisecond', receipt = a.receipt, position = a.position
       from answer a where o.command_id = any($2::uuid[]) and o.command_id = a.id and ${ofTenant('o')}
         and (o.state = 'pending') is true and (o.leased or a.outcome = 'importing')
       returning o.command_id, a.code, a.words
     )
     update connector.command c set code = stayed.code, words = stayed.words from stayed
     where c.id = stayed.command_id and stayed.code is not null`,
    [
      tenant,
      kept.map(({ id }) => id),
      kept.map(({ outcome }) => outcome),
      kept.map((answer) => codeOf(answer) ?? null),
      kept.map((answer) => wordsOf(answer) ?? null),
      kept.map((answer) => (answer.outcome === 'importing' ? answer.receipt : null)),
      kept.map((answer) => (answer.outcome === 'importing' ? answer.position : null)),
      kept.map((answer) => (answer.outcome === 'later' ? answer.waitMs : null)),
    ],
  );
}

/** A plain acceptance is told by the command itself, and is what happens to nearly all of them. */
async function writeLedger(db: Db, tenant: string, answers: readonly Answer[]): Promise<void> {
  const told = answers.filter((answer) => answer.outcome !== 'accepted' || wordsOf(answer) !== undefined);
  if (told.length === 0) return;
  await rows(
    db,
    `insert into connector.ledger (command_id, at, outcome, code, words)
     select a.id, clock_timestamp(), a.outcome, a.code, a.words
     from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) as a (id, outcome, code, words)
     join connector.command c on c.id = a.id and ${ofTenant('c')}`,
    [tenant, told.map(({ id }) => id), told.map(({ outcome }) => outcome), told.map((answer) => codeOf(answer) ?? null), told.map((answer) => wordsOf(answer) ?? null)],
  );
}

function codeOf(answer: Answer): ErrorCode | undefined {
  return 'code' in answer ? answer.code : undefined;
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
       join connector.command c on c.id = a.id and ${ofTenant('c')} group by c.person_id
     ), person as materialized (
       select p.id, p.identity
           || case when answer.klaviyo_id is null then '{}' else jsonb_build_object('klaviyoId', answer.klaviyo_id) end
           || case when answer.withheld is null then '{}' else jsonb_build_object('withheld', (
                select jsonb_agg(distinct name) from (
                  select unnest(answer.withheld) as name
                  union select jsonb_array_elements_text(coalesce(p.identity->'withheld', '[]'))) names)) end as identity
       from connector.person p join answer on p.tenant = $1 and p.id = answer.person_id order by p.id for update of p
     ), named as (
       -- A later event may know the person by nothing else.
       insert into connector.person_identifier (tenant, identifier, person_id)
       select $1, 'klaviyoId:' || answer.klaviyo_id, answer.person_id from answer join person on person.id = answer.person_id
       where answer.klaviyo_id is not null on conflict do nothing
     )
     update connector.person p set identity = person.identity, state = jsonb_set(p.state, '{identity}', person.identity), updated_at = clock_timestamp()
     from person where p.tenant = $1 and p.id = person.id`,
    [tenant, taught.map(({ id }) => id), taught.map(({ klaviyoId }) => klaviyoId ?? null), taught.map(({ withheld }) => withheld ?? null)],
  );
}

/** Ends an import. Answers what can go now: commands sent again, and updates of either kind held back until now. */
export async function settleImportedCommands(
  db: Db,
  tenant: string,
  receipt: string,
  { lost, refused }: { lost: boolean; refused: readonly { position: number; code: ErrorCode; words: string }[] },
): Promise<Due[]> {
  const words = storableJson(lost ? {} : Object.fromEntries(refused.map(({ position, code, words }) => [position, { code, words }])));
  const again = `($3 or $4::jsonb ? o.position::text)`;
  const imported = `o.tenant = $1 and o.receipt = $2 and o.state = 'importing'`;
  const due = await rows<Due>(
    db,
    `with told as (
       insert into connector.ledger (command_id, at, outcome, code, words)
       select o.command_id, clock_timestamp(), case when $3 then 'lost' else 'refused' end,
         case when $3 then 'KLAVIYO_IMPORT_LOST' else $4::jsonb->o.position::text->>'code' end, $4::jsonb->o.position::text->>'words'
       from connector.outbox o where ${imported} and ${again}
     )
     select o.lane, o.background from connector.outbox o where ${imported} and ${again}
     union
     select 'upsert-profile', kind.background from (values (false), (true)) as kind (background)
     where exists (select 1 from connector.outbox o where ${imported})
       and exists (select 1 from connector.outbox o where o.tenant = $1 and o.lane = 'upsert-profile' and o.background = kind.background and o.state = 'pending')`,
    [tenant, receipt, lost, words],
  );
  await rows(db, `with gone as (delete from connector.outbox o where ${imported} and ${again} and ${outdone} returning o.command_id, o.attempts) ${superseded}`, [tenant, receipt, lost, words]);
  await rows(
    db,
    `with back as (
       update connector.outbox o set state = 'pending', due_at = clock_timestamp(), alone = o.alone or $4::jsonb ? o.position::text, receipt = null, position = null
       where ${imported} and ${again}
       returning o.command_id, $4::jsonb->o.position::text as said
     ), gone as (
       delete from connector.outbox o where ${imported} and not ${again} returning o.command_id, o.attempts
     ), refused as (
       update connector.command c set code = back.said->>'code', words = back.said->>'words' from back where c.id = back.command_id
     )
     update connector.command c set outcome = 'accepted', attempts = gone.attempts, code = null, words = null, settled_at = clock_timestamp()
     from gone where c.id = gone.command_id`,
    [tenant, receipt, lost, words],
  );
  return due;
}

export async function markCommandSeen(db: Db, tenant: string, id: string, seen: boolean): Promise<void> {
  await rows(
    db,
    `with marked as (
       update connector.command set outcome = case when $3 then 'seen' else outcome end, code = case when $3 then null else 'KLAVIYO_NOT_SEEN' end
       where tenant = $1 and id = $2 and outcome in ('accepted', 'seen') returning id
     )
     insert into connector.ledger (command_id, at, outcome, code)
     select id, clock_timestamp(), case when $3 then 'seen' else 'not-seen' end, case when $3 then null else 'KLAVIYO_NOT_SEEN' end from marked`,
    [tenant, id, seen],
  );
}
