import type { Exchange } from '../http/exchange.js';
import { invalidParameter, Refusal } from './errors.js';
import { type Allowed, type Condition, parseFilter } from './filter.js';
import type { Page } from './sequence.js';
import type { OperationLimit } from './limits.js';

/** The query parameters one operation documents. Anything else is refused. */
export interface QueryRules {
  filter?: Allowed;
  sort?: readonly string[];
  page?: 'sized' | 'cursor';
  include?: readonly string[];
  fields?: Readonly<Record<string, readonly string[]>>;
  additional?: Readonly<Record<string, readonly string[]>>;
}

export interface Query {
  conditions: Condition[];
  sort: string | undefined;
  descending: boolean;
  size: number;
  cursor: string | undefined;
  include: ReadonlySet<string>;
  fields: Record<string, readonly string[]>;
  additional: ReadonlySet<string>;
}

export const profileFields = [
  'created', 'email', 'external_id', 'first_name', 'id', 'image', 'last_event_date', 'last_name', 'locale', 'location', 'organization',
  'phone_number', 'predictive_analytics', 'properties', 'subscriptions', 'title', 'updated',
] as const;
export const listFields = ['created', 'id', 'name', 'opt_in_process', 'updated'] as const;
export const metricFields = ['created', 'id', 'integration', 'name', 'updated'] as const;
export const additionalProfile = { profile: ['subscriptions', 'predictive_analytics'] } as const;

const refuse = (parameter: string, detail: string): never => {
  throw new Refusal([invalidParameter(parameter, detail)]);
};

export function readQuery({ query }: Exchange, rules: QueryRules, limit: OperationLimit): Query {
  const read: Query = {
    conditions: [], sort: undefined, descending: false, size: limit.pageSize ?? 20, cursor: undefined, include: new Set(), fields: {}, additional: new Set(),
  };
  for (const [name, value] of query) {
    const [, family, resource] = /^([^[]+)(?:\[([^\]]+)\])?$/.exec(name) ?? [];
    if (name === 'filter' && rules.filter) read.conditions = parseFilter(value, rules.filter);
    else if (name === 'sort' && rules.sort) [read.sort, read.descending] = readSort(value, rules.sort);
    else if (name === 'include' && rules.include) read.include = new Set(choices(name, value, rules.include));
    else if (name === 'page[cursor]' && rules.page) read.cursor = readCursorParameter(value);
    else if (name === 'page[size]' && rules.page === 'sized') read.size = readSize(value, limit.maxItems ?? 100);
    else if (family === 'fields' && resource && rules.fields?.[resource]) read.fields[resource] = choices(name, value, rules.fields[resource], true);
    else if (family === 'additional-fields' && resource && rules.additional?.[resource]) read.additional = new Set(choices(name, value, rules.additional[resource]));
    else refuse(name, `'${name}' is not a valid query parameter for this endpoint.`);
  }
  return read;
}

function readSort(value: string, allowed: readonly string[]): [string, boolean] {
  const descending = value.startsWith('-');
  const field = descending ? value.slice(1) : value;
  if (!allowed.includes(field)) refuse('sort', `'${value}' is not a valid sort. Allowed: ${allowed.join(', ')}.`);
  return [field, descending];
}

function readSize(value: string, largest: number): number {
  const size = Number(value);
  if (!Number.isInteger(size) || size < 1 || size > largest) refuse('page[size]', `page[size] must be an integer between 1 and ${largest}.`);
  return size;
}

/** Clients may hand back the whole `links.next` instead of its cursor. */
function readCursorParameter(value: string): string {
  if (!/^https?:/.test(value)) return value;
  return new URL(value).searchParams.get('page[cursor]') ?? value;
}

function choices(parameter: string, value: string, allowed: readonly string[], dotted = false): string[] {
  const chosen = value.split(',').map((choice) => choice.trim()).filter((choice) => choice !== '');
  for (const choice of chosen) {
    const known = allowed.includes(choice) || (dotted && allowed.includes(choice.split('.')[0]!));
    if (!known) refuse(parameter, `'${choice}' is not a valid value for '${parameter}'. Allowed: ${allowed.join(', ')}.`);
  }
  return chosen;
}

/** Absolute, with the trailing slash Klaviyo writes. */
export function selfLink({ origin, path, query }: Exchange, cursor?: string): string {
  const parameters = new URLSearchParams(query);
  if (cursor !== undefined) parameters.set('page[cursor]', cursor);
  const text = parameters.toString();
  return `${origin}${path}/${text === '' ? '' : `?${text}`}`;
}

export const pageLinks = (exchange: Exchange, page: Pick<Page<unknown>, 'next' | 'prev'>) => ({
  self: selfLink(exchange),
  next: page.next === undefined ? null : selfLink(exchange, page.next),
  prev: page.prev === undefined ? null : selfLink(exchange, page.prev),
});

/** A sparse fieldset over flat attributes. */
export function sparse(attributes: Record<string, unknown>, fields: readonly string[] | undefined): Record<string, unknown> {
  if (!fields) return attributes;
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => fields.includes(name)));
}
