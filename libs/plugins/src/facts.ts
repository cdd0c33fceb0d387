import { ValidateBy } from 'class-validator';
import type { PersonView, Plain, WalletEvent } from '#core';

/** What is known about somebody, wherever it was said. */
export interface Facts {
  metadata: Readonly<Record<string, Plain>>;
  account: Readonly<Record<string, Plain>>;
  identifiers: Readonly<Record<string, string>>;
  locale?: string;
}

const sections = ['metadata', 'account', 'identifiers'] as const;

/** `metadata.storeId`, `account.city`, `identifiers.customerId`, `locale` (`fr-FR`), `language` (`fr`) or `region` (`FR`). */
export function isFactName(name: unknown): name is string {
  return typeof name === 'string' && (['locale', 'language', 'region'].includes(name) || sections.some((section) => name.startsWith(`${section}.`) && name.length > section.length + 1));
}

export function factOf(facts: Facts, name: string): Plain | undefined {
  const [language, region] = facts.locale?.split(/[-_]/) ?? [];
  if (name === 'locale') return facts.locale;
  if (name === 'language') return language?.toLowerCase();
  if (name === 'region') return region?.toUpperCase();
  const section = sections.find((one) => name.startsWith(`${one}.`))!;
  const key = name.slice(section.length + 1);
  return Object.hasOwn(facts[section], key) ? facts[section][key] : undefined;
}

export function factsOfPerson({ metadata, account, identifiers, locale }: PersonView): Facts {
  return { metadata, account, identifiers, ...(locale === undefined ? {} : { locale }) };
}

export function factsOfEvent({ metadata, account = {}, identifiers, attributes: { locale } }: WalletEvent): Facts {
  return { metadata, account, identifiers, ...(locale === undefined ? {} : { locale }) };
}

const wanted = 'metadata.<name>, account.<name>, identifiers.<name>, locale, language or region';

export function AreFactNames(): PropertyDecorator {
  return ValidateBy({ name: 'areFactNames', validator: { validate: (names) => Array.isArray(names) && names.every(isFactName), defaultMessage: () => `$property must be a list of ${wanted}` } });
}

/** A map from names of one's own to facts. */
export function AreFactsByName(): PropertyDecorator {
  return ValidateBy({ name: 'areFactsByName', validator: { validate: (map) => isMap(map) && Object.values(map).every(isFactName), defaultMessage: () => `$property must map each name to ${wanted}` } });
}

export const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
