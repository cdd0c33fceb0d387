import { inBackground, type CommandRecord, type DeliveryRecord, type Job, type LedgerEntry, type Parked, type Person } from '#core';
import { IsolationLevel, type EntityManager, type InferEntity } from '@mikro-orm/postgresql';
import { rows, type Database, type Db } from './database.js';
import { CommandEntity, DeliveryEntity, LedgerEntity, OutboxEntity, type Outcome } from './entities.js';
import { sendJobs, type Due } from './jobs.js';
import { raise } from './outbox.js';

export async function readDelivery(database: Database, tenant: string, id: string): Promise<DeliveryRecord | undefined> {
  return (await readDeliveries(database, tenant, [id]))[0];
}

/** In the order of the ids, as they were at one moment: a command that ends meanwhile is neither in the outbox nor ended otherwise. */
export async function readDeliveries({ orm }: Database, tenant: string, ids: readonly string[]): Promise<DeliveryRecord[]> {
  return orm.em.fork().transactional((em) => read(em, tenant, ids), { isolationLevel: IsolationLevel.REPEATABLE_READ, readOnly: true });
}

async function read(em: EntityManager, tenant: string, ids: readonly string[]): Promise<DeliveryRecord[]> {
  const deliveries = new Map((await em.find(DeliveryEntity, { tenant, id: { $in: [...ids] } })).map((delivery) => [delivery.id, delivery]));
  const commands = await em.find(CommandEntity, { tenant, deliveryId: { $in: [...deliveries.keys()] } }, { orderBy: { id: 'asc' } });
  const commandId = { $in: commands.map((command) => command.id) };
  const ledger = await em.find(LedgerEntity, { commandId }, { orderBy: { id: 'asc' } });
  const open = new Map((await em.find(OutboxEntity, { commandId })).map((waiting) => [waiting.commandId, waiting]));
  return ids.flatMap((id) => {
    const delivery = deliveries.get(id);
    return delivery ? [toRecord(delivery, commands.filter(({ deliveryId }) => deliveryId === id), ledger, open)] : [];
  });
}

function toRecord(
  delivery: InferEntity<typeof DeliveryEntity>,
  commands: InferEntity<typeof CommandEntity>[],
  ledger: InferEntity<typeof LedgerEntity>[],
  open: ReadonlyMap<string, InferEntity<typeof OutboxEntity>>,
): DeliveryRecord {
  return {
    id: delivery.id,
    tenant: delivery.tenant,
    receivedAt: delivery.receivedAt.getTime(),
    event: delivery.event,
    ...(delivery.event.kind === 'unknown' ? { body: delivery.body } : {}),
    status: delivery.status,
    ...(delivery.code ? { code: delivery.code } : {}),
    ...(delivery.runId ? { repair: { runId: delivery.runId, kinds: delivery.repairs ?? [] } } : {}),
    ...inBackground(delivery.background),
    redeliveries: delivery.redeliveries,
    notes: delivery.notes,
    commands: commands.map(
      (command): CommandRecord => ({
        id: command.id,
        lane: command.lane,
        status: command.outcome ?? open.get(command.id)!.state,
        ...dueAt(open.get(command.id)),
        command: command.command,
        ledger: withAcceptance(
          command,
          ledger
            .filter(({ commandId }) => commandId === command.id)
            .map(({ at, outcome, code, words }): LedgerEntry => ({ at: at.getTime(), outcome, ...(code ? { code } : {}), ...(words ? { words } : {}) })),
        ),
      }),
    ),
  };
}

function dueAt(waiting: InferEntity<typeof OutboxEntity> | undefined): { dueAt?: number } {
  return waiting?.state === 'pending' ? { dueAt: waiting.dueAt.getTime() } : {};
}

/** A plain acceptance has no row of its own in the ledger table, unless the command was sent again after it. */
function withAcceptance({ outcome, settledAt }: { outcome?: Outcome | null; settledAt?: Date | null }, entries: LedgerEntry[]): LedgerEntry[] {
  const last = entries.slice(entries.findLastIndex((entry) => entry.outcome === 'sent-again') + 1);
  if (!settledAt || !['accepted', 'seen'].includes(outcome ?? '') || last.some((entry) => entry.outcome === 'accepted')) return entries;
  return [...entries, { at: settledAt.getTime(), outcome: 'accepted' }].toSorted((a, b) => a.at - b.at);
}

export async function listParked(database: Database, tenant: string, limit: number): Promise<Parked[]> {
  const found = await database.rows<Omit<Parked, 'words'> & { words: string | null }>(
    `(select id, 'delivery' as what, event->>'name' as name, code, null as words, (extract(epoch from received_at) * 1000)::float8 as at
      from connector.delivery where tenant = $1 and status = 'parked' order by id desc limit $2)
     union all
     (select c.id, 'command', coalesce(c.command->>'metric', c.lane), c.code, c.words, (extract(epoch from o.due_at) * 1000)::float8
      from connector.outbox o join connector.command c on c.id = o.command_id
      where o.tenant = $1 and o.state = 'refused' order by o.command_id desc limit $2)
     order by at desc, id desc limit $2`,
    [tenant, limit],
  );
  return found.map(({ words, at, ...parked }) => ({ ...parked, at: Math.round(at), ...(words === null ? {} : { words }) }));
}

/** Puts a parked item back to where it came from, live; answers the jobs that take it up, none if there is no such item. */
export async function unpark(db: Db, tenant: string, id: string): Promise<Job[]> {
  const deliveries = await rows(
    db,
    `update connector.delivery set status = 'undecided', code = null, background = false where tenant = $1 and id = $2 and status = 'parked' returning id`,
    [tenant, id],
  );
  if (deliveries.length > 0) return [{ queue: 'process-events', data: { tenant } }];
  const due = await rows<Due>(
    db,
    `with replayed as (
       update connector.outbox set state = 'pending', attempts = 0, leased = false, alone = false, due_at = clock_timestamp(), receipt = null, position = null, background = false
       where tenant = $1 and command_id = $2 and state = 'refused' returning command_id, lane, person_id
     ), raised as (${raise('select person_id from replayed')}), forgotten as (
       update connector.command c set code = null, words = null from replayed where c.id = replayed.command_id returning c.delivery_id
     ), told as (
       -- What its answer tells is decided live too.
       update connector.delivery d set background = false from forgotten where d.id = forgotten.delivery_id and d.background
     ), sent as (
       -- Whoever replays a notification wants it sent, whatever became of the first.
       delete from connector.notification n using replayed where n.command_id = replayed.command_id
     ), written as (
       insert into connector.ledger (command_id, at, outcome) select command_id, clock_timestamp(), 'replayed' from replayed
     ) select lane, false as background from replayed union select lane, false from raised where state = 'pending'`,
    [tenant, id],
  );
  return sendJobs(tenant, due);
}

export async function findPerson(database: Database, tenant: string, identifier: string): Promise<Person | undefined> {
  const [found] = await database.rows<{ state: Person }>(
    `select p.state from connector.person_identifier i join connector.person p on p.tenant = i.tenant and p.id = i.person_id
     where i.tenant = $1 and i.identifier = $2 order by p.id limit 1`,
    [tenant, identifier],
  );
  return found?.state;
}
