import { createHmac, timingSafeEqual } from 'node:crypto';
import { bareEvent, type Channel, ConnectorError, fingerprint, type ProfileName, type WalletEvent } from '#core';
import { record } from './errors.js';
import { instantOf } from './instant.js';
import { mergedIdsIn, methodIn } from './system-webhook-guesses.js';

/** What Klaviyo sends along to prove that it was Klaviyo. */
export interface SystemWebhookProof {
  /** `Klaviyo-Signature` */
  signature: string | undefined;
  /** `Klaviyo-Timestamp` */
  timestamp: string | undefined;
}

/**
 * Whether the signature is hex(HMAC-SHA256(secret, body ‖ `Klaviyo-Timestamp` as it stands there)), without separator or prefix
 * (Klaviyo: Working with system webhooks). How old the call is does not count: that header has been seen hours off, Klaviyo repeats a
 * call for 48 hours, and an event that comes twice is recognised by its id.
 */
export function isSystemWebhook(secret: string, body: Uint8Array, { signature, timestamp }: SystemWebhookProof): boolean {
  if (timestamp === undefined || !/^[0-9a-f]{64}$/i.test(signature ?? '')) return false;
  const expected = createHmac('sha256', secret).update(body).update(timestamp).digest();
  return timingSafeEqual(Buffer.from(signature!, 'hex'), expected);
}

/** What a system webhook brought: each event for itself, as deliveries. */
export interface TakenEvents {
  deliveries: { key: string; event: WalletEvent; body: string }[];
  /** Of topics that mean nothing to us; not kept, because an account may send its opens and clicks by the thousand. */
  ignored: number;
  /** They mean something, but do not say about whom or since when. */
  unusable: number;
}

/**
 * Reads what has been proven to come from Klaviyo. `webhookId` is `Klaviyo-Webhook-Id`: no signature covers that header, so it has
 * to name the webhook that the signed body names. `receivedAt`: epoch milliseconds.
 */
export function readSystemWebhook(body: string, receivedAt: number, webhookId: string | undefined): TakenEvents {
  const { data, meta } = parse(body);
  if (record(meta)['klaviyo_webhook_id'] !== webhookId) throw new ConnectorError('SYSTEM_WEBHOOK_REFUSED', 'Header and body name different webhooks.');
  if (!Array.isArray(data)) throw new ConnectorError('EVENT_UNREADABLE');
  const sentAt = instantOf(record(meta)['timestamp']);
  const taken: TakenEvents = { deliveries: [], ignored: 0, unusable: 0 };
  for (const item of data.map(record)) {
    const meaning = typeof item['topic'] === 'string' ? meanings.get(item['topic']) : undefined;
    if (!meaning) {
      taken.ignored++;
      continue;
    }
    const event = eventOf(item, meaning, sentAt, receivedAt);
    if (event) taken.deliveries.push({ key: `klaviyo:${idOf(item)}`, event, body: JSON.stringify(item) });
    else taken.unusable++;
  }
  return taken;
}

function parse(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return record(value);
  } catch {
    // Answered below; the parser's message would repeat part of the body.
  }
  throw new ConnectorError('BODY_NOT_JSON');
}

interface Meaning {
  kind: 'opted-in' | 'opted-out' | 'profiles-merged';
  channel?: Channel;
}

/**
 * The topics that say something about a whole channel, or about who is who. Not here: `subscribed_to_list` and
 * `updated_email_preferences` are about single lists; `manually_unsuppressed_from_email_marketing` is a word of the marketer and no
 * yes of the person; bounces are about the mailbox.
 */
