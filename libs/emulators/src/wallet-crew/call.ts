import type { Answer, Exchange } from '../http/exchange.js';
import { problem, Rejected } from './problem.js';
import type { StoryEvent } from './story.js';
import type { Tenant } from './tenant.js';

export interface Call {
  tenant: Tenant;
  exchange: Exchange;
  parameters: Record<string, string>;
  /** Tells the tenant's webhook subscribers, in the background. */
  announce: (event: StoryEvent) => void;
}

export interface Operation {
  id: string;
  /** Needed of the `X-API-KEY`; undefined: the call is open. */
  scope?: string;
  run: (call: Call) => Answer;
}

export function bodyOf({ exchange }: Call): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(exchange.body.toString('utf8'));
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  } catch {
    // answered below
  }
  throw new Rejected(problem(400, 'One or more validation errors occurred.', null, { $: ['The body must be a JSON object.'] }));
}

export function mapOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** Identifier values as text; the sibling keys that prove them (`customerId.hmac`, `.secret`) are no identifiers. */
export function identifiersOf(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(mapOf(value)).filter(([name, text]) => text !== null && text !== undefined && !/\.(hmac|secret)$/.test(name)).map(([name, text]) => [name, String(text)]),
  );
}

export const now = ({ tenant }: Call): string => new Date(tenant.now()).toISOString();
