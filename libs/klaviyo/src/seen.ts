import type { Identity } from '#core';
import { type Account, aWhile, type Patience } from './account.js';
import { record } from './errors.js';
import { cursorOf, equals } from './filters.js';
import { metricIdOf, metricNames, uniqueIdOf } from './held-event.js';
import { byStrength, usable } from './identifiers.js';

const mostPages = 5;
const fieldOf = { externalId: 'external_id', email: 'email', phone: 'phone_number' } as const;

/** Whether Klaviyo shows the event on the person's profile: `unique_id` comes back as the property `$event_id`. */
export async function seen(account: Account, identity: Identity, track: { metric: string; uniqueId: string }): Promise<boolean | undefined> {
  const patience = aWhile();
  const profileId = await profileIdOf(account, identity, patience);
  if (profileId === undefined || profileId === 'none') return profileId === undefined ? undefined : false;

  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const taken = await account.takeOne('get_events', patience);
    if (!('permit' in taken)) return undefined;
    // `metric_id` would cost a search through all metrics first; the name comes along as an included resource.
    const outcome = await account.call('get_events', taken.permit, (sdk) =>
      sdk.events.getEvents({ filter: equals('profile_id', profileId), include: ['metric'], sort: '-datetime', pageSize: 200, ...(cursor === undefined ? {} : { pageCursor: cursor }) }),
    );
    if (!outcome.ok) return undefined;
    const answer = record(outcome.data);
    if (!Array.isArray(answer['data'])) return undefined;
    const metrics = metricNames(answer['included']);
    if ((answer['data'] as unknown[]).some((event) => isTheEvent(record(event), track, metrics))) return true;
    const next = cursorOf(record(answer['links'])['next']);
    if (next === undefined || next === cursor) return false;
    cursor = next;
  }
  // So many newer events that the question stays open.
  return undefined;
}

async function profileIdOf(account: Account, identity: Identity, patience: Patience): Promise<string | 'none' | undefined> {
  const strongest = byStrength.find((identifier) => usable(identity, identifier) !== undefined);
  // The event went to whom this identifier belongs; a remembered profile id may have been merged away since.
  if (strongest === undefined) return identity.klaviyoId ?? 'none';
  const taken = await account.takeOne('get_profiles', patience);
  if (!('permit' in taken)) return undefined;
  const filter = equals(fieldOf[strongest], usable(identity, strongest)!);
  const outcome = await account.call('get_profiles', taken.permit, (sdk) => sdk.profiles.getProfiles({ filter, fieldsProfile: ['id'], pageSize: 1 }));
  const data = outcome.ok ? record(outcome.data)['data'] : undefined;
  if (!Array.isArray(data)) return undefined;
  const id = record(data[0])['id'];
  return typeof id === 'string' ? id : 'none';
}

function isTheEvent(event: Record<string, unknown>, track: { metric: string; uniqueId: string }, metrics: Map<unknown, unknown>): boolean {
  if (uniqueIdOf(event) !== track.uniqueId) return false;
  const metric = metrics.get(metricIdOf(event));
  return metric === undefined || metric === track.metric;
}
