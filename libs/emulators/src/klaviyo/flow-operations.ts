import type { Account } from './account.js';
import { instantTest } from './filter.js';
import type { Flow } from './flow.js';
import { document, type Operation } from './operation.js';
import { pageLinks, readQuery, selfLink, sparse } from './query.js';
import { pageOf, sortedSequence } from './sequence.js';
import { document as readDocument, type Fields, Inspection, isObject } from './shape.js';
import { instant } from './time.js';

const flowFields = ['archived', 'created', 'id', 'name', 'status', 'trigger_type', 'updated'];
const definitionFields = [...flowFields, 'definition'];
const triggers = ['list', 'segment', 'metric', 'date', 'price-drop', 'low-inventory', 'custom-object-date'];
const statuses = ['disabled', 'draft', 'live', 'manual'];

function flowJson({ id, name, status, created, definition }: Flow, origin: string, { fields, withDefinition = false }: { fields?: readonly string[] | undefined; withDefinition?: boolean } = {}) {
  const self = `${origin}/api/flows/${id}/`;
  const link = (relation: string) => ({ links: { self: `${self}relationships/${relation}/`, related: `${self}${relation}/` } });
  const type = definition.triggers[0]?.['type'];
  // The OpenAPI has no word for segments; the one of lists is an assumption.
  const triggerType = type === 'metric' ? 'Metric' : type === 'list' || type === 'segment' ? 'Added to List' : 'Unconfigured';
  const attributes = { name, status, archived: false, created: instant(created), updated: instant(created), trigger_type: triggerType, ...(withDefinition ? { definition } : {}) };
  return { type: 'flow', id, attributes: sparse(attributes, fields), relationships: { 'flow-actions': link('flow-actions'), tags: link('tags') }, links: { self } };
}

export const getFlows: Operation = ({ account, exchange, limit }) => {
  const times = ['equals', 'greater-or-equal', 'greater-than', 'less-or-equal', 'less-than'];
  const query = readQuery(exchange, {
    filter: { id: ['any'], name: ['contains', 'ends-with', 'equals', 'starts-with'], status: ['equals'], archived: ['equals'], created: times, updated: times, trigger_type: ['equals'] },
    sort: ['created', 'id', 'name', 'status', 'trigger_type', 'updated'],
    page: 'sized',
    include: ['flow-actions', 'tags'],
    fields: { flow: flowFields, tag: ['id', 'name'] },
  }, limit);
  const tests = query.conditions.map((condition): ((flow: Flow) => boolean) => {
    const { field, operator, values } = condition;
    const text = String(values[0]);
    if (field === 'id') return ({ id }) => values.includes(id);
    if (field === 'name') return ({ name }) => (operator === 'equals' ? name === text : operator === 'contains' ? name.includes(text) : operator === 'starts-with' ? name.startsWith(text) : name.endsWith(text));
    if (field === 'status') return ({ status }) => status === text;
    if (field === 'archived') return () => values[0] === false;
    if (field === 'trigger_type') return (flow) => flowJson(flow, '').attributes['trigger_type'] === text;
    const test = instantTest(condition);
    return ({ created }) => test(created);
  });
  const key = (flow: Flow) => (query.sort === 'name' ? `${flow.name} ${flow.id}` : query.sort === 'id' ? flow.id : flow.created);
  const page = pageOf(sortedSequence([...account.flows.values()].filter((flow) => tests.every((test) => test(flow))), key), { size: query.size, cursor: query.cursor, descending: query.descending, idOf: ({ id }) => id });
  return document(200, {
    data: page.items.map((flow) => flowJson(flow, exchange.origin, { fields: query.fields['flow'] })),
    ...(query.include.size > 0 ? { included: [] } : {}),
    links: pageLinks(exchange, page),
  }, page.items.length);
};

export const createFlow: Operation = ({ account, exchange, body, limit }) => {
  const query = readQuery(exchange, { fields: { flow: definitionFields }, additional: { flow: ['definition'] } }, limit);
  const inspection = new Inspection();
  const data = readDocument(inspection, body, 'flow');
  const attributes = data && inspection.object(data['attributes'], '/data/attributes');
  inspection.known(attributes, new Set(['name', 'definition']), 'flow', '/data/attributes');
  const name = inspection.optionalString(attributes?.['name'], '/data/attributes/name');
  if (!name) inspection.add('/data/attributes/name', 'name is a required field.');
  const definition = readDefinition(inspection, account, attributes?.['definition'], '/data/attributes/definition');
  inspection.refuse();
  const flow = account.createFlow(name!, withRealIds(definition!, account.nextSerial));
  return document(201, { data: flowJson(flow, exchange.origin, { fields: query.fields['flow'], withDefinition: query.additional.has('definition') }), links: { self: selfLink(exchange) } }, 1);
};

