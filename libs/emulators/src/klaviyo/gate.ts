import type { Exchange } from '../http/exchange.js';
import { forbidden, invalid, type Problem, Refusal, unauthenticated } from './errors.js';
import type { OperationLimit } from './limits.js';
import type { Rate } from './rate-windows.js';

/** What every Klaviyo operation asks of a request before looking at what it is for. */

export type Credentials = { kind: 'private' | 'oauth'; token: string };

export function credentialsOf({ headers }: Exchange): Credentials | undefined {
  const [, scheme, token] = /^(Klaviyo-API-Key|Bearer)\s+(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (!scheme || !token) return undefined;
  return { kind: scheme.toLowerCase() === 'bearer' ? 'oauth' : 'private', token };
}

export const noCredentials = (): Problem => unauthenticated('Missing or invalid private key.');

/** Stable revisions that still answer: one year stable, one year deprecated. */
const living = ['2024-10-15', '2025-01-15', '2025-04-15', '2025-07-15', '2025-10-15', '2026-01-15', '2026-04-15', '2026-07-15'];

export function checkRevision({ headers }: Exchange): void {
  const revision = headers['revision'];
  if (typeof revision !== 'string' || !/^\d{4}-\d{2}-\d{2}(\.[\w-]+)?$/.test(revision)) {
    throw new Refusal([{ ...invalid('/data', "The 'revision' header is required, as YYYY-MM-DD[.suffix]."), source: { parameter: 'revision' } }]);
  }
  // By default an unknown or retired revision is silently served by a newer one ("fall forward"); the opt-out makes it fail.
  if (headers['x-klaviyo-revision-fall-forward-opt-out'] === '1' && !living.includes(revision.slice(0, 10))) {
    throw new Refusal([{ status: 410, code: 'invalid', title: 'Gone.', detail: `The revision ${revision} is retired or unknown.`, source: { parameter: 'revision' } }]);
  }
}

export function checkScopes(limit: OperationLimit, granted: readonly string[]): void {
  const missing = limit.scopes.filter((scope) => !granted.includes(scope));
  if (missing.length > 0) throw new Refusal([forbidden(`The API key is missing the following scopes: ${missing.join(', ')}.`)]);
}

/** The operation's own bucket, and the narrower ones its parameters add. The narrowest comes first: it speaks in the headers. */
export function demands(operation: string, limit: OperationLimit, query: URLSearchParams): { bucket: string; rate: Rate }[] {
  const own = { bucket: operation, rate: limit };
  const extra = Object.entries(limit.conditional ?? {})
    .filter(([condition]) => {
      const [parameter, value] = condition.split('=') as [string, string];
      return query.get(parameter)?.split(',').includes(value) ?? false;
    })
    .map(([condition, rate]) => ({ bucket: `${operation}?${condition}`, rate }));
  return [...extra, own].sort((a, b) => a.rate.burstPerSecond - b.rate.burstPerSecond);
}

const types = new Set(['application/json', 'application/vnd.api+json']);

/** The OpenAPI knows application/vnd.api+json only, the vendor's SDK sends application/json: both are taken, nothing else. */
export function readJson({ headers, body, method }: Exchange, limit: OperationLimit): unknown {
  if (method === 'GET' || (method === 'DELETE' && body.length === 0)) return undefined;
  const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (!types.has(type)) {
    throw new Refusal([{ status: 415, code: 'unsupported_media_type', title: 'Unsupported media type.', detail: `Unsupported media type '${type}' in request.`, source: { pointer: '/data' } }]);
  }
  if (limit.maxBytes !== undefined && body.length > limit.maxBytes) {
    // Whether Klaviyo answers 400 or 413 to an oversize body is not published.
    throw new Refusal([invalid('/data', `The body has ${body.length} bytes, ${limit.maxBytes} are allowed.`)]);
  }
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    throw new Refusal([invalid('/data', 'The body is not valid JSON.')]);
  }
}
