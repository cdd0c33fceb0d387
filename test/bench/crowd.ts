import { decide, identifierKeys, personId, type Person } from '#core';
import type { PassSeed, ProfileSeed } from '#emulators';
import { readSettings, rulesByTenant } from '#runtime';
import { readDelivery } from '#wallet-crew';
import type { FreshDatabase } from './server.ts';
import { tenant, tenantSettings, webhookBody } from './tenant.ts';

/*
 * Many people with one pass and one profile each, for whom all three sides were told the same, but for the drift that is planted.
 * The emulators run in processes of their own, so each process makes the same people from the same three numbers.
 */

export interface Crowd {
  people: number;
  /** The part of them about whom a side is wrong. */
  drift: number;
  /** The last of them came before this. Epoch ms. */
  until: number;
}

export const crowdFrom = (env: NodeJS.ProcessEnv): Crowd | undefined => (env['CROWD'] === undefined ? undefined : (JSON.parse(env['CROWD']) as Crowd));

/** What is wrong about a person, in turn. Each is one difference in the report of a run. */
const drifts = ['status-wrong', 'install-unheard', 'default-missing', 'uninstall-unheard'] as const;
type Planted = (typeof drifts)[number];

function driftOf(n: number, { drift }: Crowd): Planted | undefined {
  const every = drift > 0 ? Math.round(1 / drift) : Infinity;
  return n % every === 0 ? drifts[(n / every) % drifts.length] : undefined;
}

export function plantedIn(crowd: Crowd): number {
  return crowd.drift > 0 ? Math.ceil(crowd.people / Math.round(1 / crowd.drift)) : 0;
}

const dayMs = 86_400_000;
const yearsMs = 730 * dayMs;
const steps = [0, 1, 2];
const apple = 'neostore.wallet.loyaltyCard.Apple';
const nameOf = (n: number) => `held-${n}`;
const profileOf = (name: string) => `profile-of-${name}`;
const registeredAt = (n: number, { people, until }: Crowd) => until - dayMs - Math.floor((yearsMs * (people - n)) / people);
const stepAt = (at: number, step: number) => at + step * 60_000;
const iso = (at: number) => new Date(at).toISOString();

export interface Told {
  person: Person;
  properties: Record<string, unknown>;
}

const rules = rulesByTenant(readSettings(tenantSettings('http://127.0.0.1:9'), [])).get(tenant)!;

/** A person as the connector knows them after their webhooks, and the properties it wrote to Klaviyo. */
export function told(name: string, at: number): Told {
  let person: Person | undefined;
  let properties: Record<string, unknown> = {};
  for (const step of steps) {
    const decision = decide(readDelivery(webhookBody(name, step, stepAt(at, step)), at).event, person ? [person] : [], rules, at);
    person = decision.person;
    properties = decision.commands.find(({ do: what }) => what === 'upsert-profile')?.['properties' as never] ?? properties;
  }
  // As any run before this one has learned it.
  return { person: { ...person!, identity: { ...person!.identity, klaviyoId: profileOf(name) } }, properties };
}

const pattern = { name: 'pattern-of-a-person', at: 1_700_000_000_000 };
const patternOf = JSON.stringify(told(pattern.name, pattern.at));
const marks = new RegExp([pattern.name, ...steps.flatMap((step) => [iso(stepAt(pattern.at, step)), String(stepAt(pattern.at, step))])].join('|'), 'g');

/** The same as `told` for a hundredth of the time: a million people are one decided person under other names and dates. */
export function toldOf(n: number, crowd: Crowd): Told {
  const at = registeredAt(n, crowd);
  const shift = at - pattern.at;
  const one = JSON.parse(patternOf.replaceAll(marks, (mark) => (mark === pattern.name ? nameOf(n) : /^\d+$/.test(mark) ? String(Number(mark) + shift) : iso(Date.parse(mark) + shift)))) as Told;
  one.person.id = personId(tenant, identifierKeys(one.person));
  return one;
}

/** What the fast way makes must be what deciding makes, but for the fingerprint of the last update. */
export function checkPattern(crowd: Crowd): void {
  for (const n of [0, 1, crowd.people - 1]) {
    const [fast, slow] = [toldOf(n, crowd), told(nameOf(n), registeredAt(n, crowd))].map(({ person: { profile: _profile, ...person }, properties }) => JSON.stringify({ person, properties }));
    if (fast !== slow) throw new Error(`The people of this bench are not what deciding makes of them:\n${fast}\n${slow}`);
  }
}

export function* passesOf(crowd: Crowd): Generator<PassSeed> {
  for (let n = 0; n < crowd.people; n++) {
    const name = nameOf(n);
    const at = registeredAt(n, crowd);
    const drift = driftOf(n, crowd);
    const installed = iso(stepAt(at, 2));
    yield {
      id: `pass-of-${name}`, passType: 'loyalty', identifiers: { customerId: name, email: `${name}@bench.example` }, creationDate: iso(stepAt(at, 1)), lastUpdateDate: installed,
      providers: { ...(drift === 'uninstall-unheard' ? {} : { apple: installed }), ...(drift === 'install-unheard' ? { google: installed } : {}) },
    };
  }
}

export function* profilesOf(crowd: Crowd): Generator<ProfileSeed> {
  for (let n = 0; n < crowd.people; n++) {
    const { properties } = toldOf(n, crowd);
    const drift = driftOf(n, crowd);
    if (drift === 'status-wrong') properties[apple] = 'NotInstalled';
    if (drift === 'default-missing') delete properties[apple];
    yield { id: profileOf(nameOf(n)), email: `${nameOf(n)}@bench.example`, created: registeredAt(n, crowd), properties };
  }
}

const atOnce = 4_000;

/** Writes the people as the connector would have, without a million webhooks. */
export async function fill(database: FreshDatabase, crowd: Crowd, tell: (done: number) => void): Promise<void> {
  checkPattern(crowd);
  for (let first = 0; first < crowd.people; first += atOnce) {
    const persons = Array.from({ length: Math.min(atOnce, crowd.people - first) }, (_, i) => toldOf(first + i, crowd).person);
    const keys = persons.flatMap((person) => identifierKeys(person).map((identifier) => ({ id: person.id, identifier })));
    await database.query(
      `with saved as (
         insert into connector.person (tenant, id, state, identity, updated_at) select $1, id, state::jsonb, state::jsonb->'identity', clock_timestamp() from unnest($2::text[], $3::text[]) as given (id, state)
       )
       insert into connector.person_identifier (tenant, identifier, person_id) select $1, identifier, id from unnest($4::text[], $5::text[]) as given (id, identifier)`,
      [tenant, persons.map(({ id }) => id), persons.map((person) => JSON.stringify(person)), keys.map(({ id }) => id), keys.map(({ identifier }) => identifier)],
    );
    tell(first + persons.length);
  }
  await database.query('vacuum analyze');
}