function readDefinition(inspection: Inspection, account: Account, given: unknown, pointer: string): Flow['definition'] | undefined {
  const definition = inspection.object(given, pointer);
  inspection.known(definition, new Set(['triggers', 'profile_filter', 'actions', 'entry_action_id', 'reentry_criteria']), 'flow definition', pointer);
  const stated = definition && inspection.array(definition['triggers'], `${pointer}/triggers`);
  if (stated && stated.length !== 1) inspection.add(`${pointer}/triggers`, 'Only one trigger is supported.');
  const trigger = stated && inspection.object(stated[0], `${pointer}/triggers/0`);
  if (trigger && !triggers.includes(String(trigger['type']))) inspection.add(`${pointer}/triggers/0/type`, `'${String(trigger['type'])}' is not a valid trigger type.`);
  // That a trigger must exist is an assumption.
  if (trigger?.['type'] === 'segment' && !account.segments.has(String(trigger['id']))) inspection.add(`${pointer}/triggers/0/id`, `A segment with id ${String(trigger['id'])} does not exist.`);
  if (trigger?.['type'] === 'list' && !account.lists.has(String(trigger['id']))) inspection.add(`${pointer}/triggers/0/id`, `A list with id ${String(trigger['id'])} does not exist.`);

  const actions = (definition && inspection.array(definition['actions'], `${pointer}/actions`)) ?? [];
  for (const [i, action] of actions.entries()) inspectAction(inspection, action, `${pointer}/actions/${i}`);
  const ids = actions.map((action) => (isObject(action) ? action['temporary_id'] : undefined));
  if (definition && !ids.includes(definition['entry_action_id'])) inspection.add(`${pointer}/entry_action_id`, 'entry_action_id must be the temporary_id of an action.');
  return definition as Flow['definition'] | undefined;
}

function inspectAction(inspection: Inspection, given: unknown, pointer: string): void {
  const action = inspection.object(given, pointer);
  if (!action) return;
  if (action['id'] !== undefined && action['id'] !== null) inspection.add(`${pointer}/id`, 'id is not allowed on create.');
  if (typeof action['temporary_id'] !== 'string') inspection.add(`${pointer}/temporary_id`, 'temporary_id is a required field.');
  if (typeof action['type'] !== 'string') inspection.add(`${pointer}/type`, 'type is a required field.');
  if (action['type'] !== 'send-webhook') return;
  const data = inspection.object(action['data'], `${pointer}/data`);
  if (data?.['status'] !== undefined && !statuses.includes(String(data['status']))) inspection.add(`${pointer}/data/status`, `'${String(data['status'])}' is not a valid choice.`);
  const message = data && inspection.object(data['message'], `${pointer}/data/message`);
  inspection.known(message, new Set(['url', 'headers', 'body', 'name']), 'webhook', `${pointer}/data/message`);
  const url = message?.['url'];
  // https with a valid certificate, says Klaviyo of flow webhooks.
  if (message && !(typeof url === 'string' && URL.canParse(url) && url.startsWith('https:'))) inspection.add(`${pointer}/data/message/url`, 'url must be an https address.');
}

/** Temporary ids are replaced by traditional ones after creation. */
function withRealIds(definition: Flow['definition'], serial: () => number): Flow['definition'] {
  const real = new Map(definition.actions.map(({ temporary_id: temporary }) => [temporary, String(serial())]));
  const idOf = (temporary: unknown) => real.get(temporary) ?? null;
  const links = (given: unknown) => (isObject(given) ? Object.fromEntries(Object.entries(given).map(([name, to]) => [name, idOf(to)])) : given);
  return {
    ...definition,
    entry_action_id: idOf(definition['entry_action_id']),
    actions: definition.actions.map(({ temporary_id: temporary, ...action }): Fields => ({ ...action, id: idOf(temporary), links: links(action['links'] ?? { next: null }) })),
  };
}
