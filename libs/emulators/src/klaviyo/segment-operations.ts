import { instantTest } from './filter.js';
import { document, type Operation } from './operation.js';
import { pageLinks, readQuery, selfLink, sparse } from './query.js';
import { readDefinition } from './segment-rules.js';
import type { Segment } from './segment.js';
import { pageOf, sortedSequence } from './sequence.js';
import { document as readDocument, Inspection } from './shape.js';
import { instant } from './time.js';

const segmentFields = ['created', 'definition', 'id', 'is_active', 'is_processing', 'is_starred', 'name', 'updated'];
const related = { flow: ['id', 'name', 'status', 'archived', 'created', 'updated', 'trigger_type'], tag: ['id', 'name'] };

function segmentJson({ id, name, definition, created, starred }: Segment, origin: string, fields?: readonly string[]) {
  const self = `${origin}/api/segments/${id}/`;
  const link = (relation: string) => ({ links: { self: `${self}relationships/${relation}/`, related: `${self}${relation}/` } });
  const flags = { is_active: true, is_processing: false, is_starred: starred };
  return {
    type: 'segment',
    id,
    // The flags are required in every answer, whichever fields were asked for.
    attributes: { ...sparse({ name, definition, created: instant(created), updated: instant(created) }, fields), ...flags },
    relationships: { profiles: link('profiles'), tags: link('tags'), 'flow-triggers': link('flow-triggers') },
    links: { self },
  };
}

export const getSegments: Operation = ({ account, exchange, limit }) => {
  const query = readQuery(exchange, {
    filter: { name: ['any', 'equals'], id: ['any', 'equals'], created: ['greater-than'], updated: ['greater-than'], is_active: ['any', 'equals'], is_starred: ['equals'] },
    sort: ['created', 'id', 'name', 'updated'],
    page: 'sized',
    include: ['flow-triggers', 'tags'],
    fields: { segment: segmentFields, ...related },
  }, limit);
  const tests = query.conditions.map((condition): ((segment: Segment) => boolean) => {
    const { field, values } = condition;
    if (field === 'name' || field === 'id') return (segment) => values.includes(segment[field]);
    if (field === 'is_active') return () => values.includes(true);
    if (field === 'is_starred') return ({ starred }) => values.includes(starred);
    const test = instantTest(condition);
    return ({ created }) => test(created);
  });
  const key = (segment: Segment) => (query.sort === 'name' ? `${segment.name} ${segment.id}` : query.sort === 'id' ? segment.id : segment.created);
  const segments = [...account.segments.values()].filter((segment) => tests.every((test) => test(segment)));
  const page = pageOf(sortedSequence(segments, key), { size: query.size, cursor: query.cursor, descending: query.descending, idOf: ({ id }) => id });
  return document(200, {
    data: page.items.map((segment) => segmentJson(segment, exchange.origin, query.fields['segment'])),
    ...(query.include.size > 0 ? { included: [] } : {}),
    links: pageLinks(exchange, page),
  }, page.items.length);
};

/** Whether Klaviyo refuses a name that is taken is not published; it does not here, which is worse for whoever does not look first. */
export const createSegment: Operation = ({ account, exchange, body, limit }) => {
  const query = readQuery(exchange, { fields: { segment: segmentFields } }, limit);
  const inspection = new Inspection();
  const data = readDocument(inspection, body, 'segment');
  const attributes = data && inspection.object(data['attributes'], '/data/attributes');
  inspection.known(attributes, new Set(['name', 'definition', 'is_starred']), 'segment', '/data/attributes');
  const name = inspection.optionalString(attributes?.['name'], '/data/attributes/name');
  if (!name) inspection.add('/data/attributes/name', 'name is a required field.');
  const definition = readDefinition(inspection, attributes?.['definition'], '/data/attributes/definition');
  inspection.refuse();
  const segment = account.createSegment(name!, definition, attributes?.['is_starred'] === true);
  return document(201, { data: segmentJson(segment, exchange.origin, query.fields['segment']), links: { self: selfLink(exchange) } }, 1);
};
