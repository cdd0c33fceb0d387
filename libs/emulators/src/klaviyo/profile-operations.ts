import { duplicateProfile, invalid, notFound, Refusal } from './errors.js';
import { listJson } from './list-json.js';
import { mergeProfiles as merge } from './merge.js';
import { type Call, document, nothing, type Operation } from './operation.js';
import { applyChange, hasIdentifier, identifiersOf, noIdentifierDetail, type ProfileChange, readProfile, valueProblems } from './profile-change.js';
import { profileJson } from './profile-json.js';
import { profileFilter, profileSort, searchProfiles } from './profile-search.js';
import type { Profile } from './profile.js';
import { additionalProfile, listFields, pageLinks, profileFields, type Query, type QueryRules, readQuery, selfLink } from './query.js';
import { document as readDocument, Inspection, isObject } from './shape.js';

const one: QueryRules = { fields: { profile: profileFields }, additional: additionalProfile };

const view = ({ exchange }: Call, query: Query, conversationKey: 'conversation' | 'conversations' = 'conversation') => ({
  origin: exchange.origin,
  subscriptions: query.additional.has('subscriptions'),
  predictiveAnalytics: query.additional.has('predictive_analytics'),
  fields: query.fields['profile'],
  conversationKey,
});

function readRequest(call: Call): ProfileChange {
  const inspection = new Inspection();
  const data = readDocument(inspection, call.body, 'profile');
  const change = data && readProfile(inspection, data, '/data', 'profile');
  for (const [field, detail] of change ? valueProblems(change) : []) inspection.add(`/data/attributes/${field}`, detail);
  inspection.refuse();
  return change!;
}

/** The synchronous calls never merge: identifiers of two profiles are a conflict. */
export function onlyMatch(matches: Profile[]): Profile | undefined {
  if (matches.length > 1) throw new Refusal([duplicateProfile(matches[1]!.id)]);
  return matches[0];
}

const unknownProfile = (id: string) => new Refusal([notFound(`A profile with id ${id} does not exist.`)]);

function respond(call: Call, query: Query, status: number, profile: Profile) {
  return document(status, { data: profileJson(profile, view(call, query)), links: { self: selfLink(call.exchange) } }, 1);
}

export const createOrUpdateProfile: Operation = (call) => {
  const query = readQuery(call.exchange, one, call.limit);
  const change = readRequest(call);
  const { profiles } = call.account;
  if (!hasIdentifier(change)) throw new Refusal([invalid('/data/attributes', noIdentifierDetail)]);
  if (change.id !== undefined && !profiles.get(change.id)) throw unknownProfile(change.id);
  const existing = onlyMatch(profiles.matches(identifiersOf(change)));
  const profile = existing ?? profiles.create();
  applyChange(profiles, profile, change);
  profiles.touch(profile);
  return respond(call, query, existing ? 200 : 201, profile);
};

export const createProfile: Operation = (call) => {
  const query = readQuery(call.exchange, { additional: additionalProfile, fields: { profile: profileFields } }, call.limit);
  const change = readRequest(call);
  const { profiles } = call.account;
  if (!hasIdentifier({ ...change, id: undefined })) throw new Refusal([invalid('/data/attributes', noIdentifierDetail)]);
  const [existing] = profiles.matches(identifiersOf(change));
  if (existing) throw new Refusal([duplicateProfile(existing.id)]);
  const profile = profiles.create();
  applyChange(profiles, profile, change);
  return respond(call, query, 201, profile);
};

export const updateProfile: Operation = (call) => {
  const query = readQuery(call.exchange, one, call.limit);
  const change = readRequest(call);
  const { profiles } = call.account;
  const id = call.parameters['id'] ?? '';
  if (change.id === undefined) throw new Refusal([invalid('/data/id', 'id is a required field.')]);
  const profile = profiles.get(id);
  if (!profile) throw unknownProfile(id);
  if (profiles.get(change.id) !== profile) throw new Refusal([invalid('/data/id', 'The id of the body does not match the id of the path.')]);
  onlyMatch(profiles.matches(identifiersOf(change)));
  applyChange(profiles, profile, change);
  profiles.touch(profile);
  return respond(call, query, 200, profile);
};

