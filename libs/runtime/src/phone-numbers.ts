import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';

/** Reads phone numbers as people write them in `country`; gives E.164, the only form Klaviyo takes, or undefined. */
export function phoneReader(country: string | undefined): (number: string) => string | undefined {
  return (number) => {
    const parsed = parsePhoneNumberFromString(number, country as CountryCode | undefined);
    return parsed?.isValid() ? parsed.number : undefined;
  };
}
