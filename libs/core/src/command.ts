import type { Plain } from './wallet/event.js';

export type Channel = 'email' | 'sms';

/** Each kind of command waits in a lane of its own, so a refused subscription never holds up an event. These go to Klaviyo, … */
export const marketingLanes = ['track', 'upsert-profile', 'subscribe', 'unsubscribe'] as const;
export type MarketingLane = (typeof marketingLanes)[number];
/** … and these to The Wallet Crew. */
export const walletLanes = ['push-update', 'notify', 'look-up'] as const;
export type WalletLane = (typeof walletLanes)[number];
export type Lane = MarketingLane | WalletLane;

export function isWalletLane(lane: Lane): lane is WalletLane {
  return (walletLanes as readonly Lane[]).includes(lane);
}

/** Property values that Klaviyo can segment on; a list stays a list. */
export type PropertyValue = Plain | readonly string[];

/**
 * Everything Klaviyo can be asked to do. A command names no identifier: who the person is gets resolved when it is sent,
 * because an e-mail learned in between must win.
 */
export type MarketingCommand = Track | UpsertProfile | Subscribe | Unsubscribe;

/** Everything The Wallet Crew can be asked to do. */
export type WalletCommand = PushUpdate | Notify | LookUp;

export type Command = MarketingCommand | WalletCommand;

/** Changes the content of a pass. The fields are The Wallet Crew's own (`PushUpdateData`). */
export interface PushUpdate {
  do: 'push-update';
  /** Which pass: all of them must match. */
  identifiers: Record<string, string>;
  /** Turns the pass into one of another type. */
  passType?: string;
  additionalData?: Record<string, unknown>;
  updateMetadata: boolean;
}

/** Shows a message on the phone that holds a pass. */
export interface Notify {
  do: 'notify';
  /** Which pass: all of them must match. */
  identifiers: Record<string, string>;
  passType?: string;
  message?: string;
  /** By language: `fr`, `en`, … */
  localizedMessage?: Record<string, string>;
}

/** Asks what The Wallet Crew holds about a customer: passes, where they are installed, and the token of pass links. */
export interface LookUp {
  do: 'look-up';
  /** How Klaviyo names the profile that the answer is written to. */
  profile: ProfileName;
  /** Identifiers under which The Wallet Crew may know the customer, most exact first; the first that finds somebody counts. */
  by: { key: string; value: string }[];
  /** An event that waits for the token it is to carry. */
  carries?: Track;
  /** Asked by reconciliation: the answer fires no flow and subscribes nobody. */
  backfill?: true;
}

export interface Track {
  do: 'track';
  /** Klaviyo keeps the first of two events with one profile, metric and unique id. 1–255 characters. */
  uniqueId: string;
  metric: string;
  at: number;
  properties: Record<string, PropertyValue>;
  /** True: recorded, but fires no flow. */
  backfill: boolean;
  /** The token of pass links, sealed: this event carries it instead of the profile. */
  token?: string;
}

export interface UpsertProfile {
  do: 'upsert-profile';
  attributes: ProfileAttributes;
  properties: Record<string, PropertyValue>;
  /** The token of pass links, sealed. */
  token?: string;
  /** Property name → address of a pass link; the token is added when it is sent. */
  links?: Record<string, string>;
}

/** Klaviyo's own fields of a profile that are no identifiers. */
export const profileAttributes = ['firstName', 'lastName', 'locale', 'title', 'organization', 'image', 'address1', 'address2', 'city', 'region', 'zip', 'country', 'timezone'] as const;
export type ProfileAttributes = Partial<Record<(typeof profileAttributes)[number], string>>;

export interface Subscribe {
  do: 'subscribe';
  listId?: string;
  channel: Channel;
  /** When the person said yes. */
  consentedAt: number;
  /** By then at the latest; perhaps long before. Any opt-out that Klaviyo holds counts more. */
  undated?: true;
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

/** How Klaviyo names somebody. */
export interface ProfileName {
  klaviyoId?: string;
  externalId?: string;
  email?: string;
  phone?: string;
}

/** Who a command is about, in the identifiers Klaviyo knows. At least one is present, or the command waits. */
export interface Identity extends ProfileName {
  /** When the person opted out of a channel in Klaviyo itself; no older consent may be sent any more. */
  optedOut?: Partial<Record<Channel, number>>;
  /** Identifiers another profile owns (Klaviyo's 409, or a run that found somebody without a profile): they travel as properties, not as identifiers. */
  withheld?: readonly ('externalId' | 'email' | 'phone')[];
}
