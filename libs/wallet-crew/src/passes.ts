import type { FoundPass, ListedPass, Wallet } from '#core';
import type { Call } from './calls.js';
import { isMap, readJson } from './json.js';
import { type Refusal, unavailable } from './said.js';

/** The largest page is not published; this is our assumption. */
export const pageSize = 100;
/** Nobody has a thousand passes: an identifier that finds so many identifies nobody. */
const mostPages = 10;

/** One page of a list. `listed`: how many entries it had, readable or not. */
interface ListPage {
  passes: ListedPass[];
  listed: number;
  total?: number;
}

/** `query`: filters or an order, as they stand in the address. */
export async function readPage(call: Call, path: string, index: number, query: string, now: () => number): Promise<ListPage | Refusal> {
  const said = await call('list-passes', 'GET', `${path}?pageIndex=${index}&pageSize=${pageSize}${query}`);
  // A list without passes is an empty one; 404 says that there is no such list.
  if (!said.ok) return said.code === 'WALLET_CREW_PASS_MISSING' ? { ...said, code: 'WALLET_CREW_REFUSED' } : said;
  const listed = readJson(said.text);
  if (!Array.isArray(listed)) return unavailable('The list of passes cannot be read.', false);
  const total = said.headers['x-pagination-total'];
  return { passes: listed.flatMap((given) => readPass(given, now())), listed: listed.length, ...(typeof total === 'string' && /^\d+$/.test(total) ? { total: Number(total) } : {}) };
}

/** All passes with these field values, exactly as written (operator `equals`). */
export async function listPasses(call: Call, path: string, equals: [field: string, value: string][], now: () => number): Promise<ListedPass[] | Refusal> {
  const filters = equals.map(([field, value], i) => `&filter%5B${i}%5D.field=${encodeURIComponent(field)}&filter%5B${i}%5D.operator=equals&filter%5B${i}%5D.value=${encodeURIComponent(value)}`).join('');
  // By id: a pass that changes between two pages moves from one to the other.
  const found = new Map<string, ListedPass>();
  for (let index = 0; index < mostPages; index++) {
    const page = await readPage(call, path, index, filters, now);
    if ('ok' in page) return page;
    for (const pass of page.passes) found.set(pass.id, pass);
    if (page.listed === 0 || (page.total === undefined ? page.listed < pageSize : index * pageSize + page.listed >= page.total)) break;
  }
  return [...found.values()];
}

function readPass(given: unknown, readAt: number): ListedPass[] {
  if (!isMap(given) || typeof given['id'] !== 'string' || given['id'] === '') return [];
  const { id, passType, creationDate, lastUpdateDate, identifiers, providers } = given;
  const createdAt = timeOf(creationDate);
  const changedAt = timeOf(lastUpdateDate);
  return [{
    id,
    ...(typeof passType === 'string' && passType ? { type: passType } : {}),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(changedAt === undefined ? {} : { changedAt }),
    installed: installedIn(providers, createdAt ?? readAt),
    identifiers: identifiersIn(identifiers),
  }];
}

/** Sibling keys such as "customerId.hmac" prove an identifier and are none. */
function identifiersIn(given: unknown): Record<string, string> {
  const entries = Object.entries(isMap(given) ? given : {}).filter(([key, value]) => !/\.(hmac|secret)$/.test(key) && (typeof value === 'number' || (typeof value === 'string' && value.trim())));
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value).trim()]));
}

/** "Installation date per provider" is all that is documented; the keys are our assumption. What is there without saying since when is there all the same. */
function installedIn(providers: unknown, otherwise: number): FoundPass['installed'] {
  const installed: FoundPass['installed'] = {};
  for (const [provider, since] of Object.entries(isMap(providers) ? providers : {})) {
    const wallet: Wallet | undefined = /apple/i.test(provider) ? 'Apple' : /google/i.test(provider) ? 'Google' : undefined;
    // Year 1 is how .NET spells "no date".
    if (!wallet || !since || String(since).startsWith('0001-')) continue;
    installed[wallet] = timeOf(since) ?? otherwise;
  }
  return installed;
}

/** Text without a zone is taken as UTC. */
function timeOf(said: unknown): number | undefined {
  const at = typeof said === 'number' ? said : typeof said === 'string' ? Date.parse(/T[\d:.]+$/.test(said) ? `${said}Z` : said) : Number.NaN;
  return at > 0 ? at : undefined;
}
