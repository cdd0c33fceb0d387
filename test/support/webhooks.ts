import { envelope, signWebhook, type StoryEvent } from '#emulators';
import { inDatabase } from './database.js';
import { keys, tenant } from './running-connector.js';

export interface Heard {
  status: number;
  headers: Headers;
  /** The body as text; `{}` where it is no JSON. */
  text: string;
  json: Record<string, unknown>;
}

/** One request and all of its answer. */
export async function ask(url: string, init: RequestInit = {}): Promise<Heard> {
  const response = await fetch(url, init);
  const text = await response.text();
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // A page or plain text.
  }
  return { status: response.status, headers: response.headers, text, json };
}

/** Sends a body as The Wallet Crew would: signed. */
export function deliver(hook: string, body: string, { secret = keys.webhookSecret, signature = signWebhook(secret, body) }: { secret?: string; signature?: string } = {}): Promise<Heard> {
  return ask(hook, { method: 'POST', headers: { 'content-type': 'application/json', 'x-neostore-signature': signature }, body });
}

export const bodyOf = (event: StoryEvent, id: string) => JSON.stringify(envelope(event, id, tenant));

/** An operator's call. */
export function operate(url: string, path: string, method = 'GET', token: string = keys.operations, of = tenant): Promise<Heard> {
  return ask(`${url}/api/${of}/operations/${path}`, { method, headers: { authorization: `Bearer ${token}` } });
}

/**
 * Lets everything that waits for a time believe that so much of it has passed: pauses, retries and jobs. A job that comes early must not stand for the one of its old time.
 * It never waits for a row that the connector has in hand, which then has nothing to wait for: each waiting for the other, the connector could lose, and what it had in hand would wait for its lease to end.
 */
export async function passTime(databaseUrl: string, minutes: number): Promise<void> {
  const free = (key: string, table: string, which = 'true') => `${key} in (select ${key} from ${table} where ${which} for update skip locked)`;
  await inDatabase(
    databaseUrl,
    `with keys as (update pgboss.job set singleton_on = null where ${free('id', 'pgboss.job', "state >= 'active' and name = 'send-commands'")}),
    pauses as (update connector.pause set until = until - make_interval(secs => 60 * $1::float8)),
    commands as (update connector.command set settled_at = settled_at - make_interval(secs => 60 * $1::float8) where ${free('id', 'connector.command')}),
    outbox as (update connector.outbox set due_at = due_at - make_interval(secs => 60 * $1::float8) where ${free('command_id', 'connector.outbox', 'not leased')})
    update pgboss.job set start_after = start_after - make_interval(secs => 60 * $1::float8), singleton_on = null where ${free('id', 'pgboss.job', "state < 'active' and name <> 'read-back'")}`,
    [minutes],
  );
}

/** Lets half a minute pass if there is a command that waits for nothing else. Klaviyo dates what it holds by a time that does not pass with ours: some minutes more, and our own yes looks like a newer one of somebody else. */
export async function passWait(databaseUrl: string): Promise<void> {
  const waiting = await inDatabase(databaseUrl, `select 1 from connector.outbox where state = 'pending' and not leased and due_at > now() limit 1`);
  if (waiting.length > 0) await passTime(databaseUrl, 0.5);
}

/**
 * What a killed process had in hand is free again when its lease ends, after a minute and a half, and the leave to call that it
 * had taken after a minute. This ends what is older than 15 s, longer than a living process has anything in hand while Klaviyo is well.
 */
export async function endLeases(databaseUrl: string): Promise<void> {
  await inDatabase(databaseUrl, `
    with permits as (update connector.permit set settled = true, ends_at = now() where not settled and taken_at < now() - interval '15 seconds'),
    leases as (update connector.outbox set due_at = now() where leased and due_at between now() and now() + interval '75 seconds' returning command_id)
    update pgboss.job set start_after = now(), singleton_on = null where state < 'active' and name = 'send-commands' and exists (select 1 from leases)`);
}
