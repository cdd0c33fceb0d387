import { goes, identifierKeys, type Changes, type DeliveryOutcome, type Person } from '#core';
import { rows, type Db } from './database.js';
import type { Outcome, OutboxState } from './entities.js';
import type { Due } from './jobs.js';
import { raise, superseded } from './outbox.js';
import { storable, storableJson } from './storable.js';

/**
 * Writes what was decided, with a handful of statements however much it is, and answers the lanes that now have commands to
 * send. Persons come before commands, here and wherever answers are settled: one order everywhere means no deadlock.
 */
export async function saveChanges(db: Db, tenant: string, changes: Changes, nextId: () => string): Promise<Due[]> {
  await savePersons(db, tenant, changes.persons);
  await absorb(db, tenant, changes.absorbed);
  const released = await release(db, tenant, changes.persons);
  const added = await addCommands(db, tenant, changes.commands, nextId);
  await follow(db, tenant, changes.absorbed);
  await saveOutcomes(db, tenant, changes.outcomes);
  return [...released, ...added];
}

/** Identifiers only ever come: each value ever said may be how the next event names the person. */
async function savePersons(db: Db, tenant: string, persons: readonly Person[]): Promise<void> {
  if (persons.length === 0) return;
  const ordered = [...persons].sort((a, b) => (a.id < b.id ? -1 : 1));
  const keys = ordered.flatMap((person) => [...new Set(identifierKeys(person).map(storable))].map((identifier) => ({ id: person.id, identifier })));
  await rows(
    db,
    `with saved as (
       insert into connector.person (tenant, id, state, identity, updated_at, token_at)
       select $1, given.id, given.state::jsonb, given.state::jsonb->'identity', clock_timestamp(), to_timestamp(given.token_at / 1000)
       from unnest($2::text[], $3::text[], $6::float8[]) as given (id, state, token_at)
       on conflict (tenant, id) do update set state = excluded.state, identity = excluded.identity, updated_at = excluded.updated_at, token_at = excluded.token_at
     )
     insert into connector.person_identifier (tenant, identifier, person_id)
     select $1, given.identifier, given.id from unnest($4::text[], $5::text[]) as given (id, identifier)
     on conflict do nothing`,
    [tenant, ordered.map(({ id }) => id), ordered.map((person) => storableJson(person)), keys.map(({ id }) => id), keys.map(({ identifier }) => identifier), ordered.map(({ token, tokenAskedAt = 0 }) => (token ? Math.max(token.at, tokenAskedAt) : null))],
  );
}

/** `from` may itself have absorbed somebody earlier in the batch; everybody ends at the last one. */
function pairsOf(absorbed: Changes['absorbed']): [gone: string[], stays: string[]] {
  const next = new Map(absorbed.map(({ from, into }) => [from, into]));
  const last = (id: string): string => (next.has(id) ? last(next.get(id)!) : id);
  const gone = [...next.keys()];
  return [gone, gone.map(last)];
}

async function absorb(db: Db, tenant: string, absorbed: Changes['absorbed']): Promise<void> {
  if (absorbed.length === 0) return;
  await rows(
    db,
    `with moved as (select * from unnest($2::text[], $3::text[]) as pair (gone, stays)),
     commands as (
       update connector.command c set person_id = moved.stays from moved where c.tenant = $1 and c.person_id = moved.gone returning c.id, moved.stays
     ), outbox as (
       update connector.outbox o set person_id = commands.stays from commands where o.command_id = commands.id
     ), named as (
       insert into connector.person_identifier (tenant, identifier, person_id)
       select i.tenant, i.identifier, moved.stays from connector.person_identifier i join moved on i.person_id = moved.gone
       where i.tenant = $1 on conflict do nothing
     ), unnamed as (
       delete from connector.person_identifier i using moved where i.tenant = $1 and i.person_id = moved.gone
     )
     delete from connector.person p using moved where p.tenant = $1 and p.id = moved.gone`,
    [tenant, ...pairsOf(absorbed)],
  );
}

/** Deliveries come after commands wherever answers are settled too, and always in the order of their ids. */
async function follow(db: Db, tenant: string, absorbed: Changes['absorbed']): Promise<void> {
  if (absorbed.length === 0) return;
  await rows(
    db,
    `with about as materialized (
       select id from connector.delivery where tenant = $1 and person_id = any($2::text[]) order by id for update
     )
     update connector.delivery d set person_id = ($3::text[])[array_position($2::text[], d.person_id)] from about where d.id = about.id`,
    [tenant, ...pairsOf(absorbed)],
  );
}

