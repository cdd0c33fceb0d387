import { invalid, notFound, Refusal } from './errors.js';
import { takeIn } from './event-intake.js';
import { type AcceptedEvent, readEvent, readEventProfile } from './event-rules.js';
import { eventJson, metricJson } from './event-json.js';
import { looksLikeEventId, type StoredEvent } from './event-store.js';
import { type Condition, instantTest, numberTest } from './filter.js';
import { document as readDocument, Inspection, isObject } from './shape.js';
import { document, nothing, type Operation } from './operation.js';
import { identifiersOf } from './profile-change.js';
import { profileJson } from './profile-json.js';
import { metricFields, pageLinks, profileFields, type QueryRules, readQuery, selfLink } from './query.js';
import { pageOf, type Sequence, sortedSequence } from './sequence.js';
import { parseInstant } from './time.js';

export const createEvent: Operation = ({ account, body, settings }) => {
  const inspection = new Inspection();
  const data = readDocument(inspection, body, 'event');
  const event = data && readEvent(inspection, data, '/data', settings.now());
  inspection.refuse();
  if (event) account.later(settings.delays.events, () => takeIn(account, event, settings));
  return nothing(202, 1);
};

const bulkPointer = '/data/attributes/events-bulk-create/data';

export const bulkCreateEvents: Operation = ({ account, body, limit, settings }) => {
  const inspection = new Inspection();
  const now = settings.now();
  const data = readDocument(inspection, body, 'event-bulk-create-job');
  const attributes = data && inspection.object(data['attributes'], '/data/attributes');
  const bulk = attributes && inspection.object(attributes['events-bulk-create'], '/data/attributes/events-bulk-create');
  const groups = bulk && inspection.array(bulk['data'], bulkPointer);
  const accepted: AcceptedEvent[] = [];
  const seen = new Set<string>();
  let count = 0;
  for (const [i, group] of (groups ?? []).entries()) {
    const at = `${bulkPointer}/${i}`;
    const resource = inspection.object(group, at);
    inspection.type(resource, 'event-bulk-create', at);
    const fields = resource && inspection.object(resource['attributes'], `${at}/attributes`);
    if (!fields) continue;
    const profile = readEventProfile(inspection, fields['profile'], `${at}/attributes/profile`);
    const events = inspection.array(isObject(fields['events']) ? fields['events']['data'] : fields['events'], `${at}/attributes/events/data`);
    for (const [j, one] of (events ?? []).entries()) {
      count++;
      const pointer = `${at}/attributes/events/data/${j}`;
      const event = readEvent(inspection, one, pointer, now, { profile, backfill: fields['backfill'] === true });
      if (!event) continue;
      // "If a unique_id is repeated for the same profile and metric, the request will fail and no events will be processed."
      if (event.uniqueId !== undefined) {
        const { id, externalId, email, phone } = identifiersOf(event.profile);
        const key = JSON.stringify([id ?? externalId ?? email?.toLowerCase() ?? phone, event.metricName, event.uniqueId]);
        if (seen.has(key)) inspection.add(`${pointer}/attributes/unique_id`, 'unique_id must be unique per profile and metric within a request.');
        seen.add(key);
      }
      accepted.push(event);
    }
  }
  if (limit.maxItems !== undefined && count > limit.maxItems) {
    throw new Refusal([invalid(bulkPointer, `A request may have ${limit.maxItems} events, this one has ${count}.`)]);
  }
  if (groups?.length === 0) inspection.add(bulkPointer, 'This list may not be empty.');
  inspection.refuse();
  account.later(settings.delays.events, () => {
    for (const event of accepted) takeIn(account, event, settings);
  });
  return nothing(202, count);
};

const times = ['greater-or-equal', 'greater-than', 'less-or-equal', 'less-than'];

const eventRules: QueryRules = {
  filter: { metric_id: ['equals'], profile_id: ['equals'], profile: ['has'], metric: ['has'], datetime: times, timestamp: times },
  sort: ['datetime', 'timestamp'],
  page: 'sized',
  include: ['attributions', 'metric', 'profile'],
  fields: { event: ['datetime', 'event_properties', 'id', 'timestamp', 'uuid'], metric: metricFields, profile: profileFields, attribution: ['id'] },
};