export const getProfiles: Operation = (call) => {
  const query = readQuery(call.exchange, {
    ...one,
    fields: { profile: profileFields, conversation: ['channel', 'id'], 'push-token': ['id', 'created', 'token'] },
    filter: profileFilter,
    sort: profileSort,
    page: 'sized',
    include: ['conversations', 'push-tokens'],
  }, call.limit);
  const page = searchProfiles(call.account, query);
  return document(200, {
    data: page.items.map((profile) => profileJson(profile, view(call, query, 'conversations'))),
    ...(query.include.size > 0 ? { included: [] } : {}),
    links: pageLinks(call.exchange, page),
  }, page.items.length);
};

export const getProfile: Operation = (call) => {
  const query = readQuery(call.exchange, {
    ...one,
    fields: { profile: profileFields, list: listFields, segment: ['created', 'id', 'name', 'updated'] },
    include: ['conversations', 'lists', 'push-tokens', 'segments'],
  }, call.limit);
  const id = call.parameters['id'] ?? '';
  const profile = call.account.profiles.get(id);
  if (!profile) throw unknownProfile(id);
  const data = profileJson(profile, view(call, query, 'conversations'));
  if (!query.include.has('lists')) return document(200, { data, ...(query.include.size > 0 ? { included: [] } : {}), links: { self: selfLink(call.exchange) } }, 1);
  const lists = call.account.listsOf(profile.id);
  const relationships = data['relationships'] as Record<string, object>;
  relationships['lists'] = { data: lists.map((list) => ({ type: 'list', id: list.id })), ...relationships['lists'] };
  const included = lists.map((list) => listJson(list, call.exchange.origin, query.fields['list']));
  return document(200, { data, included, links: { self: selfLink(call.exchange) } }, 1);
};

export const mergeProfiles: Operation = ({ account, body, exchange, settings }) => {
  const inspection = new Inspection();
  const data = readDocument(inspection, body, 'profile-merge');
  const relationships = data && inspection.object(data['relationships'], '/data/relationships');
  const related = relationships && inspection.object(relationships['profiles'], '/data/relationships/profiles');
  const sources = related && inspection.array(related['data'], '/data/relationships/profiles/data');
  if (sources && sources.length !== 1) inspection.add('/data/relationships/profiles/data', 'Exactly one source profile is required.');
  inspection.refuse();
  const find = (id: unknown, pointer: string): Profile => {
    const profile = typeof id === 'string' ? account.profiles.get(id) : undefined;
    if (!profile) throw new Refusal([{ ...notFound(`A profile with id ${String(id)} does not exist.`), source: { pointer } }]);
    return profile;
  };
  const source = sources![0];
  const from = find(isObject(source) ? source['id'] : undefined, '/data/relationships/profiles/data/0/id');
  const to = find(data?.['id'], '/data/id');
  if (from === to) throw new Refusal([invalid('/data/relationships/profiles/data/0/id', 'A profile cannot be merged into itself.')]);
  account.later(settings.delays.other, () => merge(account, to, from));
  return document(settings.mergeStatus, { data: { type: 'profile', id: to.id, links: { self: `${exchange.origin}/api/profiles/${to.id}/` } }, links: { self: selfLink(exchange) } }, 1);
};

export const requestProfileDeletion: Operation = ({ account, body, settings }) => {
  const inspection = new Inspection();
  const data = readDocument(inspection, body, 'data-privacy-deletion-job');
  const attributes = data && inspection.object(data['attributes'], '/data/attributes');
  const profile = attributes && inspection.object(attributes['profile'], '/data/attributes/profile');
  const at = '/data/attributes/profile/data';
  const resource = profile && inspection.object(profile['data'], at);
  inspection.type(resource, 'profile', at);
  const fields = isObject(resource?.['attributes']) ? resource['attributes'] : {};
  inspection.known(fields, new Set(['email', 'phone_number']), 'profile', `${at}/attributes`);
  const id = inspection.optionalString(resource?.['id'], `${at}/id`);
  const email = inspection.optionalString(fields['email'], `${at}/attributes/email`);
  const phone = inspection.optionalString(fields['phone_number'], `${at}/attributes/phone_number`);
  if ([id, email, phone].filter((given) => given !== undefined).length !== 1) inspection.add(at, 'Exactly one of id, email or phone_number is required.');
  inspection.refuse();
  account.later(settings.delays.other, () => {
    for (const found of account.profiles.matches({ id, email, phone })) account.removeProfile(found);
  });
  return nothing(202, 1);
};
