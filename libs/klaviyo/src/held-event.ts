import type { HeldEvent } from '#core';
import { record } from './errors.js';
import { instantOf } from './instant.js';

/** An event of Klaviyo's answers in our words. */
export function heldEvent(event: Record<string, unknown>, metric: string): HeldEvent | undefined {
  const { datetime, timestamp } = record(event['attributes']);
  // Klaviyo's own events may have no id but this one.
  const uniqueId = uniqueIdOf(event) ?? event['id'];
  const at = instantOf(datetime) ?? (typeof timestamp === 'number' ? timestamp * 1000 : undefined);
  return typeof uniqueId === 'string' && at !== undefined ? { metric, uniqueId, at } : undefined;
}

/** `unique_id` comes back as the property `$event_id`. */
export function uniqueIdOf(event: Record<string, unknown>): unknown {
  return record(record(event['attributes'])['event_properties'])['$event_id'];
}

export function metricIdOf(event: Record<string, unknown>): unknown {
  return record(record(record(event['relationships'])['metric'])['data'])['id'];
}

/** The names of the metrics that came along as included resources, by id. */
export function metricNames(included: unknown): Map<unknown, unknown> {
  const resources = Array.isArray(included) ? included.map(record) : [];
  return new Map(resources.filter((resource) => resource['type'] === 'metric').map((metric) => [metric['id'], record(metric['attributes'])['name']]));
}
