import type { UpsertProfile } from '../command.js';
import { linkProperties } from '../wallet/pass-link.js';
import { question, type PluginHost, type Question, type Who } from './host.js';
import { passLinkPages, type HookName, type PersonView } from './hooks.js';

export interface ProfileSubject {
  person: PersonView;
  who: Who;
  profile: UpsertProfile;
}

/** What plugins made of a profile, with their notes and whether one of them failed that must not be passed over. */
export interface ShapedProfile {
  profile: UpsertProfile;
  asked: Pick<Question<HookName>, 'notes' | 'held'>[];
}

/** Asks a tenant's plugins about many profiles at once: what stands on them, then where their links lead. */
export async function shapedProfiles(plugins: PluginHost, tenant: string, subjects: readonly ProfileSubject[]): Promise<ShapedProfile[]> {
  const profiles = subjects.map(({ who, person, profile: { attributes, properties } }) => question<'mapProfile'>(who, { person, profile: { attributes, properties } }));
  await plugins.ask(tenant, 'mapProfile', profiles);
  const shaped = subjects.map(({ profile }, i): ShapedProfile => ({ profile: { ...profile, ...profiles[i]!.output }, asked: [profiles[i]!] }));

  const links = subjects.flatMap(({ who, person, profile }, i) => Object.entries(profile.links ?? {}).map(([property, url]) => ({ i, property, q: question<'passLink'>(who, { person, link: { page: pageOf(property), url } }) })));
  await plugins.ask(tenant, 'passLink', links.map(({ q }) => q));
  for (const { i, property, q } of links) {
    const one = shaped[i]!;
    if (q.output) one.profile = { ...one.profile, links: { ...one.profile.links, [property]: q.output.url } };
    one.asked.push(q);
  }
  return shaped;
}

const pageOf = (property: string) => passLinkPages.find((page) => linkProperties[page] === property)!;
