import type { Account } from './account.js';
import { type Allowed, type Condition, instantTest } from './filter.js';
import type { Profile } from './profile.js';
import type { Query } from './query.js';
import { type Page, pageOf, type Sequence, sortedSequence, GrowingSequence } from './sequence.js';
import { parseInstant } from './time.js';

const cmp = ['greater-or-equal', 'greater-than', 'less-or-equal', 'less-than'];
const suppression = 'subscriptions.email.marketing.suppression';
const listSuppressions = 'subscriptions.email.marketing.list_suppressions';

export const profileFilter: Allowed = {
  id: ['any', 'equals'],
  email: ['any', 'equals'],
  phone_number: ['any', 'equals'],
  external_id: ['any', 'equals'],
  _kx: ['equals'],
  // Strict comparisons only, unlike the timestamps below.
  created: ['greater-than', 'less-than'],
  updated: ['greater-than', 'less-than'],
  [`${suppression}.reason`]: ['equals'],
  [`${suppression}.timestamp`]: cmp,
  [`${listSuppressions}.reason`]: ['equals'],
  [`${listSuppressions}.list_id`]: ['equals'],
  [`${listSuppressions}.timestamp`]: cmp,
};

export const profileSort = ['created', 'email', 'id', 'updated', `${suppression}.timestamp`, `${listSuppressions}.timestamp`];

export const membersFilter: Allowed = {
  email: ['any', 'equals'],
  phone_number: ['any', 'equals'],
  push_token: ['any', 'equals'],
  _kx: ['equals'],
  joined_group_at: cmp,
};

export function searchProfiles(account: Account, query: Query): Page<Profile> {
  const named = candidates(account, query.conditions);
  const sequence = named ? sortedSequence(named, keyOf(query.sort)) : inOrder(account, query.sort);
  const tests = query.conditions.map(profileTest);
  return pageOf(sequence, {
    size: query.size,
    cursor: query.cursor,
    descending: query.descending,
    ...(named ? {} : { between: keysBetween(query) }),
    accept: (profile, index) => (!(sequence instanceof GrowingSequence) || sequence.current(index)) && tests.every((test) => test(profile)),
    idOf: (profile) => profile.id,
  });
}

/** In order of creation or of change, times are the keys: what lies outside of those asked for is not even looked at. Times are whole microseconds. */
function keysBetween({ sort, conditions }: Query): { from?: number; to?: number } {
  const field = sort === undefined || sort === 'id' ? 'created' : sort;
  if (field !== 'created' && field !== 'updated') return {};
  let [from, to] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const condition of conditions) {
    const bound = condition.field === field ? parseInstant(condition.values[0]) : undefined;
    if (bound === undefined) continue;
    if (condition.operator === 'greater-than') from = Math.max(from, bound + 1);
    else to = Math.min(to, bound);
  }
  return { from, to };
}

/** A filter by identifier names its few candidates; no need to walk an account of a million. */
function candidates(account: Account, conditions: readonly Condition[]): Profile[] | undefined {
  // Few are suppressed; to sort a million for their sake would take seconds.
  if (conditions.some(({ field }) => field.startsWith(`${suppression}.`))) return [...account.profiles.all()].filter(({ consents }) => (consents?.suppression.length ?? 0) > 0);
  const finders: Record<string, (value: string) => Profile | undefined> = {
    id: (id) => account.profiles.get(id),
    email: account.profiles.withEmail,
    phone_number: account.profiles.withPhone,
    external_id: account.profiles.withExternalId,
  };
  for (const { field, values } of conditions) {
    const find = finders[field];
    if (find) return [...new Set(values.map((value) => find(String(value))).filter((profile) => profile !== undefined))];
  }
  return undefined;
}

const sortedByVersion = new WeakMap<Account, { version: number; sort: string; sequence: Sequence<Profile> }>();

function inOrder(account: Account, sort: string | undefined): Sequence<Profile> {
  const { profiles } = account;
  // Ids rise with time, so `id` and `created` are one order.
  if (sort === undefined || sort === 'created' || sort === 'id') return profiles.inOrderOfCreation;
  if (sort === 'updated') return profiles.inOrderOfChange;
  const held = sortedByVersion.get(account);
  if (held?.version === profiles.version && held.sort === sort) return held.sequence;
  const sequence = sortedSequence([...profiles.all()], keyOf(sort));
  sortedByVersion.set(account, { version: profiles.version, sort, sequence });
  return sequence;
}

function keyOf(sort: string | undefined): (profile: Profile) => number | string {
  switch (sort) {
    case 'updated': return (profile) => profile.updated;
    case 'email': return (profile) => `${profile.email ?? ''} ${profile.id}`;
    case `${suppression}.timestamp`: return (profile) => `${latest(profile.consents?.suppression)} ${profile.id}`;
    case `${listSuppressions}.timestamp`: return (profile) => `${latest(profile.consents?.listSuppressions)} ${profile.id}`;
    default: return (profile) => profile.created;
  }
}

const latest = (entries: readonly { at: number }[] | undefined) => String(Math.max(0, ...(entries ?? []).map(({ at }) => at))).padStart(17, '0');

export function profileTest(condition: Condition): (profile: Profile) => boolean {
  const values = condition.values.map(String);
  const one = values[0];
  switch (condition.field) {
    case 'id': return () => true; // the candidates were found by it; a merged id finds its successor
    case 'email': {
      const wanted = new Set(values.map((value) => value.toLowerCase()));
      return (profile) => profile.email !== undefined && wanted.has(profile.email.toLowerCase());
    }
    case 'phone_number': return (profile) => profile.phone !== undefined && values.includes(profile.phone);
    case 'external_id': return (profile) => profile.externalId !== undefined && values.includes(profile.externalId);
    case 'created': {
      const test = instantTest(condition);
      return (profile) => test(profile.created);
    }
    case 'updated': {
      const test = instantTest(condition);
      return (profile) => test(profile.updated);
    }
    case `${suppression}.reason`: return (profile) => profile.consents?.suppression.some(({ reason }) => reason === one) ?? false;
    case `${suppression}.timestamp`: {
      const test = instantTest(condition);
      return (profile) => profile.consents?.suppression.some(({ at }) => test(at)) ?? false;
    }
    case `${listSuppressions}.reason`: return (profile) => profile.consents?.listSuppressions.some(({ reason }) => reason === one) ?? false;
    case `${listSuppressions}.list_id`: return (profile) => profile.consents?.listSuppressions.some(({ listId }) => listId === one) ?? false;
    case `${listSuppressions}.timestamp`: {
      const test = instantTest(condition);
      return (profile) => profile.consents?.listSuppressions.some(({ at }) => test(at)) ?? false;
    }
    // _kx and push tokens are not modelled: nobody has one.
    default: return () => false;
  }
}