export const getEvents: Operation = ({ account, exchange, limit }) => {
  const query = readQuery(exchange, eventRules, limit);
  const valueOf = (name: string) => query.conditions.find(({ field }) => field === name)?.values.map(String)[0];
  const owner = valueOf('profile_id');
  const sequence: Sequence<StoredEvent> = owner !== undefined
    ? sortedSequence(account.events.ofProfile(account.profiles.get(owner)?.id ?? ''), (event) => event.rank)
    : account.events.inOrderOfTime(valueOf('metric_id'));
  const tests = query.conditions.map(eventTest);
  const page = pageOf(sequence, {
    size: query.size,
    cursor: query.cursor,
    // Newest first unless asked otherwise.
    descending: query.sort === undefined ? true : query.descending,
    between: ranksBetween(query.conditions),
    accept: (event) => account.events.get(event.id) === event && tests.every((test) => test(event)),
    idOf: (event) => event.id,
  });
  const included = [];
  if (query.include.has('metric')) included.push(...[...new Set(page.items.map(({ metric }) => metric))].map((metric) => metricJson(metric, exchange.origin, query.fields['metric'])));
  if (query.include.has('profile')) {
    for (const id of new Set(page.items.map(({ profileId }) => profileId))) {
      const profile = account.profiles.get(id);
      if (profile) included.push(profileJson(profile, { origin: exchange.origin, subscriptions: false, predictiveAnalytics: false, fields: query.fields['profile'], conversationKey: 'conversation' }));
    }
  }
  return document(200, {
    data: page.items.map((event) => eventJson(event, exchange.origin, query.fields['event'])),
    ...(query.include.size > 0 ? { included } : {}),
    links: pageLinks(exchange, page),
  }, page.items.length);
};

/** The ranks that the times asked for can have. They are whole seconds; a time in between is nobody's. */
function ranksBetween(conditions: readonly Condition[]): { from: number; to: number } {
  let [from, to] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const { field, operator, values } of conditions) {
    const bound = field === 'timestamp' ? Number(values[0]) : field === 'datetime' ? (parseInstant(values[0]) ?? Number.NaN) / 1_000_000 : Number.NaN;
    if (Number.isNaN(bound)) continue;
    if (operator === 'greater-or-equal') from = Math.max(from, Math.ceil(bound));
    if (operator === 'greater-than') from = Math.max(from, Math.floor(bound) + 1);
    if (operator === 'less-than') to = Math.min(to, Math.ceil(bound));
    if (operator === 'less-or-equal') to = Math.min(to, Math.floor(bound) + 1);
  }
  return { from: from * 1_000_000, to: to * 1_000_000 };
}

function eventTest(condition: Condition): (event: StoredEvent) => boolean {
  const value = String(condition.values[0] ?? '');
  switch (condition.field) {
    case 'metric_id': return (event) => event.metric.id === value;
    case 'datetime': {
      const test = instantTest(condition);
      return (event) => test(event.seconds * 1_000_000);
    }
    case 'timestamp': {
      const test = numberTest(condition);
      return (event) => test(event.seconds);
    }
    // profile_id chose the events already; has(profile) and has(metric) hold for everything kept here.
    default: return () => true;
  }
}

export const getEvent: Operation = ({ account, exchange, parameters, limit }) => {
  const query = readQuery(exchange, { include: eventRules.include!, fields: eventRules.fields! }, limit);
  const id = parameters['id'] ?? '';
  // Recorded from a live account: an id of the wrong form is 400, not 404.
  if (!looksLikeEventId(id)) throw new Refusal([invalid('/data/id', `'${id}' is not a valid event id.`)]);
  const event = account.events.get(id);
  if (!event) throw new Refusal([notFound(`An event with id ${id} does not exist.`)]);
  return document(200, { data: eventJson(event, exchange.origin, query.fields['event']), links: { self: selfLink(exchange) } }, 1);
};

export const getMetrics: Operation = ({ account, exchange, limit }) => {
  const query = readQuery(exchange, {
    filter: { 'integration.name': ['equals'], 'integration.category': ['equals'] },
    page: 'cursor',
    include: ['flow-triggers'],
    fields: { metric: metricFields, flow: ['archived', 'created', 'id', 'name', 'status', 'trigger_type', 'updated'] },
  }, limit);
  const metrics = account.events.metrics().filter(() =>
    // Live accounts answer nothing to a category filter; every metric made through the API belongs to the integration "API".
    query.conditions.every(({ field, values }) => field === 'integration.name' && String(values[0]).toLowerCase() === 'api'));
  const page = pageOf(sortedSequence(metrics, (metric) => `${metric.created} ${metric.id}`), { size: query.size, cursor: query.cursor, idOf: (metric) => metric.id });
  return document(200, { data: page.items.map((metric) => metricJson(metric, exchange.origin, query.fields['metric'])), links: pageLinks(exchange, page) }, page.items.length);
};
