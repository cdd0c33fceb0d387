import { choiceInForce } from '../person/consent.js';
import type { Person, Said } from '../person/person.js';
import type { Plain } from '../wallet/event.js';
import { inWallet } from '../wallet/pass.js';
import type { PersonView } from './hooks.js';
import type { Who } from './host.js';

/** What plugins may see of a person: no token, and nothing that could be changed. */
export function personView(person: Person): PersonView {
  const { email, phone } = person.identity;
  const { firstName, lastName, locale } = person.attributes;
  return {
    id: person.id,
    ...(email === undefined ? {} : { email }),
    ...(phone === undefined ? {} : { phone }),
    identifiers: Object.fromEntries(Object.entries(person.identifiers).flatMap(([key, values]) => (values.length > 0 ? [[key, newest(values)]] : []))),
    ...(firstName ? { firstName: firstName.value } : {}),
    ...(lastName ? { lastName: lastName.value } : {}),
    ...(locale ? { locale: locale.value } : {}),
    metadata: valuesOf(person.metadata),
    account: valuesOf(person.account),
    consents: Object.fromEntries(Object.entries(person.consents).flatMap(([field, statements]) => (statements.length > 0 ? [[field, choiceInForce(statements)!.given]] : []))),
    passes: Object.values(person.passes).map((pass) => ({
      id: pass.id,
      kind: pass.kind,
      ...(pass.type === undefined ? {} : { type: pass.type }),
      apple: inWallet(pass, 'Apple')?.status ?? 'NotInstalled',
      google: inWallet(pass, 'Google')?.status ?? 'NotInstalled',
    })),
  };
}

/** By what a rollout may choose: nothing that names a person. */
export function whoIs({ id, locale, metadata }: Pick<PersonView, 'id' | 'metadata'> & { locale?: string | undefined }): Who {
  const facts: Record<string, Plain> = Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`metadata.${name}`, value]));
  return { key: id, facts: { ...facts, ...(locale === undefined ? {} : { locale, language: locale.slice(0, 2) }) } };
}

const newest = (values: readonly Said<string>[]) => values.reduce((best, said) => (said.at >= best.at ? said : best)).value;
const valuesOf = (facts: Record<string, Said<Plain>>): Record<string, Plain> => Object.fromEntries(Object.entries(facts).map(([name, { value }]) => [name, value]));
