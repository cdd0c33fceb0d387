import type { FoundPass, Wallet } from '#core';
import type { Call } from './calls.js';
import { isMap, readJson } from './json.js';
import { type Refusal, unavailable } from './said.js';

/** A pass as The Wallet Crew lists it. */
export interface HeldPass extends FoundPass {
  identifiers: Record<string, string>;
}

/** The largest page is not published; this is our assumption. */
const pageSize = 100;
/** Nobody has a thousand passes: an identifier that finds so many identifies nobody. */
const mostPages = 10;

/** All passes with these field values, exactly as written (operator `equals`). */
export async function listPasses(call: Call, path: string, equals: [field: string, value: string][], now: () => number): Promise<HeldPass[] | Refusal> {
  const filters = equals.map(([field, value], i) => `&filter%5B${i}%5D.field=${encodeURIComponent(field)}&filter%5B${i}%5D.operator=equals&filter%5B${i}%5D.value=${encodeURIComponent(value)}`).join('');
  // By id: a pass that changes between two pages moves from one to the other.
  const found = new Map<string, HeldPass>();
  for (let page = 0; page < mostPages; page++) {
    const said = await call('list-passes', 'GET', `${path}?pageIndex=${page}&pageSize=${pageSize}${filters}`);
    // A list without passes is an empty one; 404 says that there is no such list.
    if (!said.ok) return said.code === 'WALLET_CREW_PASS_MISSING' ? { ...said, code: 'WALLET_CREW_REFUSED' } : said;
    const listed = readJson(said.text);
    if (!Array.isArray(listed)) return unavailable('The list of passes cannot be read.', false);
    for (const pass of listed.flatMap((given) => readPass(given, now()))) found.set(pass.id, pass);
    const total = Number(said.headers['x-pagination-total'] ?? Number.NaN);
    const seen = page * pageSize + listed.length;
    if (listed.length === 0 || (Number.isNaN(total) ? listed.length < pageSize : seen >= total)) break;
  }
  return [...found.values()];
}

function readPass(given: unknown, readAt: number): HeldPass[] {
  if (!isMap(given) || typeof given['id'] !== 'string' || given['id'] === '') return [];
  const { id, passType, creationDate, identifiers, providers } = given;
  const createdAt = timeOf(creationDate);
  return [{
    id,
    ...(typeof passType === 'string' && passType ? { type: passType } : {}),
    ...(createdAt === undefined ? {} : { createdAt }),
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