/** Commands that waited for an identifier go out now that there is one. */
async function release(db: Db, tenant: string, persons: readonly Person[]): Promise<Due[]> {
  const reachable = persons.map(({ id, identity }) => ({ id, goes: goes(identity) })).filter((person) => person.goes !== 'when-reachable');
  if (reachable.length === 0) return [];
  return rows<Due>(
    db,
    `with released as (
       update connector.outbox set state = 'pending', due_at = clock_timestamp(), after_profile = person_id = any($3::text[])
       where tenant = $1 and person_id = any($2::text[]) and state = 'waiting' returning lane, background
     ) select distinct lane, background from released`,
    [tenant, reachable.map(({ id }) => id), reachable.filter((person) => person.goes === 'after-profile').map(({ id }) => id)],
  );
}

/**
 * Commands of a person that are no events wait for each other, and events may wait for the profile. So that nothing live waits for what
 * goes in the background, they are all live as soon as one command of the person is.
 */
async function addCommands(db: Db, tenant: string, commands: Changes['commands'], nextId: () => string): Promise<Due[]> {
  if (commands.length === 0) return [];
  const lastUpdate = new Map(commands.flatMap((given) => (given.command.do === 'upsert-profile' ? [[given.personId, given] as const] : [])));
  const given = commands.map((one) => {
    const { deliveryId, personId, command } = one;
    const json = storableJson(command);
    const outdated = command.do === 'upsert-profile' && lastUpdate.get(personId) !== one;
    const outcome: Outcome | null = outdated ? 'superseded' : null;
    const state: OutboxState = one.goes === 'when-reachable' ? 'waiting' : 'pending';
    return { id: nextId(), deliveryId, personId, lane: command.do, json, bytes: Buffer.byteLength(json), key: command.do === 'track' ? storable(command.uniqueId) : null, outcome, state, afterProfile: one.goes === 'after-profile' };
  });
  const column = <K extends keyof (typeof given)[number]>(name: K) => given.map((row) => row[name]);
  const due = await rows<Due>(
    db,
    `with given as materialized (
       select given.*, case when not coalesce((select d.background from connector.delivery d where d.id = given.delivery_id), false) then false
         else given.lane = 'track' or not exists (
           select 1 from connector.outbox live where live.tenant = $1 and live.person_id = given.person_id and live.lane <> 'track'
             and not live.background and live.state <> 'refused' offset 0) end as background
       from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[], $10::text[], $11::boolean[])
         as given (id, lane, delivery_id, person_id, command, bytes, dedupe_key, outcome, state, after_profile)
     ), raised as (${raise(`select distinct person_id from given where not background`)}), added as (
       insert into connector.command (id, tenant, lane, delivery_id, person_id, command, dedupe_key, outcome, attempts)
       select id, $1, lane, delivery_id, person_id, command::jsonb, dedupe_key, outcome, 0 from given
       on conflict (tenant, dedupe_key) do nothing
       returning id, outcome
     ), open as (
       insert into connector.outbox (command_id, tenant, lane, person_id, bytes, state, after_profile, attempts, due_at, leased, alone, background)
       select given.id, $1, given.lane, given.person_id, given.bytes, given.state, given.after_profile, 0, clock_timestamp(), false, false, given.background
       from added join given on given.id = added.id where added.outcome is null
       returning lane, state, background
     ) select lane, background from open where state = 'pending' union select lane, false from raised where state = 'pending'`,
    [tenant, column('id'), column('lane'), column('deliveryId'), column('personId'), column('json'), column('bytes'), column('key'), column('outcome'), column('state'), column('afterProfile')],
  );
  const updated = given.filter(({ lane }) => lane === 'upsert-profile');
  if (updated.length > 0) await supersede(db, tenant, updated);
  return due;
}

/** A profile update holds all that the ones before it held, so those not yet on their way need not go. They go last, so that the new one is live where one of them was. */
async function supersede(db: Db, tenant: string, updates: readonly { id: string; personId: string }[]): Promise<void> {
  await rows(
    db,
    `with gone as (
       delete from connector.outbox o
       where o.tenant = $1 and o.person_id = any($2::text[]) and o.lane = 'upsert-profile' and o.state in ('pending', 'waiting')
         and not (o.leased and o.due_at > clock_timestamp()) and o.command_id <> all($3::uuid[])
       returning o.command_id, o.attempts
     ) ${superseded}`,
    [tenant, updates.map(({ personId }) => personId), updates.map(({ id }) => id)],
  );
}

async function saveOutcomes(db: Db, tenant: string, outcomes: readonly DeliveryOutcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  await rows(
    db,
    `update connector.delivery d set status = given.status, code = given.code, notes = d.notes || given.notes::jsonb, person_id = coalesce(given.person_id, d.person_id)
     from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[]) as given (id, status, code, notes, person_id)
     -- By id alone, see \`ofTenant\` in settle.ts.
     where d.id = given.id and d.tenant || '' = $1`,
    [
      tenant,
      outcomes.map(({ id }) => id),
      outcomes.map(({ status }) => status),
      outcomes.map((outcome) => (outcome.status === 'parked' ? outcome.code : null)),
      outcomes.map(({ notes }) => storableJson(notes)),
      outcomes.map((outcome) => ('personId' in outcome ? outcome.personId : null)),
    ],
  );
}
