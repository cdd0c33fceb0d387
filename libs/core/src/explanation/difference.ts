import type { PropertyValue } from '../command.js';
import { own } from '../person/person.js';
import { propertyNames } from '../marketing/profile.js';
import { isSame } from '../reconciliation/compare-values.js';
import { linkProperties, withToken } from '../wallet/pass-link.js';
import { mainProfile, type Evidence, type SeenProfile } from './evidence.js';

/** A property of the profile that should say something else. Absent: it is not there. */
export interface Difference {
  property: string;
  should: PropertyValue;
  is?: unknown;
  /** The plugin's answer, and not we, made it what it should be. */
  byPlugin: boolean;
}

/** Property by property, tokens and links apart: those are credentials. */
export function differencesOf(evidence: Evidence): Difference[] {
  const profile = mainProfile(evidence);
  const { expected, plain } = evidence;
  if (!profile || !expected) return [];
  return Object.entries(expected.properties)
    .filter(([property, should]) => !isSame(own(profile.properties, property), should))
    .map(([property, should]) => {
      const is = own(profile.properties, property);
      return { property, should, ...(is === undefined ? {} : { is }), byPlugin: !isSame(own(plain?.properties ?? {}, property), should) };
    });
}

/** Here the wallet status stands; everything else is beside it. */
export const isStatusProperty = (property: string) => property.startsWith('neostore.wallet.') && /\.(Apple|Google|Any)$/.test(property);

/** Wallet status of a pass kind that the tenant does not have (any more): nobody writes it. */
export function leftOver({ properties }: SeenProfile, { rules }: Evidence): string[] {
  const written = new Set([propertyNames.any, ...Object.keys(rules.passKinds).flatMap((kind) => [propertyNames.anyOfKind(kind), propertyNames.wallet(kind, 'Apple'), propertyNames.wallet(kind, 'Google')])]);
  return Object.keys(properties).filter((name) => isStatusProperty(name) && !written.has(name));
}

/** Properties of the profile whose value is a credential or holds one. */
export const isSecretProperty = (name: string) => name === propertyNames.authenticationToken || Object.values(linkProperties).includes(name);

/** Pass links on the profile that do not carry the newest token. */
export function staleLinks({ properties }: SeenProfile, { expected, token }: Evidence): string[] {
  if (token === undefined) return [];
  return Object.entries(expected?.links ?? {}).flatMap(([property, address]) => (properties[property] === withToken(address, token) ? [] : [property]));
}
