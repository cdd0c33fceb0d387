import type { Condition, FlowRecipe, SegmentRecipe, WalletStatus } from '#core';
import type { FlowCreateQuery, SegmentCreateQuery } from 'klaviyo-api';
import { record } from './errors.js';

/** A custom property as conditions name it. What is between the quotes is taken as it is: a dot is a letter like any other. */
const propertyPath = (name: string) => `properties['${name}']`;

/** The body that creates the segment. */
export function segmentQuery({ name, groups }: SegmentRecipe): SegmentCreateQuery {
  return { data: { type: 'segment', attributes: { name, definition: { conditionGroups: groups.map((group) => ({ conditions: group.map(conditionJson) })) } } } };
}

function conditionJson(condition: Condition) {
  const property = propertyPath(condition.property);
  if (condition.is === 'equals') return { type: 'profile-property' as const, property, filter: { type: 'string' as const, operator: 'equals' as const, value: condition.value } };
  const operator = condition.is === 'set' ? ('is-set' as const) : ('not-set' as const);
  return { type: 'profile-property' as const, property, filter: { type: 'existence' as const, operator } };
}

/** The conditions of a segment that Klaviyo holds; undefined where one of them is none of ours. */
export function groupsOf(definition: unknown): Condition[][] | undefined {
  const groups = record(definition)['condition_groups'];
  if (!Array.isArray(groups)) return undefined;
  const read = groups.map((group) => {
    const conditions = record(group)['conditions'];
    return Array.isArray(conditions) ? conditions.map(conditionOf) : [undefined];
  });
  return read.flat().includes(undefined) ? undefined : (read as Condition[][]);
}

function conditionOf(given: unknown): Condition | undefined {
  const { type, property: path, filter } = record(given);
  const [, property] = /^properties\['(.+)'\]$/.exec(String(path)) ?? [];
  const { type: kind, operator, value } = record(filter);
  if (type !== 'profile-property' || property === undefined) return undefined;
  if (kind === 'existence' && (operator === 'is-set' || operator === 'not-set')) return { property, is: operator === 'is-set' ? 'set' : 'not-set' };
  return kind === 'string' && operator === 'equals' ? { property, is: 'equals', value: value as WalletStatus } : undefined;
}

/** The body that creates the flow. Its one action is a draft: until somebody sets it live, it calls nobody. */
export function flowQuery({ name, webhook: { url, headers, body } }: FlowRecipe, segmentId: string): FlowCreateQuery {
  const action = { temporaryId: 'sync', type: 'send-webhook' as const, data: { message: { url, headers, body, name }, status: 'draft' as const } };
  return { data: { type: 'flow', attributes: { name, definition: { triggers: [{ type: 'segment' as const, id: segmentId }], actions: [action], entryActionId: 'sync' } } } };
}

/** Where the SDK spells a name otherwise than the JSON that it sends. */
const spelling: Record<string, string> = { conditionGroups: 'condition_groups', temporaryId: 'temporary_id', entryActionId: 'entry_action_id' };

/** A body as it is sent, for people who send it themselves. */
export function asSent(query: unknown): unknown {
  if (Array.isArray(query)) return query.map(asSent);
  if (typeof query !== 'object' || query === null) return query;
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [spelling[name] ?? name, asSent(value)]));
}
