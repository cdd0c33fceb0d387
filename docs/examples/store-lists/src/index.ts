import { Type } from 'class-transformer';
import { IsObject, IsString, Matches, ValidateNested } from 'class-validator';
import { definePlugin, type ListRoute, type PersonView } from 'wallet-crew-klaviyo-connector/plugin';

/** The lists of one store: one per language, and one for all others. */
class Store {
  /** Language → Klaviyo list id. */
  @IsObject()
  languages: Record<string, string> = {};

  @Matches(/^\w{6}$/, { message: '$property must be the id of a Klaviyo list' })
  otherwise: string;
}

class Settings {
  /** The consent field whose lists these are. */
  @IsString()
  consent: string = 'consents_email';

  /** Where the pass names the store. */
  @IsString()
  storeField: string = 'storeId';

  @ValidateNested({ each: true })
  @Type(() => StoreEntry)
  stores: StoreEntry[];
}

class StoreEntry extends Store {
  @IsString()
  id: string;
}

/** One list per store and language. A customer of two stores is on the lists of the store named last. */
export default definePlugin({
  name: 'store-lists',
  api: 1,
  settings: Settings,

  routeLists({ person, lists }, settings) {
    // A plugin chooses lists; it never makes a consent. What it adds without one the connector refuses.
    if (person.consents[settings.consent] !== true) return lists;
    const list = listOf(person, settings);
    if (!list) return lists;
    const others = lists.filter(({ consent }) => consent !== settings.consent);
    return [...others, { consent: settings.consent, list } satisfies ListRoute];
  },
});

function listOf({ metadata, locale }: PersonView, { stores, storeField }: Settings): string | undefined {
  const store = stores.find(({ id }) => id === String(metadata[storeField] ?? ''));
  return store?.languages[locale?.slice(0, 2) ?? ''] ?? store?.otherwise;
}
