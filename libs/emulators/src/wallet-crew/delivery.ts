import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { post } from '../http/post.js';
import { seeded } from '../seeded.js';
import { envelope, type EnvelopeOptions, type SignatureForm, signWebhook } from './envelope.js';
import type { StoryEvent } from './story.js';

export interface DeliveryOptions {
  /** Where to deliver instead of the tenant's subscriptions. */
  to?: { url: string; secret: string };
  envelope?: EnvelopeOptions;
  signature?: SignatureForm;
  /** Deliveries are at least once: share of events that are sent a second time. */
  duplicates?: number;
  /** Out of order: how far an event may be moved, `true` for a full shuffle. */
  reorder?: boolean | number;
  seed?: number;
  concurrency?: number;
  /** Tries in all. Default 5; the vendor's own number is not published. */
  maxTries?: number;
  backoff?: (tryNumber: number) => number;
  /** The receiver should answer within 30 seconds. */
  timeoutMs?: number;
  /** Further headers, as a proxy might add. */
  headers?: Readonly<Record<string, string>>;
  /** Do not change what the tenant holds, only deliver. */
  deliverOnly?: boolean;
}

export interface Delivery {
  event: StoryEvent;
  id: string;
  url: string;
  /** Statuses in order; 0 where no answer came. */
  statuses: number[];
  delivered: boolean;
  duplicate: boolean;
  ms: number;
}

export interface DeliveryReport {
  deliveries: Delivery[];
  delivered: number;
  failed: number;
  tries: number;
}

export interface Endpoint {
  url: string;
  secret: string;
}

/** The same event has the same delivery id however often and wherever it is sent. */
export const deliveryId = (tenantId: string, event: StoryEvent): string =>
  createHash('sha256').update(JSON.stringify([tenantId, event])).digest('hex').slice(0, 24);

/** Sends each event to each endpoint that wants it, with the duplicates and the disorder asked for. */
export async function deliver(tenantId: string, events: readonly StoryEvent[], endpointsOf: (event: StoryEvent) => Endpoint[], options: DeliveryOptions): Promise<DeliveryReport> {
  const random = seeded(options.seed ?? 1);
  const planned = events.flatMap((event) => endpointsOf(event).flatMap((endpoint) => {
    const once = { event, endpoint, duplicate: false };
    return random.next() < (options.duplicates ?? 0) ? [once, { ...once, duplicate: true }] : [once];
  }));
  const ordered = reordered(planned, options.reorder ?? false, random);
  const deliveries: Delivery[] = [];
  let next = 0;
  const worker = async () => {
    for (let entry = ordered[next++]; entry; entry = ordered[next++]) {
      deliveries.push(await deliverOne(tenantId, entry, options));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.concurrency ?? 4) }, worker));
  return {
    deliveries,
    delivered: deliveries.filter(({ delivered }) => delivered).length,
    failed: deliveries.filter(({ delivered }) => !delivered).length,
    tries: deliveries.reduce((sum, { statuses }) => sum + statuses.length, 0),
  };
}

function reordered<T>(items: T[], reorder: boolean | number, random: ReturnType<typeof seeded>): T[] {
  if (reorder === true) return random.shuffle(items);
  if (reorder === false || reorder <= 0) return items;
  return items.map((item, index) => ({ item, at: index + random.next() * reorder })).sort((a, b) => a.at - b.at).map(({ item }) => item);
}

async function deliverOne(tenantId: string, { event, endpoint, duplicate }: { event: StoryEvent; endpoint: Endpoint; duplicate: boolean }, options: DeliveryOptions): Promise<Delivery> {
  const { maxTries = 5, backoff = (tryNumber) => Math.min(5000, 100 * 2 ** (tryNumber - 2)), timeoutMs = 30_000 } = options;
  const id = deliveryId(tenantId, event);
  const body = Buffer.from(JSON.stringify(envelope(event, id, tenantId, options.envelope)));
  const headers = { 'content-type': 'application/json', ...options.headers, 'X-NEOSTORE-SIGNATURE': signWebhook(endpoint.secret, body, options.signature) };
  const statuses: number[] = [];
  const started = performance.now();
  for (let tryNumber = 1; tryNumber <= maxTries; tryNumber++) {
    if (tryNumber > 1) await pause(backoff(tryNumber));
    const status = await post(endpoint.url, headers, body, timeoutMs);
    statuses.push(status);
    if (status >= 200 && status < 300) break;
  }
  const last = statuses.at(-1) ?? 0;
  return { event, id, url: endpoint.url, statuses, delivered: last >= 200 && last < 300, duplicate, ms: Math.round(performance.now() - started) };
}
