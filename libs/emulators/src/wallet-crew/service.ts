import type { FaultPlan } from '../faults.js';
import { type Answer, type Exchange, html, json } from '../http/exchange.js';
import type { Served, Service } from '../http/listener.js';
import type { RequestLog } from '../http/request-log.js';
import { type Route, Router } from '../http/route.js';
import type { Operation } from './call.js';
import { customerOperations } from './customer-operations.js';
import { mailPages } from './mail-pages.js';
import { passOperations } from './pass-operations.js';
import { problem, Rejected } from './problem.js';
import type { StoryEvent } from './story.js';
import type { Tenant } from './tenant.js';
import { webhookOperations } from './webhook-operations.js';

const route = (method: string, path: string, target: Operation): Route<Operation> => ({ method, path, target });

const api = '/api/{tenantId}';

export const operations: readonly Route<Operation>[] = [
  route('GET', `${api}/passes`, passOperations.listPasses),
  route('POST', `${api}/passes`, passOperations.createPass),
  route('PATCH', `${api}/passes`, passOperations.updatePassByIdentifiers),
  route('GET', `${api}/passes/findPass`, passOperations.findPass),
  route('GET', `${api}/passes/{passId}`, passOperations.downloadPass),
  route('PATCH', `${api}/passes/{passId}`, passOperations.updatePass),
  route('POST', `${api}/passes/{passId}/notifications`, passOperations.notifyPass),
  route('POST', `${api}/webhooks/listeners/klaviyo/passes/pushUpdate`, passOperations.pushUpdate),
  route('GET', `${api}/webhooks`, webhookOperations.list),
  route('POST', `${api}/webhooks`, webhookOperations.create),
  route('GET', `${api}/webhooks/{id}`, webhookOperations.get),
  route('PATCH', `${api}/webhooks/{id}`, webhookOperations.update),
  route('DELETE', `${api}/webhooks/{id}`, webhookOperations.remove),
  route('GET', `${api}/customer`, customerOperations.getCustomer),
  route('POST', `${api}/customer`, customerOperations.upsertCustomer),
  route('POST', `${api}/customer/authenticate`, customerOperations.authenticate),
  route('GET', '/{tenantId}/mail', mailPages.mail),
  route('GET', '/{tenantId}/mail/confirm', mailPages.confirm),
  route('POST', '/{tenantId}/mail/tap', mailPages.tap),
];

export interface WalletCrewService {
  tenants: ReadonlyMap<string, Tenant>;
  announce(tenant: Tenant, event: StoryEvent): void;
  faults: FaultPlan;
  log: RequestLog;
  ownPage(exchange: Exchange): unknown;
}

const isOwn = (path: string) => path === '/' || path.startsWith('/__emulator') || path === '/favicon.ico';

export function walletCrewService(parts: WalletCrewService): Service {
  const router = new Router<Operation>(operations);
  return {
    faults: parts.faults,
    log: parts.log,
    ownWords: (status) => problem(status, status >= 500 ? 'An error occurred while processing your request.' : 'Fault', 'A fault was injected.'),
    unreadable: (reason) => problem(415, 'Unsupported Media Type', reason),
    operationOf: (method, path) => (isOwn(path) ? undefined : (router.match(method, path)?.target.id ?? 'unknown')),
    handle: (exchange) => (isOwn(exchange.path) ? ownAnswer(parts, exchange) : answer(parts, router, exchange)),
  };
}

function ownAnswer(parts: WalletCrewService, exchange: Exchange): Served {
  const body = parts.ownPage(exchange);
  if (typeof body === 'string') return { ...html(200, body), operation: '' };
  return { ...json(body === undefined ? 404 : 200, body ?? { error: 'no such page' }), operation: '' };
}

function answer({ tenants, announce }: WalletCrewService, router: Router<Operation>, exchange: Exchange): Served {
  const match = router.match(exchange.method, exchange.path);
  const tenant = tenants.get(match?.parameters['tenantId'] ?? '');
  const served = (result: Answer): Served => ({ ...result, operation: match?.target.id ?? 'unknown', ...(tenant ? { account: tenant.id } : {}) });
  if (!match) return served(router.knows(exchange.path) ? problem(405, 'Method Not Allowed') : problem(404, 'Not Found'));
  if (!tenant) return served(problem(404, 'Not Found', 'There is no such tenant.'));
  const refused = keyProblem(tenant, exchange, match.target.scope);
  if (refused) return served(refused);
  try {
    return served(match.target.run({ tenant, exchange, parameters: match.parameters, announce: (event) => announce(tenant, event) }));
  } catch (error) {
    if (error instanceof Rejected) return served(error.answer);
    throw error;
  }
}

/** 401: missing, wrong or another tenant's key; 403: a valid key without the scope. */
function keyProblem(tenant: Tenant, { headers }: Exchange, scope: string | undefined): Answer | undefined {
  if (scope === undefined) return undefined;
  const key = headers['x-api-key'];
  const granted = typeof key === 'string' ? tenant.apiKeys[key] : undefined;
  if (!granted) return problem(401, 'Unauthorized', 'The API key is missing, invalid or revoked.');
  if (!granted.includes('*') && !granted.includes(scope)) return problem(403, 'Forbidden', `The API key lacks the scope ${scope}.`);
  return undefined;
}
