import type { Metric, StoredEvent } from './event-store.js';
import { uuidOf } from './ids.js';
import { sparse } from './query.js';
import type { Fields } from './shape.js';
import { instant, secondInstant } from './time.js';

export function eventJson(event: StoredEvent, origin: string, fields?: readonly string[]): Fields {
  const self = `${origin}/api/events/${event.id}/`;
  const link = (name: string) => ({ self: `${self}relationships/${name}/`, related: `${self}${name}/` });
  const attributes = {
    timestamp: event.seconds,
    event_properties: {
      ...event.properties,
      $event_id: event.uniqueId,
      ...(event.value === undefined ? {} : { $value: event.value }),
      ...(event.currency === undefined ? {} : { $value_currency: event.currency }),
    },
    datetime: secondInstant(event.seconds),
    uuid: uuidOf(event.id),
  };
  return {
    type: 'event',
    id: event.id,
    attributes: sparse(attributes, fields),
    relationships: {
      profile: { data: { type: 'profile', id: event.profileId }, links: link('profile') },
      metric: { data: { type: 'metric', id: event.metric.id }, links: link('metric') },
      attributions: { data: [], links: link('attributions') },
    },
    links: { self },
  };
}

export function metricJson(metric: Metric, origin: string, fields?: readonly string[]): Fields {
  const self = `${origin}/api/metrics/${metric.id}/`;
  const at = instant(metric.created);
  const integration = { object: 'integration', id: '0eMvjm', key: 'api', name: 'API', category: 'API' };
  return {
    type: 'metric',
    id: metric.id,
    attributes: sparse({ name: metric.name, created: at, updated: at, integration }, fields),
    relationships: { 'flow-triggers': { links: { self: `${self}relationships/flow-triggers/`, related: `${self}flow-triggers/` } } },
    links: { self },
  };
}
