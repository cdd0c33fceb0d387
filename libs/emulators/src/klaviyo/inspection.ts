import type { Account, FlowTrigger } from './account.js';
import type { AccountBook } from './account-book.js';
import type { StoredEvent } from './event-store.js';
import type { Flow } from './flow.js';
import type { Profile } from './profile.js';
import { memberTest, type SegmentDefinition } from './segment.js';
import { subscriptionsJson } from './profile-json.js';
import { instant, secondInstant } from './time.js';

/** A profile as the emulator holds it now, for tests and people; not what any Klaviyo call answers. */
export interface HeldProfile {
  id: string;
  email: string | undefined;
  phone_number: string | undefined;
  external_id: string | undefined;
  first_name: string | undefined;
  last_name: string | undefined;
  locale: string | undefined;
  properties: Record<string, unknown>;
  created: string;
  updated: string;
  lists: { id: string; name: string; joined: string }[];
  subscriptions: HeldSubscriptions;
}

export interface HeldSubscriptions {
  email: Consent & { suppression: string[]; listSuppressions: string[]; canReceive: boolean };
  sms: Consent;
}

interface Consent {
  consent: 'SUBSCRIBED' | 'UNSUBSCRIBED' | 'NEVER_SUBSCRIBED';
  consentedAt: string | undefined;
  customSource: string | undefined;
}

export interface HeldEvent {
  id: string;
  metric: string;
  profileId: string;
  email: string | undefined;
  externalId: string | undefined;
  /** ISO, to the second. */
  time: string;
  /** When the emulator took it. Epoch ms. */
  receivedAt: number;
  uniqueId: string;
  value: number | undefined;
  backfill: boolean;
  properties: Record<string, unknown>;
}

export interface ProfileQuery {
  id?: string;
  email?: string;
  phone?: string;
  externalId?: string;
}

export interface EventQuery extends ProfileQuery {
  metric?: string;
  uniqueId?: string;
}

/** What the emulator holds, read without going through the API and without touching any limit. `account` is a key or an account id; default: all. */
export class KlaviyoInspection {
  constructor(protected readonly book: AccountBook) {}

  profiles(account?: string): HeldProfile[] {
    return this.book.select(account).flatMap((one) => [...one.profiles.all()].map((profile) => heldProfile(one, profile)));
  }

  profileCount(account?: string): number {
    return this.book.select(account).reduce((sum, { profiles }) => sum + profiles.size, 0);
  }

  profile(query: ProfileQuery, account?: string): HeldProfile | undefined {
    for (const one of this.book.select(account)) {
      const [profile] = one.profiles.matches(query);
      if (profile) return heldProfile(one, profile);
    }
    return undefined;
  }

  /** In order of arrival. */
  events(query: EventQuery = {}, account?: string): HeldEvent[] {
    const person = query.id ?? query.email ?? query.phone ?? query.externalId;
    return this.book.select(account).flatMap((one) => {
      const profile = person === undefined ? undefined : one.profiles.matches(query)[0];
      if (person !== undefined && !profile) return [];
      return [...(profile ? one.events.ofProfile(profile.id) : one.events.all())]
        .filter((event) => (query.metric === undefined || event.metric.name === query.metric) && (query.uniqueId === undefined || event.uniqueId === query.uniqueId))
        .map((event) => heldEvent(one, event));
    });
  }

  eventCount(account?: string): number {
    return this.book.select(account).reduce((sum, { events }) => sum + events.size, 0);
  }

  subscriptions(query: ProfileQuery, account?: string): HeldSubscriptions | undefined {
    return this.profile(query, account)?.subscriptions;
  }

  lists(account?: string): { account: string; id: string; name: string; optIn: string; members: number }[] {
    return this.book.select(account).flatMap((one) => [...one.lists.values()].map((list) => ({ account: one.id, id: list.id, name: list.name, optIn: list.optIn, members: list.size })));
  }

  listMembers(listIdOrName: string, account?: string): HeldProfile[] {
    for (const one of this.book.select(account)) {
      const list = one.lists.get(listIdOrName) ?? [...one.lists.values()].find(({ name }) => name === listIdOrName);
      if (list) return list.memberIds().map((id) => one.profiles.get(id)).filter((profile) => profile !== undefined).map((profile) => heldProfile(one, profile));
    }
    return [];
  }

