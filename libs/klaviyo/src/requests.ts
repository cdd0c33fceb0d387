import type { Identity, Outgoing, PropertyValue, Subscribe, Track, Unsubscribe, UpsertProfile } from '#core';
import type {
  BaseEventCreateQueryBulkEntryResourceObjectAttributes,
  EventCreateQueryV2,
  EventProfileCreateQueryResourceObject,
  EventsBulkCreateJob,
  EventsBulkCreateQueryResourceObject,
  ProfileImportJobCreateQuery,
  ProfileSubscriptionCreateQueryResourceObject,
  ProfileSubscriptionDeleteQueryResourceObject,
  ProfileUpsertQuery,
  ProfileUpsertQueryResourceObject,
  SubscriptionCreateJobCreateQuery,
  SubscriptionDeleteJobCreateQuery,
} from 'klaviyo-api';
import { addressOf, byStrength, usable } from './identifiers.js';

/*
 * Commands as the SDK wants them. Its serializer drops without a word what it does not know, snake_case names included, and
 * sends null, which clears the field at Klaviyo: so absent stays absent here. Custom properties pass through untouched;
 * their names may contain dots and are never split.
 */

export function eventRequest({ identity, command }: Outgoing<Track>): EventCreateQueryV2 {
  return { data: { type: 'event', attributes: { ...eventAttributes(command), profile: { data: eventProfile(identity) } } } };
}

export function bulkEvent({ identity, command }: Outgoing<Track>): EventsBulkCreateQueryResourceObject {
  return {
    type: 'event-bulk-create',
    attributes: { profile: { data: eventProfile(identity) }, events: { data: [{ type: 'event', attributes: eventAttributes(command) }] } },
  };
}

export function bulkEventsRequest(entries: EventsBulkCreateQueryResourceObject[]): EventsBulkCreateJob {
  return { data: { type: 'event-bulk-create-job', attributes: { eventsBulkCreate: { data: entries } } } };
}

/**
 * One strong identifier and nothing else. Klaviyo merges profiles when an event names several, and profile properties of a
 * late event would overwrite newer ones (Klaviyo: Events API overview).
 */
function eventProfile(identity: Identity): EventProfileCreateQueryResourceObject {
  const strongest = byStrength.find((identifier) => usable(identity, identifier) !== undefined);
  if (strongest === undefined) return { type: 'profile', ...(identity.klaviyoId === undefined ? {} : { id: identity.klaviyoId }), attributes: {} };
  return { type: 'profile', attributes: { [attributeOf[strongest]]: usable(identity, strongest) } };
}

function eventAttributes(track: Track): BaseEventCreateQueryBulkEntryResourceObjectAttributes {
  return {
    metric: { data: { type: 'metric', attributes: { name: track.metric } } },
    properties: track.properties,
    time: isoSeconds(track.at),
    // Without it Klaviyo takes the second of the time as the id and keeps one event of that second.
    uniqueId: track.uniqueId,
    ...(track.backfill ? { backfill: true } : {}),
  };
}

export function profileRequest(outgoing: Outgoing<UpsertProfile>): ProfileUpsertQuery {
  return { data: profile(outgoing) };
}

export function profilesRequest(profiles: ProfileUpsertQueryResourceObject[]): ProfileImportJobCreateQuery {
  return { data: { type: 'profile-bulk-import-job', attributes: { profiles: { data: profiles } } } };
}

/** Carries every identifier that is known; one that another profile owns travels as a property, so that it is not lost. */
export function profile({ identity, command }: Outgoing<UpsertProfile>): ProfileUpsertQueryResourceObject {
  const properties: Record<string, PropertyValue> = { ...command.properties };
  const identifiers: { [K in (typeof attributeOf)[keyof typeof attributeOf]]?: string } = {};
  for (const identifier of byStrength) {
    const value = usable(identity, identifier);
    if (value !== undefined) identifiers[attributeOf[identifier]] = value;
    else if (identity[identifier]) properties[`neostore.withheld.${identifier}`] = identity[identifier];
  }
  const { firstName, lastName, locale } = command.attributes;
  return {
    type: 'profile',
    ...(identity.klaviyoId === undefined ? {} : { id: identity.klaviyoId }),
    attributes: {
      ...identifiers,
      ...(firstName === undefined ? {} : { firstName }),
      ...(lastName === undefined ? {} : { lastName }),
      ...(locale === undefined ? {} : { locale }),
      ...(Object.keys(properties).length === 0 ? {} : { properties }),
    },
  };
}

