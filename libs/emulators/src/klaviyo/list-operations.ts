import type { Account } from './account.js';
import { invalid, notFound, Refusal } from './errors.js';
import { type Condition, instantTest } from './filter.js';
import { listJson } from './list-json.js';
import type { List } from './list.js';
import { type Call, document, nothing, type Operation } from './operation.js';
import { profileJson } from './profile-json.js';
import { membersFilter, profileTest } from './profile-search.js';
import type { Profile } from './profile.js';
import { additionalProfile, listFields, pageLinks, profileFields, readQuery, selfLink } from './query.js';
import { pageOf, sortedSequence } from './sequence.js';
import { document as readDocument, Inspection, isObject } from './shape.js';
import { instant } from './time.js';

export function findList(account: Account, id: string): List {
  const list = account.lists.get(id);
  if (!list) throw new Refusal([notFound(`A list with id ${id} does not exist.`)]);
  return list;
}

const related = { flow: ['id', 'name', 'status', 'archived', 'created', 'updated', 'trigger_type'], tag: ['id', 'name'] };

export const getLists: Operation = ({ account, exchange, limit }) => {
  const query = readQuery(exchange, {
    filter: { name: ['any', 'equals'], id: ['any', 'equals'], created: ['greater-than'], updated: ['greater-than'] },
    sort: ['created', 'id', 'name', 'updated'],
    page: 'sized',
    include: ['flow-triggers', 'tags'],
    fields: { list: listFields, ...related },
  }, limit);
  const tests = query.conditions.map((condition): ((list: List) => boolean) => {
    const { field, values } = condition;
    if (field === 'name') return (list) => values.includes(list.name);
    if (field === 'id') return (list) => values.includes(list.id);
    const test = instantTest(condition);
    return (list) => test(field === 'created' ? list.created : list.updated);
  });
  const sort = query.sort ?? 'created';
  const key = (list: List) => (sort === 'created' ? list.created : sort === 'updated' ? `${list.updated} ${list.id}` : sort === 'name' ? `${list.name} ${list.id}` : list.id);
  const lists = [...account.lists.values()].filter((list) => tests.every((test) => test(list)));
  const page = pageOf(sortedSequence(lists, key), { size: query.size, cursor: query.cursor, descending: query.descending, idOf: (list) => list.id });
  return document(200, {
    data: page.items.map((list) => listJson(list, exchange.origin, query.fields['list'])),
    ...(query.include.size > 0 ? { included: [] } : {}),
    links: pageLinks(exchange, page),
  }, page.items.length);
};

export const getList: Operation = ({ account, exchange, parameters, limit }) => {
  const query = readQuery(exchange, { include: ['flow-triggers', 'tags'], fields: { list: [...listFields, 'profile_count'], ...related }, additional: { list: ['profile_count'] } }, limit);
  const list = findList(account, parameters['id'] ?? '');
  return document(200, {
    data: listJson(list, exchange.origin, query.fields['list'], query.additional.has('profile_count')),
    ...(query.include.size > 0 ? { included: [] } : {}),
    links: { self: selfLink(exchange) },
  }, 1);
};

export const createList: Operation = ({ account, exchange, body }) => {
  const inspection = new Inspection();
  const data = readDocument(inspection, body, 'list');
  const attributes = data && inspection.object(data['attributes'], '/data/attributes');
  inspection.known(attributes, new Set(['name', 'opt_in_process']), 'list', '/data/attributes');
  const name = inspection.optionalString(attributes?.['name'], '/data/attributes/name');
  if (!name) inspection.add('/data/attributes/name', 'name is a required field.');
  const optIn = attributes?.['opt_in_process'] ?? undefined;
  if (optIn !== undefined && optIn !== 'single_opt_in' && optIn !== 'double_opt_in') inspection.add('/data/attributes/opt_in_process', `'${String(optIn)}' is not a valid choice.`);
  inspection.refuse();
  const list = account.createList({ name: name!, opt_in_process: optIn === 'double_opt_in' || optIn === 'single_opt_in' ? optIn : (account.options.defaultOptIn ?? 'single_opt_in') });
  return document(201, { data: listJson(list, exchange.origin), links: { self: selfLink(exchange) } }, 1);
};