  segments(account?: string): { id: string; name: string; definition: SegmentDefinition }[] {
    return this.book.select(account).flatMap((one) => [...one.segments.values()].map(({ id, name, definition }) => ({ id, name, definition: structuredClone(definition) })));
  }

  /** Who meets the conditions of the segment now. */
  segmentMembers(segmentIdOrName: string, account?: string): HeldProfile[] {
    for (const one of this.book.select(account)) {
      const segment = one.segments.get(segmentIdOrName) ?? [...one.segments.values()].find(({ name }) => name === segmentIdOrName);
      if (segment) return [...one.profiles.all()].filter(memberTest(segment.definition)).map((profile) => heldProfile(one, profile));
    }
    throw new Error(`The Klaviyo emulator has no segment '${segmentIdOrName}'.`);
  }

  flows(account?: string): { id: string; name: string; status: string; definition: Flow['definition'] }[] {
    return this.book.select(account).flatMap((one) => [...one.flows.values()].map(({ id, name, status, definition }) => ({ id, name, status, definition: structuredClone(definition) })));
  }

  flowsTriggered(account?: string): FlowTrigger[] {
    return this.book.select(account).flatMap((one) => [...one.flowsTriggered]);
  }

  /** Events answered with 202 and then lost, as Klaviyo may do. */
  lostEvents(account?: string): { reason: string; metric: string; uniqueId: string }[] {
    return this.book.select(account).flatMap((one) => [...one.lostEvents]);
  }

  jobs(account?: string): { id: string; status: string; total: number; completed: number; failed: number }[] {
    return this.book.select(account).flatMap((one) => [...one.jobs.values()].map(({ id, status, total, completed, failed }) => ({ id, status, total, completed, failed })));
  }

  pendingOptIns(account?: string): { profileId: string; listId: string | undefined }[] {
    return this.book.select(account).flatMap((one) => one.pendingOptIns.map(({ profileId, listId }) => ({ profileId, listId })));
  }
}

function heldProfile(account: Account, profile: Profile): HeldProfile {
  return {
    id: profile.id,
    email: profile.email,
    phone_number: profile.phone,
    external_id: profile.externalId,
    first_name: profile.names?.['first_name'],
    last_name: profile.names?.['last_name'],
    locale: profile.names?.['locale'],
    properties: structuredClone(profile.properties),
    created: instant(profile.created),
    updated: instant(profile.updated),
    lists: account.listsOf(profile.id).map((list) => ({ id: list.id, name: list.name, joined: instant(list.joined(profile.id) ?? 0) })),
    subscriptions: heldSubscriptions(profile),
  };
}

function heldSubscriptions(profile: Profile): HeldSubscriptions {
  const consents = profile.consents;
  const channel = (name: 'email.marketing' | 'sms.marketing'): Consent => {
    const answer = consents?.channels[name];
    return { consent: answer?.consent ?? 'NEVER_SUBSCRIBED', consentedAt: answer && instant(answer.at), customSource: answer?.customSource ?? undefined };
  };
  const email = subscriptionsJson(profile)['email'] as { marketing: { can_receive_email_marketing: boolean } };
  return {
    email: {
      ...channel('email.marketing'),
      suppression: (consents?.suppression ?? []).map(({ reason }) => reason),
      listSuppressions: (consents?.listSuppressions ?? []).map(({ listId }) => listId),
      canReceive: email.marketing.can_receive_email_marketing,
    },
    sms: channel('sms.marketing'),
  };
}

export function heldEvent(account: Account, event: StoredEvent): HeldEvent {
  const profile = account.profiles.get(event.profileId);
  return {
    id: event.id,
    metric: event.metric.name,
    profileId: event.profileId,
    email: profile?.email,
    externalId: profile?.externalId,
    time: secondInstant(event.seconds),
    receivedAt: event.received / 1_000,
    uniqueId: event.uniqueId,
    value: event.value,
    backfill: event.backfill,
    properties: event.properties,
  };
}
