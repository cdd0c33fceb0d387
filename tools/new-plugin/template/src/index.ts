import { IsString, MinLength } from 'class-validator';
import { definePlugin } from 'wallet-crew-klaviyo-connector/plugin';

/** What stands under `settings` in the configuration. The connector does not start with values that break these rules. */
class Settings {
  /** The Klaviyo profile property that is written. */
  @IsString()
  @MinLength(1)
  property: string = 'Favourite store';
}

/** Writes the store of the pass to the Klaviyo profile. */
export default definePlugin({
  name: 'PLUGIN_NAME',
  api: 1,
  settings: Settings,

  mapProfile({ person, profile }, { property }) {
    const store = person.metadata['storeId'];
    if (store === undefined) return profile;
    return { ...profile, properties: { ...profile.properties, [property]: store } };
  },
});