/** Klaviyo ids only; membership never touches consent. */
function membership({ account, body, parameters, limit }: Call): { list: List; profiles: Profile[] } {
  const list = findList(account, parameters['id'] ?? '');
  const inspection = new Inspection();
  const data = inspection.array(isObject(body) ? body['data'] : undefined, '/data') ?? [];
  if (limit.maxItems !== undefined && data.length > limit.maxItems) throw new Refusal([invalid('/data', `A request may have ${limit.maxItems} profiles, this one has ${data.length}.`)]);
  const profiles: Profile[] = [];
  for (const [index, one] of data.entries()) {
    const resource = inspection.object(one, `/data/${index}`);
    inspection.type(resource, 'profile', `/data/${index}`);
    const profile = typeof resource?.['id'] === 'string' ? account.profiles.get(resource['id']) : undefined;
    if (profile) profiles.push(profile);
    else inspection.add(`/data/${index}/id`, `A profile with id ${String(resource?.['id'])} does not exist.`);
  }
  inspection.refuse();
  return { list, profiles };
}

export const addProfilesToList: Operation = (call) => {
  const { list, profiles } = membership(call);
  for (const profile of profiles) call.account.join(list, profile, { triggersFlows: true });
  return nothing(204, profiles.length);
};

export const removeProfilesFromList: Operation = (call) => {
  const { list, profiles } = membership(call);
  for (const profile of profiles) list.remove(profile.id);
  return nothing(204, profiles.length);
};

export const getProfilesForList: Operation = ({ account, exchange, parameters, limit }) => {
  const query = readQuery(exchange, {
    filter: membersFilter,
    sort: ['joined_group_at'],
    page: 'sized',
    fields: { profile: [...profileFields, 'joined_group_at'] },
    additional: additionalProfile,
  }, limit);
  const list = findList(account, parameters['id'] ?? '');
  const named = membersNamed(account, list, query.conditions);
  const sequence = named ? sortedSequence(named, (profile) => list.joined(profile.id) ?? 0) : list.inOrderOfJoining;
  const tests = query.conditions.map((condition): ((profile: Profile) => boolean) => {
    if (condition.field !== 'joined_group_at') return profileTest(condition);
    const test = instantTest(condition);
    return (profile) => test(list.joined(profile.id));
  });
  const page = pageOf<Profile>(sequence, {
    size: query.size,
    cursor: query.cursor,
    descending: query.descending,
    accept: (profile, index) => (sequence !== list.inOrderOfJoining || list.inOrderOfJoining.current(index)) && tests.every((test) => test(profile)),
    idOf: (profile) => profile.id,
  });
  const view = {
    origin: exchange.origin,
    subscriptions: query.additional.has('subscriptions'),
    predictiveAnalytics: query.additional.has('predictive_analytics'),
    fields: query.fields['profile'],
    conversationKey: 'conversation',
  } as const;
  return document(200, {
    data: page.items.map((profile) => profileJson(profile, view, { joined_group_at: instant(list.joined(profile.id) ?? 0) })),
    links: pageLinks(exchange, page),
  }, page.items.length);
};

/** An address or number names its member directly. */
function membersNamed(account: Account, list: List, conditions: readonly Condition[]): Profile[] | undefined {
  for (const { field, values } of conditions) {
    const find = field === 'email' ? account.profiles.withEmail : field === 'phone_number' ? account.profiles.withPhone : undefined;
    if (!find) continue;
    return [...new Set(values.map((value) => find(String(value))).filter((profile) => profile !== undefined && list.has(profile.id)))] as Profile[];
  }
  return undefined;
}

export const getListsForProfile: Operation = ({ account, exchange, parameters, limit }) => {
  const query = readQuery(exchange, { fields: { list: listFields } }, limit);
  const id = parameters['id'] ?? '';
  const profile = account.profiles.get(id);
  if (!profile) throw new Refusal([notFound(`A profile with id ${id} does not exist.`)]);
  const lists = account.listsOf(profile.id);
  return document(200, { data: lists.map((list) => listJson(list, exchange.origin, query.fields['list'])), links: pageLinks(exchange, {}) }, lists.length);
};
