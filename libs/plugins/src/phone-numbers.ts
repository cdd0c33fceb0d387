import { IsISO31661Alpha2, IsOptional } from 'class-validator';
import { isSupportedCountry, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/min';
import { definePlugin } from '#core';
import { AreFactNames, factOf, factsOfEvent, type Facts } from './facts.js';

class PhoneNumbers {
  /** Where the number stands; the first that is there counts. */
  @AreFactNames()
  from: string[] = ['identifiers.phone', 'identifiers.phoneNumber', 'identifiers.phone_number', 'identifiers.mobile', 'account.phone', 'account.phoneNumber'];

  /** Where its country stands (ISO 3166, two letters); the first that names one counts. */
  @AreFactNames()
  country: string[] = ['metadata.country', 'account.country', 'region'];

  /** The country of numbers for which none is found. */
  @IsOptional()
  @IsISO31661Alpha2()
  otherwise?: string;
}

/** Reads national phone numbers in the country of their owner. Klaviyo takes nothing but E.164, so a number that cannot be read is dropped. */
export default definePlugin({
  name: 'phone-numbers',
  api: 1,
  settings: PhoneNumbers,

  matchPerson({ event, identifiers }, { from, country, otherwise }) {
    const facts = factsOfEvent(event);
    const number = from.map((name) => factOf(facts, name)).find((fact) => fact !== undefined && fact !== '');
    if (number === undefined) return identifiers;
    const { phone: _read, ...others } = identifiers;
    const phone = e164(String(number), countryOf(facts, country) ?? otherwise?.toUpperCase());
    return phone === undefined ? others : { ...others, phone };
  },
});

function countryOf(facts: Facts, names: string[]): string | undefined {
  return names.map((name) => String(factOf(facts, name) ?? '').toUpperCase()).find((country) => isSupportedCountry(country));
}

/** Of possible length is enough: numbering plans change faster than tables of them. */
function e164(number: string, country: string | undefined): string | undefined {
  const parsed = parsePhoneNumberFromString(number, country as CountryCode | undefined);
  return parsed?.isPossible() ? parsed.number : undefined;
}
