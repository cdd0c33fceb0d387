import type { ErrorCode } from '../errors.js';
import type { Person } from '../person/person.js';
import type { DeliveryRecord } from './store.js';

/** Events of one metric that were accepted by Klaviyo and not yet seen there: their times are in [from, to). */
export interface UnseenEvents {
  metric: string;
  from: number;
  to: number;
  count: number;
}

export interface UnseenEvent {
  commandId: string;
  personId: string;
  uniqueId: string;
}

export interface Updates {
  /** An update is open, or was accepted since then (epoch ms): what Klaviyo holds says nothing yet. */
  lately: Set<string>;
  /** By person: the update was refused, waits for somebody to look after it, and no newer one was accepted; another one would fare no better. */
  parked: Map<string, Refused>;
}

/** What was refused, in the vendor's words. */
export interface Refused {
  code: ErrorCode;
  words?: string;
  /** The one whose command was refused, where that is known. */
  deliveryId?: string;
}

/** How many were passed on a walk, and the last of them. */
export interface Walked {
  walked: number;
  last?: string;
}

/** Reading what we know and did, in bulk for reconciliation and by person for explaining. Reads lock nothing and wait for nobody. */
export abstract class Records {
  /** All persons who own one of the identifiers (`key:value`, see `identifierKeys`). */
  abstract personsBy(tenant: string, identifiers: readonly string[]): Promise<Person[]>;
  abstract person(tenant: string, id: string): Promise<Person | undefined>;
  /** Walks on over so many persons in the order of their ids, and answers those whom the run has not seen. */
  abstract unseenPersons(tenant: string, runId: string, after: string | undefined, walk: number): Promise<Walked & { persons: Person[] }>;
  /** Walks on over so many of the passes that persons have, in the order of their ids, and answers those which the run has not seen, or has seen `gone`. */
  abstract unseenPasses(tenant: string, runId: string, after: string | undefined, walk: number): Promise<Walked & { passes: string[] }>;
  /** Walks on over those only which it has seen `gone`. */
  abstract gonePasses(runId: string, after: string | undefined, walk: number): Promise<Walked & { passes: string[] }>;
  /** What became of the profile updates of these persons. */
  abstract toldSince(tenant: string, personIds: readonly string[], since: number): Promise<Updates>;
  /** The newest deliveries that asked for something about this person or changed what we know of them, whole, newest first. */
  abstract deliveriesOf(tenant: string, personId: string, limit: number): Promise<DeliveryRecord[]>;
  /** When the newest webhook of The Wallet Crew came (epoch ms). */
  abstract lastWebhook(tenant: string): Promise<number | undefined>;

  /** Klaviyo's ids of the profiles that persons have, by person id; whoever has one keeps it. From then on an update reaches the profile whatever becomes of its address. */
  abstract learnIds(tenant: string, ids: ReadonlyMap<string, string>): Promise<void>;

  /** Events accepted before this (epoch ms) that nobody has seen in Klaviyo yet, by metric and day, the oldest first. */
  abstract unseenEvents(tenant: string, acceptedBefore: number): Promise<UnseenEvents[]>;
  /** Klaviyo shows these events. Answers how many of them had not been seen before. */
  abstract markEventsSeen(tenant: string, uniqueIds: readonly string[]): Promise<number>;
  /** Which events of that kind are still not seen. */
  abstract stillUnseen(tenant: string, events: Pick<UnseenEvents, 'metric' | 'from' | 'to'>, acceptedBefore: number, limit: number): Promise<UnseenEvent[]>;
  /**
   * Sends accepted events once more, after live traffic and as backfill: no flow begins so late. Klaviyo keeps one of each unique id. One that
   * was sent again before and still does not show is not sent a third time: it is marked with KLAVIYO_NOT_SEEN. Answers how many go.
   */
  abstract sendEventsAgain(tenant: string, commandIds: readonly string[]): Promise<number>;
}
