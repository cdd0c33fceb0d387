import type { ErrorCode } from '../errors.js';
import type { FlowRecipe } from '../recipes/sync-flow.js';
import type { Condition, SegmentRecipe } from '../recipes/segments.js';

/** It was asked and not answered, or refused. */
export interface Unanswered {
  code: ErrorCode;
  words: string;
  /** The scope without which the key may not ask; the key itself is right. */
  lacks?: string;
}

/** Something a key may be allowed to do, by the vendor's own name for it. */
export interface Scope {
  name: string;
  /** What for. */
  says: string;
  /** `setup`: only to look at and to create what is set up; the connector runs without it. */
  needed: 'always' | 'setup';
  /** `unproven`: it can only be proven by doing it. `unasked`: it could be, and there was no answer. */
  state: 'granted' | 'missing' | 'unproven' | 'unasked';
  words?: string;
}

export interface Access {
  /** Absent: the key may not ask. */
  account?: { id: string; isTest: boolean };
  /** When Klaviyo stops serving the version of its interface that we speak (epoch ms). */
  retiresAt: number;
  scopes: Scope[];
}

/** `double`: Klaviyo asks whoever is put on the list to confirm it, and subscribes them then. */
export type OptIn = 'single' | 'double';

export interface HeldList {
  id: string;
  name: string;
  optIn: OptIn;
}

export interface HeldSegment {
  id: string;
  name: string;
  /** Absent: it asks for something that no recipe of ours asks for. */
  groups?: Condition[][];
}

export interface HeldFlow {
  id: string;
  name: string;
  status: string;
}

/** What a person sets up at the marketing platform once, and who waits for each answer. */
export abstract class MarketingSetup {
  abstract access(tenant: string): Promise<Access | Unanswered>;
  /** Those of these lists that exist. */
  abstract lists(tenant: string, ids: readonly string[]): Promise<HeldList[] | Unanswered>;
  /** Names of all metrics that have had an event. */
  abstract metrics(tenant: string): Promise<string[] | Unanswered>;
  /** Those that have one of these names. */
  abstract segments(tenant: string, names: readonly string[]): Promise<HeldSegment[] | Unanswered>;
  abstract flows(tenant: string, name: string): Promise<HeldFlow[] | Unanswered>;
  abstract createSegment(tenant: string, recipe: SegmentRecipe): Promise<HeldSegment | Unanswered>;
  /** Creates a draft: it calls nobody before a person has looked at it and set it live. */
  abstract createFlow(tenant: string, recipe: FlowRecipe, segmentId: string): Promise<HeldFlow | Unanswered>;
}

export interface HeldWebhook {
  endpoint: string;
  events: string[];
  enabled: boolean;
  /** It signs with the secret that we check against. */
  hasOurSecret: boolean;
}

/** What is set up at the wallet platform; read only. */
export abstract class WalletSetup {
  /** The types of the passes that changed last, of how many that were looked at. */
  abstract passTypes(tenant: string): Promise<{ types: string[]; read: number } | Unanswered>;
  /** `unknown`: the key may not ask. */
  abstract webhooks(tenant: string): Promise<HeldWebhook[] | 'unknown' | Unanswered>;
}

export function isUnanswered(answer: object | string): answer is Unanswered {
  return typeof answer === 'object' && 'code' in answer;
}
