import { defineEntity, p } from '@mikro-orm/core';
import type { Checkpoint, Command, DriftKind, ErrorCode, Identity, Lane, Note, NewDelivery, Person, Report, RunOptions, RunStatus } from '#core';

/** Our tables live in a schema of their own, so that a database can be shared; pg-boss keeps its own beside it. */
export const schema = 'connector';

export type DeliveryStatus = 'undecided' | 'processed' | 'ignored' | 'parked';
/** How a command ended. */
export type Outcome = 'accepted' | 'seen' | 'superseded' | 'skipped';
/**
 * `waiting`: nobody at Klaviyo to address yet. `pending`: may go when `due_at` has come; while `leased` it is on its way and comes
 * due again only if its process dies. `importing`: part of an import that is still running. `refused`: waits for a person to replay it.
 */
export type OutboxState = 'waiting' | 'pending' | 'importing' | 'refused';

/** The inbox. */
export const DeliveryEntity = defineEntity({
  name: 'Delivery',
  tableName: 'delivery',
  schema,
  properties: {
    id: p.uuid().primary(),
    tenant: p.text(),
    key: p.text(),
    receivedAt: p.datetime(3),
    event: p.json<NewDelivery['event']>(),
    body: p.text(),
    status: p.text().$type<DeliveryStatus>(),
    code: p.text().$type<ErrorCode>().nullable(),
    notes: p.json<Note[]>(),
    redeliveries: p.integer(),
    /** The run whose repair it is, and of which kinds of drift. */
    runId: p.uuid().nullable(),
    repairs: p.array().$type<DriftKind[]>().nullable(),
    /** Whom it turned out to be about, once it was decided. */
    personId: p.text().nullable(),
    /** It waits for everything live. A repair that an operator replays does not. */
    background: p.boolean().default(false),
  },
  uniques: [{ name: 'delivery_key', properties: ['tenant', 'key'] }],
  indexes: [
    { name: 'delivery_undecided', properties: ['background', 'tenant', 'id'], where: `status = 'undecided'` },
    { name: 'delivery_parked', properties: ['tenant', 'id'], where: `status = 'parked'` },
    { name: 'delivery_run', properties: ['runId'], where: `run_id is not null` },
    { name: 'delivery_person', properties: ['tenant', 'personId', 'id'], where: `person_id is not null` },
  ],
});

export const PersonEntity = defineEntity({
  name: 'Person',
  tableName: 'person',
  schema,
  properties: {
    tenant: p.text().primary(),
    id: p.text().primary(),
    state: p.json<Person>(),
    identity: p.json<Identity>(),
    updatedAt: p.datetime(3),
    /** When its token of pass links was given out, or last asked for. */
    tokenAt: p.datetime(3).nullable(),
  },
  indexes: [{ name: 'person_token', properties: ['tenant', 'tokenAt'], where: `token_at is not null` }],
});

/** By which keys a person is found. Two persons may share one: families share phones. */
export const PersonIdentifierEntity = defineEntity({
  name: 'PersonIdentifier',
  tableName: 'person_identifier',
  schema,
  properties: {
    tenant: p.text().primary(),
    identifier: p.text().collation('C').primary(),
    personId: p.text().primary(),
  },
  indexes: [{ name: 'person_identifier_person', properties: ['tenant', 'personId'] }],
});

/** What was decided to be told to Klaviyo, and how it ended. */
export const CommandEntity = defineEntity({
  name: 'Command',
  tableName: 'command',
  schema,
  properties: {
    id: p.uuid().primary(),
    tenant: p.text(),
    lane: p.text().$type<Lane>(),
    deliveryId: p.uuid(),
    personId: p.text(),
    command: p.json<Command>(),
    /** Of an event its unique id, else nothing. */
    dedupeKey: p.text().nullable(),
    /** Nothing while it is in the outbox. */
    outcome: p.text().$type<Outcome>().nullable(),
    /** How often it was tried before it ended. */
    attempts: p.integer(),
    code: p.text().$type<ErrorCode>().nullable(),
    words: p.text().nullable(),
    settledAt: p.datetime(6).nullable(),
  },
  uniques: [{ name: 'command_dedupe_key', properties: ['tenant', 'dedupeKey'] }],
  indexes: [
    { name: 'command_person', properties: ['tenant', 'personId', 'lane'] },
    { name: 'command_delivery', properties: ['deliveryId'] },
    { name: 'command_event', expression: `create index command_event on connector.command (tenant, (command->>'metric'), ((command->'at')::bigint)) where lane = 'track'` },
  ],
});

