import { createHash } from 'node:crypto';
import { inBackground, type ErrorCode, type Job, type NewDelivery, type Receipt } from '#core';
import { quick, rows, type Db } from './database.js';
import { storable, storableJson } from './storable.js';

/** Longer keys do not fit into the unique index; their hash stands for them. */
const longestKey = 500;

interface InboxRow {
  id: string;
  tenant: string;
  key: string;
  formerKey: string | null;
  receivedAt: number;
  event: string;
  body: string;
  code: ErrorCode | null;
  runId: string | null;
  /** Its drift kinds, with commas. */
  repairs: string | null;
  /** How many more deliveries of the batch say the same. */
  repeats: number;
}

/** `along`: what is read along with the rows that are given. */
const insert = (along = '') => `
  insert into connector.delivery as d (id, tenant, key, received_at, event, body, status, code, notes, redeliveries, run_id, repairs, background)
  select given.id, given.tenant, coalesce(former.key, given.key), to_timestamp(given.received_at / 1000), given.event::jsonb, given.body,
    case when given.code is null then 'undecided' else 'parked' end, given.code, '[]', given.repeats,
    given.run_id, string_to_array(given.repairs, ','), given.run_id is not null
  from ${along} unnest($1::uuid[], $2::text[], $3::text[], $4::float8[], $5::text[], $6::text[], $7::text[], $8::int[], $9::text[], $10::uuid[], $11::text[])
    as given (id, tenant, key, received_at, event, body, code, repeats, former_key, run_id, repairs)
    left join connector.delivery former on former.tenant = given.tenant and former.key = given.former_key
      and former.received_at > to_timestamp(given.received_at / 1000) - interval '24 hours'
  on conflict (tenant, key) do update set redeliveries = d.redeliveries + excluded.redeliveries + 1
  returning d.id, d.tenant, d.key`;

/** A statement of pg-boss that adds jobs. */
export interface JobStatement {
  text: string;
  values: unknown[];
}

/**
 * Writes deliveries and the jobs that decide them with one statement, however many they are: one trip to the database and
 * one transaction. The answer has one receipt for each, in their order.
 */
export async function writeDeliveries(db: Db, deliveries: readonly NewDelivery[], nextId: () => string, jobs?: JobStatement): Promise<Receipt[]> {
  const fresh = new Map<string, InboxRow>();
  const given = deliveries.map((delivery) => toRow(delivery, nextId));
  const ownKeys = given.map(keyOf);
  const own = new Set(ownKeys);
  const keys = given.map((row, n) => {
    const former = row.formerKey === null ? undefined : keyOf({ tenant: row.tenant, key: row.formerKey });
    const isFormer = former !== undefined && own.has(former);
    const key = isFormer ? former : ownKeys[n]!;
    const known = fresh.get(key);
    if (known) known.repeats += 1;
    else fresh.set(key, isFormer ? { ...row, key: row.formerKey!, formerKey: null } : row);
    return key;
  });
  // Two replicas that write the same keys in different order would wait for each other for ever.
  const ordered = [...fresh.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  const column = <K extends keyof InboxRow>(name: K) => ordered.map((row) => row[name]);
  const values = [column('id'), column('tenant'), column('key'), column('receivedAt'), column('event'), column('body'), column('code'), column('repeats'), column('formerKey'), column('runId'), column('repairs')];
  // A run finds again what a server that crashes loses of its repairs; a webhook whose sender was answered nobody would find again.
  const isFoundAgain = ordered.every(({ runId }) => runId !== null);
  const before = [...(isFoundAgain ? [quick] : []), ...(jobs ? [`jobs as (${jobs.text.replaceAll(/\$(\d+)/g, (_, n) => `$${Number(n) + values.length}`)})`] : [])];
  const written = await rows<{ id: string; tenant: string; key: string }>(
    db,
    `${before.length > 0 ? `with ${before.join(', ')}` : ''} ${insert(isFoundAgain ? 'quick,' : '')}`,
    jobs ? [...values, ...jobs.values] : values,
  );
  const idOf = new Map(written.map((row) => [keyOf(row), row.id]));
  const seen = new Set<string>();
  return keys.map((key) => {
    const { id: own, tenant, formerKey } = fresh.get(key)!;
    const id = idOf.get(key) ?? idOf.get(keyOf({ tenant, key: formerKey ?? '' }))!;
    const redelivered = seen.has(key) || id !== own;
    seen.add(key);
    return { id, redelivered };
  });
}

/** One job per tenant and kind; for a batch of nothing but redeliveries it finds nothing to do. */
export function decideJobs(deliveries: readonly NewDelivery[]): Job[] {
  const undecided = deliveries.filter(({ parked }) => !parked);
  return [false, true].flatMap((background) => {
    const ofKind = undecided.filter(({ repair }) => (repair !== undefined) === background);
    return [...new Set(ofKind.map(({ tenant }) => tenant))].map((tenant): Job => ({ queue: 'process-events', data: { tenant, ...inBackground(background) } }));
  });
}

function toRow({ tenant, key, formerKey, receivedAt, event, body, parked, repair }: NewDelivery, nextId: () => string): InboxRow {
  const plain = storable(key);
  return {
    id: nextId(),
    tenant,
    key: plain.length > longestKey ? `sha256:${createHash('sha256').update(key).digest('hex')}` : plain,
    formerKey: formerKey ?? null,
    receivedAt,
    event: storableJson(event),
    body: storable(body),
    code: parked ?? null,
    runId: repair?.runId ?? null,
    repairs: repair?.kinds.join(',') ?? null,
    repeats: 0,
  };
}

const keyOf = ({ tenant, key }: { tenant: string; key: string }) => JSON.stringify([tenant, key]);
