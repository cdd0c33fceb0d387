import type { LimitTable } from './limits.js';
import type { OptInProcess } from './list.js';
import type { WindowKind } from './rate-windows.js';

export interface KlaviyoListOptions {
  id?: string;
  name: string;
  opt_in_process?: OptInProcess;
}

export interface KlaviyoAccountOptions {
  /** Six characters. Two keys with the same id are two keys of one account: same data, same quota. */
  id?: string;
  name?: string;
  /** Default: every scope. */
  scopes?: readonly string[];
  /** The only test/live signal Klaviyo gives: `test_account` of get_accounts. */
  test?: boolean;
  /** The key is an OAuth access token: sent as `Bearer`, with a quota of its own. */
  oauth?: boolean;
  lists?: readonly KlaviyoListOptions[];
  /** What a subscribe without a list goes by. Default `single_opt_in`. */
  defaultOptIn?: OptInProcess;
  /** Dialling prefixes, e.g. `['+33', '+34']`, the account may send SMS to. Others are refused with the whole batch. Default: all. */
  supportsSms?: readonly string[];
}

export interface KlaviyoOptions {
  port?: number;
  host?: string;
  /** Private API key → account. Default: one account under `pk_test`. */
  accounts?: Readonly<Record<string, KlaviyoAccountOptions>>;
  /** Lists of every account that names none of its own. */
  lists?: readonly KlaviyoListOptions[];
  /** Operations to limit otherwise than Klaviyo does, or `off`. */
  limits?: Partial<LimitTable> | 'off';
  window?: WindowKind;
  /** 60 turns the minute window into a second and the second window into 17 ms. */
  timeScale?: number;
  /** Milliseconds between 202 and the effect. Klaviyo takes seconds to minutes. Default 20. */
  delays?: { events?: number; imports?: number; subscriptions?: number; other?: number };
  supportsSms?: readonly string[];
  /** Klaviyo may silently drop events of @example.com and @test.com after its 202. */
  dropTestDomains?: boolean;
  /** Status of an accepted merge: 201 by the OpenAPI (default), 202 as recorded live. */
  mergeStatus?: 201 | 202;
  seed?: number;
  /** Requests kept in the log. */
  keepRequests?: number;
  now?: () => number;
}
