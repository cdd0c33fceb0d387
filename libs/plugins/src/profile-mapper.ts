import { IsOptional, ValidateBy } from 'class-validator';
import { definePlugin, profileAttributes, type Plain } from '#core';
import { AreFactsByName, factOf, factsOfPerson, isMap } from './facts.js';

const areAttributes = (map: unknown) => isMap(map) && Object.keys(map).every((name) => (profileAttributes as readonly string[]).includes(name));

class ProfileMapper {
  /** Klaviyo's own fields: `city: account.city`. */
  @IsOptional()
  @AreFactsByName()
  @ValidateBy({ name: 'areAttributes', validator: { validate: areAttributes, defaultMessage: () => `$property may only name ${profileAttributes.join(', ')}` } })
  attributes?: Record<string, string>;

  /** Properties of one's own: `Loyalty tier: metadata.loyaltyTier`. */
  @IsOptional()
  @AreFactsByName()
  properties?: Record<string, string>;
}

/** Writes what The Wallet Crew knows about a person to the Klaviyo profile. What is not known leaves the profile as it is. */
export default definePlugin({
  name: 'profile-mapper',
  api: 1,
  settings: ProfileMapper,

  mapProfile({ person, profile }, { attributes = {}, properties = {} }) {
    const known = (map: Record<string, string>) => Object.entries(map).flatMap(([name, from]): [string, Plain][] => {
      const fact = factOf(factsOfPerson(person), from);
      return fact === undefined || fact === '' ? [] : [[name, fact]];
    });
    return {
      attributes: { ...profile.attributes, ...Object.fromEntries(known(attributes).map(([name, fact]) => [name, String(fact)])) },
      properties: { ...profile.properties, ...Object.fromEntries(known(properties)) },
    };
  },
});
