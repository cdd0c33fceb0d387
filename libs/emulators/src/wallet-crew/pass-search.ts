import { problem, Rejected } from './problem.js';
import type { Pass, Tenant } from './tenant.js';

interface Filter {
  field: string;
  operator: string;
  value: string;
}

interface Sort {
  field: string;
  direction: string;
}

/** An assumption: the vendor's largest page is not published. */
const largestPage = 100;

const reject = (field: string, message: string): never => {
  throw new Rejected(problem(400, 'One or more validation errors occurred.', null, { [field]: [message] }));
};

export interface PassPage {
  passes: Pass[];
  total: number;
}

const sortedCopies = new WeakMap<Tenant, { version: number; copies: Map<string, Pass[]> }>();

/** `filter[0].field=…&filter[0].operator=…&filter[0].value=…&sortBy[0].field=…&pageIndex=0&pageSize=20`. No snapshot: a pass changed between two pages may move. */
export function searchPasses(tenant: Tenant, query: URLSearchParams): PassPage {
  const pageIndex = whole(query, 'pageIndex', 0);
  const pageSize = whole(query, 'pageSize', 20);
  if (pageSize < 1 || pageSize > largestPage) reject('pageSize', `pageSize must be between 1 and ${largestPage}.`);
  const sorts = indexed<Sort>(query, 'sortBy');
  const filters = indexed<Filter>(query, 'filter');
  // The order of creation is kept up to date: a million passes are not sorted anew because one of them was touched.
  if (filters.length === 0 && sorts.length === 1 && sorts[0]!.field === 'creationDate' && /^asc$/i.test(sorts[0]!.direction ?? 'ASC')) {
    const { inOrderOfCreation: order } = tenant;
    return { passes: order.slice(pageIndex * pageSize, (pageIndex + 1) * pageSize), total: order.length };
  }
  const found = matching(tenant, filters, sorts);
  return { passes: found.slice(pageIndex * pageSize, (pageIndex + 1) * pageSize), total: found.length };
}

/** Paging through a large tenant asks the same question again and again: the answer is kept until something changes. */
function matching(tenant: Tenant, filters: Filter[], sorts: Sort[]): Pass[] {
  // One customer's passes are found by an index, not by looking through everybody's; there is no second page to keep them for.
  const exact = filters.filter(({ field, operator = 'equals' }) => operator === 'equals' && field?.startsWith('identifiers.'));
  if (exact.length > 0) return sifted(tenant.passesWith(Object.fromEntries(exact.map(({ field, value = '' }) => [field.slice('identifiers.'.length), value]))), filters, sorts);
  let kept = sortedCopies.get(tenant);
  if (kept?.version !== tenant.version) sortedCopies.set(tenant, (kept = { version: tenant.version, copies: new Map() }));
  const question = JSON.stringify([filters, sorts]);
  let passes = kept.copies.get(question);
  if (!passes) {
    passes = sifted([...tenant.passes.values()], filters, sorts);
    kept.copies.set(question, passes);
  }
  return passes;
}

function sifted(all: readonly Pass[], filters: Filter[], sorts: Sort[]): Pass[] {
  const tests = filters.map(filterTest);
  const passes = all.filter((pass) => tests.every((test) => test(pass)));
  const orders = sorts.map(sortOrder);
  if (orders.length > 0) passes.sort((a, b) => orders.reduce((order, next) => order || next(a, b), 0));
  return passes;
}

function whole(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  if (!/^\d+$/.test(text)) reject(name, `The value '${text}' is not valid for ${name}.`);
  return Number(text);
}

function indexed<T>(query: URLSearchParams, name: string): T[] {
  const entries: Record<string, string>[] = [];
  for (const [key, value] of query) {
    const [, index, part] = new RegExp(`^${name}\\[(\\d+)\\]\\.(\\w+)$`).exec(key) ?? [];
    if (index !== undefined && part !== undefined) (entries[Number(index)] ??= {})[part] = value;
  }
  return entries.filter((entry) => entry !== undefined) as T[];
}

function filterTest({ field, operator = 'equals', value = '' }: Filter): (pass: Pass) => boolean {
  // The only operators seen in the vendor's pages; others may exist, but nobody should build on them.
  if (operator !== 'equals' && operator !== 'contains') return reject('filter', `The operator '${operator}' is not supported.`);
  const test = (text: unknown) => (operator === 'equals' ? String(text ?? '') === value : String(text ?? '').includes(value));
  if (field === 'passType') return (pass) => test(pass.passType);
  if (field === 'installationStatus') {
    const wallets = (pass: Pass) => Object.keys(pass.providers);
    return operator === 'contains' ? (pass) => wallets(pass).includes(value) : (pass) => wallets(pass).join(',') === value;
  }
  const [family, ...rest] = field?.split('.') ?? [];
  // Keys may have dots of their own: `identifiers.y2.customerId`.
  const key = rest.join('.');
  if (family === 'identifiers' && key) return (pass) => test(pass.identifiers[key]);
  if (family === 'metadata' && key) return (pass) => test(pass.metadata[key]);
  return reject('filter', `The field '${field}' cannot be filtered on.`);
}

function sortOrder({ field, direction = 'ASC' }: Sort): (a: Pass, b: Pass) => number {
  if (!/^(asc|desc)$/i.test(direction)) reject('sortBy', `The direction '${direction}' is not valid.`);
  const sign = /^desc$/i.test(direction) ? -1 : 1;
  const value = (pass: Pass): string => {
    if (field === 'id' || field === 'passType' || field === 'creationDate' || field === 'lastUpdateDate') return pass[field];
    if (field === 'apple' || field === 'google') return pass.providers[field] ?? '';
    const [family, ...rest] = field?.split('.') ?? [];
    const key = rest.join('.') || field;
    return String((family === 'metadata' ? pass.metadata : pass.identifiers)[key] ?? '');
  };
  return (a, b) => {
    const [left, right] = [value(a), value(b)];
    return left < right ? -sign : left > right ? sign : 0;
  };
}
