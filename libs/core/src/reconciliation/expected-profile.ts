import type { UpsertProfile } from '../command.js';
import { profileOf } from '../marketing/profile.js';
import { newPerson, type Person } from '../person/person.js';
import type { PluginHost } from '../plugin/host.js';
import { personView, whoIs } from '../plugin/person-view.js';
import { shapedProfiles, type ShapedProfile } from '../plugin/shaped-profiles.js';
import type { Rules } from '../rules.js';

/** What should stand on the profiles of these persons, by person id. Somebody is missing whose profile a plugin holds by failing: nobody can say then. */
export async function expectedProfiles(persons: readonly Person[], rules: Rules, plugins: PluginHost): Promise<Map<string, UpsertProfile>> {
  const shaped = await shapedProfilesOf(persons, rules, plugins);
  return new Map(persons.flatMap(({ id }, i) => (isHeld(shaped[i]!) ? [] : [[id, shaped[i]!.profile]])));
}

/** The same with what plugins noted, in the order of the persons. */
export function shapedProfilesOf(persons: readonly Person[], rules: Rules, plugins: PluginHost): Promise<ShapedProfile[]> {
  const views = persons.map(personView);
  return shapedProfiles(plugins, rules.tenant, persons.map((person, i) => ({ person: views[i]!, who: whoIs(views[i]!), profile: profileOf(person, rules) })));
}

export const isHeld = ({ asked }: ShapedProfile) => asked.some(({ held }) => held !== undefined);

/** What must stand on the profile of somebody whom we do not know: the explicit status of people without a pass, because Klaviyo leaves profiles without it out of its conditions. */
export function strangersProfile(rules: Rules): UpsertProfile {
  const { do: what, properties } = profileOf(newPerson(''), rules);
  return { do: what, attributes: {}, properties: Object.fromEntries(Object.entries(properties).filter(([, value]) => isStatus(value))) };
}

/** Counts and times are beside it. */
export function isStatus(value: unknown): boolean {
  return value === 'Installed' || value === 'NotInstalled' || value === 'Uninstalled';
}
