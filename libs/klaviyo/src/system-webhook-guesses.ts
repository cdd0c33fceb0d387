/*
 * Klaviyo documents the envelope of its events and not their properties. What is read here are ASSUMPTIONS (docs/opt-outs.md): the
 * names that Klaviyo uses for the same facts elsewhere, in any spelling. Where nothing is found nothing is claimed.
 */

/** `Merged Profile ID`, `merged_profile_id` and `mergedProfileId` are one name. */
const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z]/g, '');

/** By which way consent was changed; of profiles Klaviyo documents `method`, with values such as `API` and `PREFERENCE_PAGE`. */
const methodNames = ['method', 'consentmethod', 'unsubscribemethod', 'subscribemethod', 'optoutmethod', 'optinmethod'];

export function methodIn(properties: Record<string, unknown>): string | undefined {
  for (const [name, value] of Object.entries(properties)) {
    if (methodNames.includes(plain(name)) && typeof value === 'string' && value.trim() !== '') return value;
  }
  return undefined;
}

/** Klaviyo's API calls the profiles that go into another the `source` of a merge (Merge Profiles). */
const mergedNames = /^(merged|source|old|previous|deleted)(profile)?ids?$/;
/** 26 characters, or 6 for profiles from before. */
const profileId = /^(?:[0-9A-HJKMNP-TV-Z]{26}|[0-9A-Za-z]{6})$/;

export function mergedIdsIn(properties: Record<string, unknown>): string[] {
  const ids = Object.entries(properties).flatMap(([name, value]) => (mergedNames.test(plain(name)) ? idsIn(value) : []));
  return [...new Set(ids)];
}

function idsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(idsIn);
  if (typeof value === 'object' && value !== null) return idsIn((value as { id?: unknown }).id);
  return typeof value === 'string' ? value.split(/[\s,;]+/).filter((id) => profileId.test(id)) : [];
}
