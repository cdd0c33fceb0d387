import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/min';

/**
 * Reads phone numbers as people write them in `country`; gives E.164, the only form Klaviyo takes, or undefined. A number of
 * possible length is enough: numbering plans change faster than tables of them, and what Klaviyo itself refuses is left out by
 * the adapter when it says so.
 */
export function phoneReader(country: string | undefined): (number: string) => string | undefined {
  return (number) => {
    const parsed = parsePhoneNumberFromString(number, country as CountryCode | undefined);
    return parsed?.isPossible() ? parsed.number : undefined;
  };
}