const meanings = new Map<string, Meaning>(Object.entries({
  'event:klaviyo.subscribed_to_email_marketing': { kind: 'opted-in', channel: 'email' },
  'event:klaviyo.subscribed_to_sms_marketing': { kind: 'opted-in', channel: 'sms' },
  'event:klaviyo.unsubscribed_from_email_marketing': { kind: 'opted-out', channel: 'email' },
  'event:klaviyo.unsubscribed_from_sms_marketing': { kind: 'opted-out', channel: 'sms' },
  'event:klaviyo.manually_suppressed_from_email_marketing': { kind: 'opted-out', channel: 'email' },
  'event:klaviyo.marked_email_as_spam': { kind: 'opted-out', channel: 'email' },
  'event:klaviyo.merged_profile': { kind: 'profiles-merged' },
}));

/** The payload is what Get Event answers: `{data: {attributes, relationships}, included}`; without its wrapping it is read too. */
function eventOf(item: Record<string, unknown>, { kind, channel }: Meaning, sentAt: number | undefined, receivedAt: number): WalletEvent | undefined {
  const payload = record(item['payload']);
  const data = 'data' in payload ? record(payload['data']) : payload;
  const attributes = record(data['attributes']);
  const properties = record(attributes['event_properties'] ?? attributes['properties']);
  const profile = profileIn(payload, data, properties);
  const said = timeIn(attributes);
  // A yes without a time could end an opt-out that came after it; an opt-out without one is younger than Klaviyo's call by minutes.
  const at = said ?? (kind === 'opted-in' ? undefined : (sentAt ?? receivedAt));
  if (!profile || at === undefined) return undefined;

  const method = methodIn(properties);
  const mergedIds = kind === 'profiles-merged' ? mergedIdsIn(properties).filter((id) => id !== profile.klaviyoId) : [];
  return bareEvent({
    kind,
    name: String(item['topic']),
    // A time ahead would win over everything that really happens until then.
    at: Math.min(at, receivedAt),
    profile,
    ...(channel ? { channel } : {}),
    ...(channel && method !== undefined ? { throughApi: /\bapi\b/i.test(method) } : {}),
    ...(mergedIds.length > 0 ? { mergedIds } : {}),
  });
}

/** `datetime` is ISO 8601, `timestamp` whole seconds. */
function timeIn(attributes: Record<string, unknown>): number | undefined {
  const { timestamp } = attributes;
  const at = instantOf(attributes['datetime']) ?? (typeof timestamp === 'number' ? timestamp * 1000 : undefined);
  return at !== undefined && at > 0 ? at : undefined;
}

/** The relationship names the profile's id; its addresses are there where Klaviyo includes the profile, or repeats them in the event. */
function profileIn(payload: Record<string, unknown>, data: Record<string, unknown>, properties: Record<string, unknown>): ProfileName | undefined {
  const related = record(record(record(data['relationships'])['profile'])['data'])['id'] ?? record(data['attributes'])['profile_id'];
  const included = (Array.isArray(payload['included']) ? payload['included'].map(record) : []).filter(({ type }) => type === 'profile');
  const held = included.find(({ id }) => id === related) ?? (related === undefined && included.length === 1 ? included[0]! : {});
  const own = record(held['attributes']);
  const name: ProfileName = {};
  const klaviyoId = text(related) ?? text(held['id']);
  const externalId = text(own['external_id']);
  const email = text(own['email']) ?? text(properties['$email']) ?? text(properties['email']);
  const phone = text(own['phone_number']) ?? text(properties['$phone_number']) ?? text(properties['phone_number']);
  if (klaviyoId) name.klaviyoId = klaviyoId;
  if (externalId) name.externalId = externalId;
  if (email) name.email = email;
  if (phone) name.phone = phone;
  return Object.keys(name).length > 0 ? name : undefined;
}

/** Klaviyo's id of the event. Without one, two that say the same are one. */
function idOf(item: Record<string, unknown>): string {
  return text(item['external_id']) ?? text(record(record(item['payload'])['data'])['id']) ?? fingerprint(JSON.stringify(item));
}

function text(value: unknown): string | undefined {
  const plain = typeof value === 'string' ? value.trim() : '';
  return plain === '' ? undefined : plain;
}
