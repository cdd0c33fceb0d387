import { compareProfile, expectedProfiles, parts, type Comparison, type HeldProfile, type LinkRules, type Person, type ProfileReading, type PropertyValue, type Rules } from '#core';
import { GlassVault } from '../../support/system-fakes.js';
import { aCustomer, day, live, onlyPerson, rules, start } from '../../support/stories.js';
import { noPlugins } from './fakes.js';

export const vault = new GlassVault();
export const now = start + 100 * day;
export const email = 'ana@example.com';
export const links: LinkRules = { pages: { enrolment: 'https://wallet.example/mail', pass: 'https://wallet.example/pass' }, tokenOn: 'profile', unasked: true, asProperties: false, refreshAfterMs: 30 * day };

export const apple = 'neostore.wallet.loyaltyCard.Apple';
export const google = 'neostore.wallet.loyaltyCard.Google';
export const tokenName = 'neostore.authenticationToken';

/** A customer with a pass in Apple Wallet. */
export const ana = (own: Partial<Person> = {}): Person => ({ ...onlyPerson(live(aCustomer('C-42').enrolled({ at: start, email, consents: { consents_email: true } }).installed('apple').events)), ...own });

export const withToken = (daysAgo: number, own: Partial<Person> = {}): Person => ana({ token: { sealed: vault.seal('token-1'), at: now - daysAgo * day }, tokenAskedAt: now - daysAgo * day, ...own });

/** The properties that should stand on the profile of a person. */
export async function propertiesOf(person: Person, rule: Rules = rules()): Promise<Record<string, PropertyValue>> {
  return (await expectedProfiles([person], rule, noPlugins)).get(person.id)!.properties;
}

export function held(properties: HeldProfile['properties'], own: Partial<Omit<HeldProfile, 'name'>> & { name?: Partial<HeldProfile['name']> } = {}): HeldProfile {
  const { name, ...more } = own;
  return { createdAt: start, updatedAt: start, properties, consents: { email: { says: 'subscribed' }, sms: { says: 'never' } }, optOuts: [], ...more, name: { klaviyoId: 'K-1', email, ...name } };
}

export async function compare(profile: HeldProfile, person: Person | undefined, own: Partial<ProfileReading> = {}): Promise<Comparison> {
  const rule = own.rules ?? rules();
  const expected = await expectedProfiles(person ? [person] : [], rule, noPlugins);
  return compareProfile(profile, person, { begunAt: now, at: now, only: parts, rules: rule, vault, expected, told: { lately: new Set(), parked: new Map() }, strangers: true, optIns: {}, gone: new Set(), ...own });
}

/** `kind of event: kinds of drift`, for each repair. */
export const says = ({ drift }: Comparison) => drift?.repairs.map(({ event, kinds }) => `${event.kind}: ${kinds.join('+')}`) ?? [];
export const kindsOf = ({ drift }: Comparison) => drift?.kinds ?? [];
