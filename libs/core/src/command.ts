import type { Plain } from './wallet/event.js';

export type Channel = 'email' | 'sms';

/** Each kind of command waits in a lane of its own, so a refused subscription never holds up an event. */
export const lanes = ['track', 'upsert-profile', 'subscribe', 'unsubscribe'] as const;
export type Lane = (typeof lanes)[number];

/** Property values that Klaviyo can segment on; a list stays a list. */
export type PropertyValue = Plain | readonly string[];

/**
 * Everything Klaviyo can be asked to do. A command names no identifier: who the person is gets resolved when it is sent,
 * because an e-mail learned in between must win.
 */
export type Command = Track | UpsertProfile | Subscribe | Unsubscribe;

export interface Track {
  do: 'track';
  /** Klaviyo keeps the first of two events with one profile, metric and unique id. 1–255 characters. */
  uniqueId: string;
  metric: string;
  at: number;
  properties: Record<string, PropertyValue>;
  /** True: recorded, but fires no flow. */
  backfill: boolean;
}

export interface UpsertProfile {
  do: 'upsert-profile';
  attributes: { firstName?: string; lastName?: string; locale?: string };
  properties: Record<string, PropertyValue>;
}

export interface Subscribe {
  do: 'subscribe';
  listId?: string;
  channel: Channel;
  /** When the person said yes. */
  consentedAt: number;
  /** The consent field that said it; becomes Klaviyo's `custom_source`. */
  field: string;
  /** True: `historical_import`, which skips double opt-in and "Added to list" flows. */
  historical: boolean;
}

export interface Unsubscribe {
  do: 'unsubscribe';
  listId?: string;
  channel: Channel;
  /** When the person said no. */
  withdrawnAt: number;
  field: string;
}

/** Who a command is about, in the identifiers Klaviyo knows. At least one is present, or the command waits. */
export interface Identity {
  klaviyoId?: string;
  externalId?: string;
  email?: string;
  /** E.164. */
  phone?: string;
  /** Identifiers another profile owns (Klaviyo's 409): they travel as properties, not as identifiers. */
  withheld?: readonly ('externalId' | 'email' | 'phone')[];
}
