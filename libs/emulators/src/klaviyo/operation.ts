import { type Answer, type Exchange, json } from '../http/exchange.js';
import type { Account } from './account.js';
import { jsonApi } from './errors.js';
import type { OperationLimit } from './limits.js';

/** What the operations need to know of the server they run in. */
export interface Settings {
  delays: { events: number; imports: number; subscriptions: number; other: number };
  dropTestDomains: boolean;
  mergeStatus: 201 | 202;
  now: () => number;
}

export interface Call {
  account: Account;
  exchange: Exchange;
  parameters: Record<string, string>;
  /** The parsed JSON body; undefined where there is none. */
  body: unknown;
  limit: OperationLimit;
  settings: Settings;
}

export type Operation = (call: Call) => Answer;

export const document = (status: number, body: unknown, items?: number): Answer => ({ ...json(status, body, {}, jsonApi), ...(items === undefined ? {} : { items }) });

/** 202 and 204 have no body at all. */
export const nothing = (status: 202 | 204, items?: number): Answer => ({ status, ...(items === undefined ? {} : { items }) });
