import type { Outgoing, Subscribe, Unsubscribe } from '#core';
import { record } from './errors.js';
import { instantOf } from './instant.js';
import type { ProfileAttributes } from './profile-reads.js';

/** Suppressions that say something about the mailbox and nothing about the person's will; subscribing does not lift them. */
const technical = new Set(['HARD_BOUNCE', 'INVALID_EMAIL']);

export function isTechnical(suppression: Record<string, unknown>): boolean {
  return technical.has(String(suppression['reason']));
}

/** Klaviyo applies a change up to minutes after it took it, and dates it by then. */
const appliesWithinMs = 5 * 60_000;
const skewMs = 30_000;

/** The opposite choice that we sent ourselves: already known to be newer, or known to be older, whatever Klaviyo's date says. */
export function oppositeIsNewer({ oppositeAt, command }: Outgoing<Subscribe | Unsubscribe>): boolean {
  return oppositeAt !== undefined && oppositeAt > (command.do === 'subscribe' ? command.consentedAt : command.withdrawnAt);
}

/** Whether a date of Klaviyo is that of our own older opposite, applied late. */
function isOurOwn(at: number | undefined, { sinceOppositeMs }: Outgoing<Subscribe | Unsubscribe>, now: number): boolean {
  if (at === undefined || sinceOppositeMs === undefined) return false;
  const acceptedAt = now - sinceOppositeMs;
  return at * 1000 >= acceptedAt - skewMs && at * 1000 <= acceptedAt + appliesWithinMs;
}

/**
 * Whether Klaviyo holds a no that is not older than this yes. Subscribing removes suppressions (Klaviyo: Bulk Subscribe
 * Profiles), so a replayed old consent would bring back somebody who left.
 */
export function hasNewerOptOut(attributes: ProfileAttributes, outgoing: Outgoing<Subscribe>, listId: string | undefined, now: number): boolean {
  const { command: consent } = outgoing;
  const channel = channelState(attributes, consent.channel);
  const optOuts: unknown[] = [];
  if (channel['consent'] === 'UNSUBSCRIBED') optOuts.push(newest(channel['consent_timestamp'], channel['last_updated']));
  for (const entry of list(channel['suppression'])) {
    if (!isTechnical(entry)) optOuts.push(entry['timestamp']);
  }
  for (const entry of list(channel['list_suppressions'])) {
    if (listId === undefined || entry['list_id'] !== listId || isTechnical(entry)) continue;
    // Our own withdrawals are of a list, so nothing but this can be one of them.
    if (!isOurOwn(seconds(entry['timestamp']), outgoing, now)) optOuts.push(entry['timestamp']);
  }
  if (consent.undated) return optOuts.length > 0;
  // An opt-out without a readable time counts as newer, and one of the same second too.
  return optOuts.map(seconds).some((at) => at === undefined || at >= Math.floor(consent.consentedAt / 1000));
}

/**
 * Whether Klaviyo holds a yes for this list that is newer than this no. Klaviyo's consent time is the channel's, not the
 * list's: a later consent of another source does not count when the person has been on this list since before the no.
 */
export function hasNewerConsent(attributes: ProfileAttributes, outgoing: Outgoing<Unsubscribe>, now: number): boolean {
  const { command: withdrawal } = outgoing;
  const channel = channelState(attributes, withdrawal.channel);
  if (channel['consent'] !== 'SUBSCRIBED') return false;
  const consentedAt = seconds(channel['consent_timestamp']);
  const withdrawnAt = Math.floor(withdrawal.withdrawnAt / 1000);
  if (consentedAt === undefined || consentedAt <= withdrawnAt || isOurOwn(consentedAt, outgoing, now)) return false;
  const joinedAt = seconds(attributes['joined_group_at']);
  const source = channel['custom_method_detail'];
  const aboutAnotherList = typeof source === 'string' && source !== '' && source !== withdrawal.field && joinedAt !== undefined && joinedAt <= withdrawnAt;
  return !aboutAnotherList;
}

export function channelState(attributes: ProfileAttributes, channel: Subscribe['channel']): Record<string, unknown> {
  return record(record(record(attributes['subscriptions'])[channel])['marketing']);
}

export function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.map(record) : [];
}

function seconds(value: unknown): number | undefined {
  const at = instantOf(value);
  return at === undefined ? undefined : Math.floor(at / 1000);
}

function newest(...values: unknown[]): unknown {
  return values.filter((value) => seconds(value) !== undefined).sort((a, b) => seconds(b)! - seconds(a)!)[0];
}
