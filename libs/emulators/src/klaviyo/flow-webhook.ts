import { setTimeout as pause } from 'node:timers/promises';
import { post } from '../http/post.js';
import type { Profile } from './profile.js';
import { renderTemplate } from './template.js';

export interface FlowWebhook {
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** The JSON body as typed into the flow, with `{{ … }}`. */
  body: string;
  /** Variables of the metric that triggered the flow. */
  event?: Readonly<Record<string, unknown>>;
  flowId?: string;
  /** Klaviyo tries up to 17 times over 24 hours. */
  maxTries?: number;
  /** Milliseconds before the given try (2, 3, …). Default: exponential from 50 ms to 2 s. */
  backoff?: (tryNumber: number) => number;
  /** How long to wait for an answer; Klaviyo's own time is not published. */
  timeoutMs?: number;
  /** Whether Klaviyo retries when there is no answer at all is not published; the worse case for the receiver is the default. */
  retryWithoutAnswer?: boolean;
}

export interface FlowWebhookOutcome {
  /** `skipped`: an answer Klaviyo does not retry, so the action is lost for this person. */
  outcome: 'delivered' | 'skipped' | 'exhausted';
  tries: number;
  /** The statuses seen, in order; 0 where there was no answer. */
  statuses: number[];
  body: string;
}

/** Only these are tried again. A 504, a 404 or a 408 is final. */
const retried = [429, 500, 502, 503];

export async function sendFlowWebhook(webhook: FlowWebhook, person: Readonly<Record<string, unknown>>): Promise<FlowWebhookOutcome> {
  const { maxTries = 17, backoff = (tryNumber) => Math.min(2000, 50 * 2 ** (tryNumber - 2)), flowId = 'XyZ123' } = webhook;
  const body = renderTemplate(webhook.body, { person, event: webhook.event ?? {} });
  const statuses: number[] = [];
  for (let tryNumber = 1; tryNumber <= maxTries; tryNumber++) {
    if (tryNumber > 1) await pause(backoff(tryNumber));
    const status = await post(webhook.url, { 'content-type': 'application/json', ...webhook.headers, 'X-Klaviyo-Flow-ID': flowId }, body, webhook.timeoutMs ?? 30_000);
    statuses.push(status);
    if (status >= 200 && status < 300) return { outcome: 'delivered', tries: tryNumber, statuses, body };
    const again = status === 0 ? (webhook.retryWithoutAnswer ?? false) : retried.includes(status);
    if (!again) return { outcome: 'skipped', tries: tryNumber, statuses, body };
  }
  return { outcome: 'exhausted', tries: maxTries, statuses, body };
}

/** What a template calls `person`: attributes, custom properties by their literal names, and the id as `KlaviyoID`. */
export const personVariables = (profile: Profile): Record<string, unknown> => ({
  ...profile.properties,
  ...profile.names,
  KlaviyoID: profile.id,
  id: profile.id,
  email: profile.email,
  phone_number: profile.phone,
  external_id: profile.externalId,
});
