import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { post } from '../http/post.js';

export interface SystemWebhookEvent {
  external_id?: string;
  /** e.g. `event:klaviyo.unsubscribed_from_email_marketing`. */
  topic: string;
  /** The same document as Get Event. */
  payload?: unknown;
}

export interface SystemWebhook {
  url: string;
  secret: string;
  webhookId: string;
  events: readonly SystemWebhookEvent[];
  accountId?: string;
  now?: () => number;
  /** `Klaviyo-Timestamp` has been seen hours off, local time labelled GMT: milliseconds to add to it. `meta.timestamp` stays right. */
  clockSkewMs?: number;
  /** Deliveries of one batch before the webhook is disabled; Klaviyo does so after 48 hours of errors. */
  maxTries?: number;
  backoff?: (tryNumber: number) => number;
  timeoutMs?: number;
}

export interface SystemWebhookOutcome {
  outcome: 'delivered' | 'disabled';
  batches: number;
  tries: number;
  statuses: number[];
}

/** hex(HMAC-SHA256(secret, body ‖ timestamp header as sent)), without a separator or prefix. */
export const signSystemWebhook = (secret: string, body: string | Buffer, timestamp: string): string =>
  createHmac('sha256', secret).update(body).update(timestamp).digest('hex');

const largestBatch = 1000;
/** Other 2xx do not count. */
const accepted = [200, 201, 202];

export async function sendSystemWebhook(webhook: SystemWebhook): Promise<SystemWebhookOutcome> {
  const { events, now = Date.now, maxTries = 5, backoff = (tryNumber) => Math.min(2000, 50 * 2 ** (tryNumber - 2)), timeoutMs = 5000 } = webhook;
  const result: SystemWebhookOutcome = { outcome: 'delivered', batches: 0, tries: 0, statuses: [] };
  for (let from = 0; from < events.length; from += largestBatch) {
    result.batches++;
    const body = JSON.stringify({
      data: events.slice(from, from + largestBatch).map((event) => ({ external_id: event.external_id ?? randomUUID(), topic: event.topic, payload: event.payload ?? {} })),
      meta: { klaviyo_account_id: webhook.accountId ?? 'AbC123', klaviyo_webhook_id: webhook.webhookId, timestamp: new Date(now()).toISOString(), version: '2024-06-28' },
    });
    if (!(await deliver(body))) return { ...result, outcome: 'disabled' };
  }
  return result;

  async function deliver(body: string): Promise<boolean> {
    for (let tryNumber = 1; tryNumber <= maxTries; tryNumber++) {
      if (tryNumber > 1) await pause(backoff(tryNumber));
      const timestamp = new Date(now() + (webhook.clockSkewMs ?? 0)).toUTCString();
      const headers = {
        'content-type': 'application/json',
        'Klaviyo-Signature': signSystemWebhook(webhook.secret, body, timestamp),
        'Klaviyo-Timestamp': timestamp,
        'Klaviyo-Webhook-Id': webhook.webhookId,
      };
      const status = await post(webhook.url, headers, body, timeoutMs);
      result.tries++;
      result.statuses.push(status);
      if (accepted.includes(status)) return true;
    }
    return false;
  }
}
