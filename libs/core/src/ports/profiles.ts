import type { Channel, ProfileName } from '../command.js';
import type { WalletEvent } from '../wallet/event.js';

/** What Klaviyo says about marketing on one channel of a profile. `at`: since when, where it says so. */
export interface HeldConsent {
  says: 'subscribed' | 'unsubscribed' | 'never';
  at?: number;
}

/** A profile as Klaviyo holds it now. */
export interface HeldProfile {
  name: ProfileName & { klaviyoId: string };
  createdAt: number;
  updatedAt: number;
  properties: Record<string, unknown>;
  consents: Record<Channel, HeldConsent>;
  /** Its opt-outs of whole channels, as events of kind `opted-out`; the same ones `Marketing.optOuts` tells. */
  optOuts: WalletEvent[];
}

/** Which profiles: created after and before (epoch ms, both exclusive), or changed since. */
export interface ProfileRange {
  createdAfter?: number;
  createdBefore?: number;
  /** The oldest change first; without it the oldest profile first. */
  changedAfter?: number;
}

export interface ProfilePage {
  profiles: HeldProfile[];
  /** Where the next page begins; absent: this was the last. */
  next?: string;
}

/** An event as Klaviyo shows it. */
export interface HeldEvent {
  metric: string;
  uniqueId: string;
  at: number;
}

/** It could not be asked now; `waitMs`: when it is worth asking again. */
export interface NotNow {
  waitMs: number;
}

/**
 * Reading Klaviyo, page by page, for reconciliation and explaining. It never uses up the last of our share of the limits: that is left
 * for live traffic. Calls may be under way side by side. Throws a ConnectorError where waiting mends nothing: a refused key
 * (KLAVIYO_KEY_REFUSED), a missing scope (KLAVIYO_SCOPE_MISSING), a retired revision, a question that Klaviyo refuses.
 */
export abstract class Profiles {
  /** Up to 100 profiles. The same cursor may be asked for again. */
  abstract page(tenant: string, range: ProfileRange, next?: string): Promise<ProfilePage | NotNow>;
  /** Up to 100 profiles by their ids at Klaviyo; one that is no longer there is missing in the answer. */
  abstract byIds(tenant: string, klaviyoIds: readonly string[]): Promise<HeldProfile[] | NotNow>;
  /** How many calls for pages of profiles are ours in a minute, and so the least time a whole reading takes. */
  abstract pagesPerMinute(tenant: string): number;
  /** Every profile that one of these names leads to: two of them are duplicates. For a person who waits for the answer. */
  abstract find(tenant: string, name: ProfileName): Promise<HeldProfile[] | NotNow>;
  /** Events of one metric whose time is in [from, to), up to a thousand a page. A metric that Klaviyo does not know has none. */
  abstract events(tenant: string, metric: string, from: number, to: number, next?: string): Promise<{ events: HeldEvent[]; next?: string } | NotNow>;
  /** The newest events of one profile, of all metrics. For a person who waits for the answer. */
  abstract newestEvents(tenant: string, klaviyoId: string): Promise<HeldEvent[] | NotNow>;
}
