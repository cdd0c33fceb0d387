import { createHmac } from 'node:crypto';
import type { StoryEvent } from './story.js';

/** The vendor's payload examples are not public, so every plausible form can be switched on. */
export interface EnvelopeOptions {
  /** Under which key the event's name stands. Default `event`. */
  nameKey?: 'event' | 'eventType';
  /** `Pass:Created` (default, the guide) or `pass.created` (the reference). */
  names?: 'colon' | 'dot';
  /** Whether a delivery has an id; the same event keeps it over retries and duplicates. Default true. */
  id?: boolean;
  /** Everything under `data` (default) or beside the name. */
  shape?: 'nested' | 'flat';
}

export function envelope(event: StoryEvent, id: string, tenantId: string, options: EnvelopeOptions = {}): Record<string, unknown> {
  const { kind, at, ...rest } = event;
  const { additionalInformation, ...facts } = rest;
  const name = options.names === 'dot' ? kind.replaceAll(':', '.').toLowerCase() : kind;
  const head = {
    ...(options.id === false ? {} : { id }),
    [options.nameKey ?? 'event']: name,
    tenantId,
    timestamp: at,
  };
  if (options.shape === 'flat') return { ...head, ...facts, ...additionalInformation };
  return { ...head, data: { ...facts, ...(additionalInformation ? { additionalInformation } : {}) } };
}

/** The text form of the signature is not documented: lower-case hex is the assumption, the others must be understood too. */
export type SignatureForm = 'hex' | 'HEX' | 'base64';

/** HMAC-SHA256 of the body's bytes, keyed by the subscription's secret as text; header `X-NEOSTORE-SIGNATURE`. */
export function signWebhook(secret: string, body: string | Buffer, form: SignatureForm = 'hex'): string {
  const digest = createHmac('sha256', secret).update(body).digest();
  return form === 'base64' ? digest.toString('base64') : form === 'HEX' ? digest.toString('hex').toUpperCase() : digest.toString('hex');
}