const attributeOf = { externalId: 'externalId', email: 'email', phone: 'phoneNumber' } as const;

/** What is set once for a whole subscription job: consents that differ in it cannot share a request. */
export interface SubscriptionJob {
  listId?: string;
  field: string;
  historical: boolean;
}

export function subscriptionsRequest({ listId, field, historical }: SubscriptionJob, profiles: ProfileSubscriptionCreateQueryResourceObject[]): SubscriptionCreateJobCreateQuery {
  return {
    data: {
      type: 'profile-subscription-bulk-create-job',
      attributes: { customSource: field, profiles: { data: profiles }, ...(historical ? { historicalImport: true } : {}) },
      ...(listId === undefined ? {} : { relationships: { list: { data: { type: 'list', id: listId } } } }),
    },
  };
}

/**
 * Only the channel that was consented to: Klaviyo changes every channel that is named. A phone brings the e-mail address
 * along, or it would become a profile of its own; an address that another profile owns goes alone.
 */
export function subscription({ identity, command }: Outgoing<Subscribe>, now: number): ProfileSubscriptionCreateQueryResourceObject {
  const address = addressOf(identity, command.channel);
  // `consented_at` is required with historical_import, must then be in the past, and is an error without it.
  const consentedAt = command.historical ? { consentedAt: isoSeconds(Math.min(command.consentedAt, now - 1000)) } : {};
  const marketing = { consent: 'SUBSCRIBED' as const, ...consentedAt };
  const email = usable(identity, 'phone') === undefined ? undefined : usable(identity, 'email');
  return {
    type: 'profile',
    attributes:
      command.channel === 'email'
        ? { ...(address === undefined ? {} : { email: address }), subscriptions: { email: { marketing } } }
        : { ...(email === undefined ? {} : { email }), ...(address === undefined ? {} : { phoneNumber: address }), subscriptions: { sms: { marketing } } },
  };
}

export function unsubscriptionsRequest(listId: string, profiles: ProfileSubscriptionDeleteQueryResourceObject[]): SubscriptionDeleteJobCreateQuery {
  return {
    data: {
      type: 'profile-subscription-bulk-delete-job',
      attributes: { profiles: { data: profiles } },
      relationships: { list: { data: { type: 'list', id: listId } } },
    },
  };
}

export function unsubscription({ identity, command }: Outgoing<Unsubscribe>): ProfileSubscriptionDeleteQueryResourceObject {
  const address = addressOf(identity, command.channel);
  const marketing = { consent: 'UNSUBSCRIBED' as const };
  return {
    type: 'profile',
    attributes:
      command.channel === 'email'
        ? { ...(address === undefined ? {} : { email: address }), subscriptions: { email: { marketing } } }
        : { ...(address === undefined ? {} : { phoneNumber: address }), subscriptions: { sms: { marketing } } },
  };
}

/** Klaviyo truncates to the second. The SDK's type asks for a Date and its serializer takes a string as it is. */
function isoSeconds(at: number): Date {
  return `${new Date(at).toISOString().slice(0, 19)}Z` as unknown as Date;
}

const envelopeBytes = 512;
/** snake_case names on the wire are longer than the SDK's, by less than this per item. */
const namesBytes = 48;

/** Bytes of one item on the wire, on the safe side. */
export function wireBytes(item: unknown): number {
  return Buffer.byteLength(JSON.stringify(item)) + namesBytes;
}

/** Takes from the front of `items` what fits into one request. */
export function fitting<T extends { bytes: number }>(items: T[], maxItems: number, maxBytes: number): T[] {
  let bytes = envelopeBytes;
  let count = 0;
  for (const item of items) {
    if (count === maxItems || (count > 0 && bytes + item.bytes > maxBytes)) break;
    bytes += item.bytes;
    count++;
  }
  return items.slice(0, count);
}
