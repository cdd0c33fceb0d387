import { bareEvent, type Channel, type OptOuts, type WalletEvent } from '#core';
import type { Account } from './account.js';
import { channelState, isTechnical, list } from './consent-state.js';
import { record } from './errors.js';
import { after, cursorOf } from './filters.js';
import { instantOf, newestOf } from './instant.js';
import { nameOf } from './profile-name.js';
import type { ProfileAttributes } from './profile-reads.js';

/** Klaviyo could not be asked, for a reason of which nobody knows when it ends. */
const aMinute = 60_000;
/** Nobody waits for a look; it may stand in line longer than what is to be sent. */
const patienceMs = 10_000;

const suppressedAt = 'subscriptions.email.marketing.suppression.timestamp';
const names = ['email', 'phone_number', 'external_id', 'updated'] as const;

/**
 * How opt-outs are found (Klaviyo: Get Profiles, filterable fields). E-mail: unsubscribing from all suppresses the profile, and its
 * suppressions can be asked for by time. SMS knows no suppression, so every profile that changed is looked at.
 */
const search = {
  email: { by: suppressedAt, fields: ['subscriptions.email.marketing.suppression'] },
  sms: { by: 'updated', fields: ['subscriptions.sms.marketing.consent', 'subscriptions.sms.marketing.consent_timestamp', 'subscriptions.sms.marketing.last_updated'] },
} as const;

/**
 * One page of opt-outs since then, oldest first, so that a look which ends early loses nothing. Older ones of profiles that changed
 * since come along: dropped, they would be missing after a look that was done in parts.
 */
export async function optOuts(account: Account, channel: Channel, since: number, next: string | undefined): Promise<OptOuts | { waitMs: number }> {
  // Half of the calls stay free for those who wait to be subscribed: Klaviyo is asked about them by the same operation. The distance is that to the
  // last page of opt-outs: a run reads profiles all the time, and to keep it from those as well would be to wait until the run has ended.
  if (next !== undefined) await account.clock.wait(2 * account.spacingMs('get_profiles'));
  const taken = await account.takeOne('get_profiles', { leftMs: patienceMs });
  if (!('permit' in taken)) return { waitMs: taken.waitMs };
  const { by, fields } = search[channel];
  const outcome = await account.call('get_profiles', taken.permit, (sdk) =>
    sdk.profiles.getProfiles({
      filter: after(by, since),
      sort: by,
      additionalFieldsProfile: ['subscriptions'],
      fieldsProfile: [...names, ...fields],
      pageSize: 100,
      ...(next === undefined ? {} : { pageCursor: next }),
    }),
  );
  if (!outcome.ok) {
    const { problem } = outcome;
    // Nothing but our own question can be wrong here: somebody should hear of it, and the next look asks it again.
    if (problem.kind !== 'later') account.log.error('Klaviyo does not say who opted out', { account: account.name, channel, code: problem.code, status: problem.status });
    return { waitMs: problem.waitMs ?? aMinute };
  }
  const page = record(outcome.data);
  // No data where data must be is no answer: it must not be read as "nobody opted out".
  if (!Array.isArray(page['data'])) return { waitMs: aMinute };
  const profiles = (page['data'] as unknown[]).map(record);
  const cursor = cursorOf(record(page['links'])['next']);
  const toldUntil = newestOf(profiles.map((profile) => sortedBy(channel, record(profile['attributes']))));
  return {
    events: profiles.flatMap((profile) => optOut(channel, profile) ?? []),
    ...(cursor === undefined || cursor === next ? {} : { next: cursor }),
    ...(toldUntil === undefined ? {} : { toldUntil }),
  };
}

/** The time Klaviyo sorts a profile by, where that is certain: of several suppressions nobody says which one counts. */
function sortedBy(channel: Channel, attributes: ProfileAttributes): number | undefined {
  if (channel === 'sms') return instantOf(attributes['updated']);
  const suppressions = list(channelState(attributes, channel)['suppression']);
  return suppressions.length === 1 ? instantOf(suppressions[0]!['timestamp']) : undefined;
}

/** The opt-out of a channel that this profile shows, if it does. */
export function optOut(channel: Channel, profile: Record<string, unknown>): WalletEvent | undefined {
  const at = optedOutAt(channel, record(profile['attributes']));
  const name = nameOf(profile);
  if (at === undefined || !name) return undefined;
  return bareEvent({ kind: 'opted-out', name: `klaviyo.${channel}.${channel === 'email' ? 'suppressed' : 'unsubscribed'}`, at, channel, profile: name });
}

function optedOutAt(channel: Channel, attributes: ProfileAttributes): number | undefined {
  const state = channelState(attributes, channel);
  if (channel === 'email') return newestOf(list(state['suppression']).filter((entry) => !isTechnical(entry)).map((entry) => instantOf(entry['timestamp'])));
  return state['consent'] === 'UNSUBSCRIBED' ? newestOf([instantOf(state['consent_timestamp']), instantOf(state['last_updated'])]) : undefined;
}
