import type { PropertyValue, Track } from '../command.js';
import { fingerprint } from '../fingerprint.js';
import type { MetricKind, Rules } from '../rules.js';
import type { WalletEvent } from '../wallet/event.js';
import type { Pass } from '../wallet/pass.js';

/** The event as Klaviyo counts it, or undefined where the tenant wants none. */
export function metricOf(event: WalletEvent & { kind: MetricKind }, pass: Pass | undefined, subject: string, rules: Rules, now: number): Track | undefined {
  const metric = rules.metrics[event.kind];
  if (!metric) return undefined;
  return {
    do: 'track',
    uniqueId: uniqueId(event, subject, rules.tenant),
    metric,
    at: event.at,
    properties: properties(event, pass),
    backfill: event.backfill === true || now - event.at > rules.lateAfterMs,
  };
}

/**
 * The same happening always gets the same id, whichever delivery told it and however often it is sent: Klaviyo keeps the
 * first event of a profile with one metric and id. Somebody registers once; a pass is installed as often as its time differs.
 */
function uniqueId(event: WalletEvent, subject: string, tenant: string): string {
  const happening = event.kind === 'registered' ? subject : `${event.pass?.id ?? subject} ${event.wallet ?? ''} ${event.at}`;
  return `${event.kind}-${fingerprint(`${tenant} ${event.kind} ${happening}`)}`;
}

/** Flat keys only: Klaviyo segments on nothing that is nested. E-mail and phone are not repeated here. */
function properties(event: WalletEvent, pass: Pass | undefined): Record<string, PropertyValue> {
  const all: Record<string, PropertyValue | undefined> = {
    passId: event.pass?.id,
    passKind: pass?.kind,
    passType: event.pass?.type ?? pass?.type,
    device: event.wallet?.toLowerCase(),
    activeRegistrationCount: event.activeRegistrations,
    totalRegistrationCount: event.totalRegistrations,
    reason: event.reason,
    source_tags: event.source?.tags,
    source_medium: event.source?.medium,
    source_origin: event.source?.origin,
  };
  for (const [key, value] of Object.entries(event.identifiers)) if (!contact.test(key)) all[`identifier_${flat(key)}`] = value;
  for (const [key, value] of Object.entries(event.metadata)) all[`metadata_${flat(key)}`] = value;
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, PropertyValue] => entry[1] !== undefined));
}

const contact = /mail|phone|mobile/i;

/** As The Wallet Crew's documented sibling connector flattens keys: `y2.customerId` → `y2_customerId`. */
const flat = (key: string) => key.replaceAll('.', '_');
