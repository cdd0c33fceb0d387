import { randomUUID } from 'node:crypto';
import type { Account } from './account.js';
import { readConsentRequest } from './consent-rules.js';
import { subscribe, suppress, unsubscribe, unsuppress } from './consent.js';
import { invalid, Refusal } from './errors.js';
import { findList } from './list-operations.js';
import { type Call, document, nothing, type Operation } from './operation.js';
import { isEmail } from './profile-change.js';
import type { Profile } from './profile.js';
import { selfLink } from './query.js';
import { document as readDocument, Inspection, isObject } from './shape.js';
import { instant } from './time.js';

export const bulkSubscribeProfiles: Operation = (call) => {
  const request = readConsentRequest(call, 'profile-subscription-bulk-create-job', 'SUBSCRIBED');
  call.account.later(call.settings.delays.subscriptions, () => subscribe(call.account, request));
  return nothing(202, request.wishes.length);
};

export const bulkUnsubscribeProfiles: Operation = (call) => {
  const { wishes, list } = readConsentRequest(call, 'profile-subscription-bulk-delete-job', 'UNSUBSCRIBED');
  call.account.later(call.settings.delays.subscriptions, () => unsubscribe(call.account, wishes, list));
  return nothing(202, wishes.length);
};

const suppression = (name: 'create' | 'delete', apply: (account: Account, profiles: Profile[]) => void): Operation => (call) => {
  const { account, exchange, settings } = call;
  const type = `profile-suppression-bulk-${name}-job`;
  const { emails, list } = readSuppression(call, type);
  const count = list ? list.memberIds().length : emails.length;
  account.later(settings.delays.subscriptions, () => {
    const members = list?.memberIds().map((id) => account.profiles.get(id));
    const named = emails.map((email) => account.profiles.withEmail(email) ?? (name === 'create' ? newSuppressed(account, email) : undefined));
    apply(account, (members ?? named).filter((profile) => profile !== undefined));
  });
  const id = randomUUID();
  const self = `${exchange.origin}/api/profile-suppression-bulk-${name}-jobs/${id}/`;
  const link = (to: string) => ({ links: { self: `${self}relationships/${to}/`, related: `${self}${to}/` } });
  return document(202, {
    data: {
      type,
      id,
      attributes: { status: 'processing', created_at: instant(account.tick()), total_count: count, completed_count: 0, completed_at: null, skipped_count: 0 },
      relationships: { lists: link('lists'), segments: link('segments') },
      links: { self },
    },
    links: { self: selfLink(exchange) },
  }, count);
};

function newSuppressed(account: Account, email: string): Profile {
  const profile = account.profiles.create();
  account.profiles.setEmail(profile, email);
  return profile;
}

/** Up to 100 addresses, or one list, or one segment: never two of them. */
function readSuppression({ account, body, limit }: Call, type: string) {
  const inspection = new Inspection();
  const data = readDocument(inspection, body, type);
  const attributes = isObject(data?.['attributes']) ? data['attributes'] : {};
  const profiles = isObject(attributes['profiles']) && Array.isArray(attributes['profiles']['data']) ? (attributes['profiles']['data'] as unknown[]) : undefined;
  const relationships = isObject(data?.['relationships']) ? data['relationships'] : {};
  const related = (name: string) => (isObject(relationships[name]) && isObject(relationships[name]['data']) ? String(relationships[name]['data']['id']) : undefined);
  const listId = related('list');
  const segmentId = related('segment');
  if ([profiles, listId, segmentId].filter((given) => given !== undefined).length !== 1) inspection.add('/data', 'Exactly one of profiles, a list or a segment is required.');
  const at = '/data/attributes/profiles/data';
  if (profiles && limit.maxItems !== undefined && profiles.length > limit.maxItems) throw new Refusal([invalid(at, `A request may have ${limit.maxItems} profiles, this one has ${profiles.length}.`)]);
  const emails = (profiles ?? []).map((profile, index) => {
    const fields = isObject(profile) && isObject(profile['attributes']) ? profile['attributes'] : {};
    const email = fields['email'];
    if (!isEmail(email)) inspection.add(`${at}/${index}/attributes/email`, 'A valid email address is required.');
    return String(email);
  });
  inspection.refuse();
  return { emails, list: listId === undefined ? undefined : findList(account, listId) };
}

export const bulkSuppressProfiles = suppression('create', suppress);
export const bulkUnsuppressProfiles = suppression('delete', unsuppress);
