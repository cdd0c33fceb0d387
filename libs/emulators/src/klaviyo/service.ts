import { type Answer, type Exchange, html, json } from '../http/exchange.js';
import type { Served, Service } from '../http/listener.js';
import { Router } from '../http/route.js';
import type { FaultPlan } from '../faults.js';
import type { RequestLog } from '../http/request-log.js';
import { errorAnswer, ownWords, Refusal, throttled } from './errors.js';
import { checkRevision, checkScopes, credentialsOf, demands, noCredentials, readJson } from './gate.js';
import { everyScope, type LimitTable } from './limits.js';
import { operations, type Target } from './operations.js';
import type { Settings } from './operation.js';
import type { AccountBook } from './account-book.js';

export interface KlaviyoService {
  accounts: AccountBook;
  limits: LimitTable;
  limited: boolean;
  settings: Settings;
  faults: FaultPlan;
  log: RequestLog;
  /** Pages and JSON for people and other processes; undefined: no such page. */
  ownPage(exchange: Exchange): unknown;
}

export function klaviyoService(parts: KlaviyoService): Service {
  const router = new Router<Target>(operations);
  return {
    faults: parts.faults,
    log: parts.log,
    ownWords,
    unreadable: (reason) => errorAnswer([{ status: 415, code: 'unsupported_media_type', title: 'Unsupported media type.', detail: reason, source: { pointer: '/data' } }]),
    operationOf(method, path) {
      if (isOwn(path)) return undefined;
      return router.match(method, path)?.target.id ?? 'unknown';
    },
    handle: (exchange) => (isOwn(exchange.path) ? ownAnswer(parts, exchange) : answer(parts, router, exchange)),
  };
}

const isOwn = (path: string) => path === '/' || path.startsWith('/__emulator') || path === '/favicon.ico';

function ownAnswer(parts: KlaviyoService, exchange: Exchange): Served {
  const body = parts.ownPage(exchange);
  if (typeof body === 'string') return { ...html(200, body), operation: '' };
  return { ...json(body === undefined ? 404 : 200, body ?? { error: 'no such page' }), operation: '' };
}

function answer({ accounts, limits, limited, settings }: KlaviyoService, router: Router<Target>, exchange: Exchange): Served {
  const match = router.match(exchange.method, exchange.path);
  const operation = match?.target.id ?? 'unknown';
  const served = (result: Answer, account?: string): Served => ({ ...result, operation, ...(account === undefined ? {} : { account }) });
  let headers: Record<string, string> = {};
  let account: string | undefined;
  try {
    const credentials = credentialsOf(exchange);
    const holder = credentials && accounts.holder(credentials);
    // 401 carries no rate limit headers: nobody's quota was touched.
    if (!holder) throw new Refusal([noCredentials()]);
    account = holder.account.id;
    if (!match) throw new Refusal([unknownPath(router, exchange)]);
    const limit = limits[match.target.id];
    if (limited) {
      const permit = holder.windows.take(demands(operation, limit, exchange.query), settings.now());
      // A 429 carries Retry-After and nothing else.
      if (!permit.allowed) return served(errorAnswer([throttled(permit.retryAfter)], { 'Retry-After': String(permit.retryAfter) }), account);
      headers = permit.headers;
    }
    checkScopes(limit, holder.scopes ?? everyScope);
    checkRevision(exchange);
    const body = readJson(exchange, limit);
    const result = match.target.run({ account: holder.account, exchange, parameters: match.parameters, body, limit, settings });
    return served({ ...result, headers: { ...headers, ...result.headers } }, account);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return served(errorAnswer(error.problems, headers), account);
  }
}

function unknownPath(router: Router<Target>, { method, path }: Exchange) {
  return router.knows(path)
    ? { status: 405, code: 'method_not_allowed', title: 'Method not allowed.', detail: `Method "${method}" not allowed.`, source: { pointer: '/data' } }
    : { status: 404, code: 'not_found', title: 'Not found.', detail: `There is nothing at ${path}.`, source: { pointer: '/data' } };
}