/** The commands that have not ended yet. Apart from `command` because these rows change several times and go: there it would rewrite every index. */
export const OutboxEntity = defineEntity({
  name: 'Outbox',
  tableName: 'outbox',
  schema,
  properties: {
    commandId: p.uuid().primary(),
    tenant: p.text(),
    lane: p.text().$type<Lane>(),
    personId: p.text(),
    bytes: p.integer(),
    state: p.text().$type<OutboxState>(),
    /** Does not go before an open profile update of the same person. */
    afterProfile: p.boolean(),
    attempts: p.integer(),
    dueAt: p.datetime(6),
    leased: p.boolean(),
    /** A bulk import refused it; it goes by itself. */
    alone: p.boolean(),
    /** The import it is part of, and where in it. */
    receipt: p.text().nullable(),
    position: p.integer().nullable(),
    /** It waits for everything live, and nothing live waits for it. */
    background: p.boolean().default(false),
  },
  indexes: [
    { name: 'outbox_due', properties: ['tenant', 'lane', 'background', 'attempts', 'commandId'], where: `state = 'pending'` },
    { name: 'outbox_person', properties: ['tenant', 'personId', 'lane'], where: `lane <> 'track'` },
    { name: 'outbox_waiting', properties: ['tenant', 'personId'], where: `state = 'waiting'` },
    { name: 'outbox_import', properties: ['tenant', 'receipt'], where: `state = 'importing'` },
    { name: 'outbox_refused', properties: ['tenant', 'commandId'], where: `state = 'refused'` },
  ],
});

export const LedgerEntity = defineEntity({
  name: 'Ledger',
  tableName: 'ledger',
  schema,
  properties: {
    id: p.bigint().primary().autoincrement(),
    commandId: p.uuid(),
    at: p.datetime(3),
    outcome: p.text(),
    code: p.text().$type<ErrorCode>().nullable(),
    words: p.text().nullable(),
  },
  indexes: [{ name: 'ledger_command', properties: ['commandId'] }],
});

/** One reconciliation of one tenant. */
export const RunEntity = defineEntity({
  name: 'Run',
  tableName: 'run',
  schema,
  properties: {
    id: p.uuid().primary(),
    tenant: p.text(),
    options: p.json<RunOptions>(),
    status: p.text().$type<RunStatus>(),
    startedAt: p.datetime(3),
    endedAt: p.datetime(3).nullable(),
    resumed: p.integer(),
    checkpoint: p.json<Checkpoint>(),
    report: p.json<Report>().nullable(),
    code: p.text().$type<ErrorCode>().nullable(),
    /** Whoever knows it holds the run, until then. */
    lease: p.text().nullable(),
    leasedUntil: p.datetime(6).nullable(),
    phaseAt: p.datetime(6).nullable(),
    cancelAsked: p.boolean(),
  },
  uniques: [{ name: 'run_running', properties: ['tenant'], where: `status = 'running'` }],
  indexes: [{ name: 'run_started', properties: ['tenant', 'startedAt'] }],
});

/** What a run has come across. Millions of rows in one run: nothing else belongs here. */
export const RunSeenEntity = defineEntity({
  name: 'RunSeen',
  tableName: 'run_seen',
  schema,
  properties: {
    runId: p.uuid().primary(),
    what: p.text().primary(),
    key: p.text().collation('C').primary(),
    profile: p.text().nullable(),
  },
});

/** Up to which time something outside has been read. */
export const WatermarkEntity = defineEntity({
  name: 'Watermark',
  tableName: 'watermark',
  schema,
  properties: {
    tenant: p.text().primary(),
    name: p.text().primary(),
    at: p.datetime(3),
  },
});

/** A notification that was sent to a pass, or may have been. */
export const NotificationEntity = defineEntity({
  name: 'Notification',
  tableName: 'notification',
  schema,
  properties: {
    commandId: p.uuid().primary(),
    tenant: p.text(),
    passId: p.text(),
    at: p.datetime(6),
  },
  indexes: [{ name: 'notification_pass', properties: ['tenant', 'passId', 'at'] }],
});

/** One call to a vendor that still counts against its limits. */
export const PermitEntity = defineEntity({
  name: 'Permit',
  tableName: 'permit',
  schema,
  properties: {
    id: p.bigint().primary().autoincrement(),
    account: p.text(),
    operation: p.text(),
    takenAt: p.datetime(6),
    /** When the call was answered; until then when it is given up for lost, because its process may have died. */
    endsAt: p.datetime(6),
    settled: p.boolean(),
    /** The one call that tries whether a failed account is back. */
    probe: p.boolean(),
  },
  indexes: [
    { name: 'permit_window', properties: ['account', 'operation', 'endsAt'] },
    { name: 'permit_probe', properties: ['account'], where: `probe and not settled` },
  ],
});

/** Until when nobody calls an operation; `*` stands for all operations of the account. */
export const PauseEntity = defineEntity({
  name: 'Pause',
  tableName: 'pause',
  schema,
  properties: {
    account: p.text().primary(),
    operation: p.text().primary(),
    until: p.datetime(6),
    failures: p.integer(),
    /** Whether a call tried the account since the last failure counted. */
    probed: p.boolean(),
  },
});

export const entities = [DeliveryEntity, PersonEntity, PersonIdentifierEntity, CommandEntity, OutboxEntity, LedgerEntity, RunEntity, RunSeenEntity, NotificationEntity, WatermarkEntity, PermitEntity, PauseEntity];
