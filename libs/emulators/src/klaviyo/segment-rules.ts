import type { SegmentDefinition } from './segment.js';
import { type Fields, type Inspection } from './shape.js';

/** The conditions that the OpenAPI knows (`ConditionGroup`). */
const conditionTypes = [
  'profile-group-membership', 'profile-metric', 'profile-marketing-consent', 'profile-postal-code-distance', 'profile-property', 'profile-region',
  'profile-predictive-analytics', 'profile-has-custom-object', 'profile-permissions', 'profile-metric-funnel',
];

/** The operators of those filters that are evaluated here. */
const operators: Record<string, readonly string[]> = {
  string: ['contains', 'ends-with', 'equals', 'not-contains', 'not-ends-with', 'not-equals', 'not-starts-with', 'nregex', 'regex', 'starts-with', 'in', 'not-in'],
  numeric: ['equals', 'greater-than', 'greater-than-or-equal', 'less-than', 'less-than-or-equal', 'not-equals'],
  boolean: ['equals'],
  existence: ['is-set', 'not-set'],
};
const otherFilters = ['date', 'list'];

export function readDefinition(inspection: Inspection, given: unknown, pointer: string): SegmentDefinition {
  const definition = inspection.object(given, pointer);
  const groups = definition && inspection.array(definition['condition_groups'], `${pointer}/condition_groups`);
  for (const [i, group] of (groups ?? []).entries()) {
    const at = `${pointer}/condition_groups/${i}`;
    const conditions = inspection.array(inspection.object(group, at)?.['conditions'], `${at}/conditions`) ?? [];
    for (const [k, condition] of conditions.entries()) inspectCondition(inspection, condition, `${at}/conditions/${k}`);
  }
  return definition as unknown as SegmentDefinition;
}

function inspectCondition(inspection: Inspection, given: unknown, pointer: string): void {
  const condition = inspection.object(given, pointer);
  if (!condition) return;
  if (!conditionTypes.includes(String(condition['type']))) return inspection.add(`${pointer}/type`, `'${String(condition['type'])}' is not a valid condition type.`);
  if (condition['type'] !== 'profile-property') return;
  inspection.known(condition, new Set(['type', 'property', 'filter']), 'profile-property', pointer);
  if (typeof condition['property'] !== 'string' || condition['property'] === '') inspection.add(`${pointer}/property`, 'property is a required field.');
  const filter = inspection.object(condition['filter'], `${pointer}/filter`);
  if (filter) inspectFilter(inspection, filter, `${pointer}/filter`);
}

function inspectFilter(inspection: Inspection, filter: Fields, pointer: string): void {
  const { type, operator, value } = filter;
  if (otherFilters.includes(String(type))) return;
  const allowed = operators[String(type)];
  if (!allowed) return inspection.add(`${pointer}/type`, `'${String(type)}' is not a valid filter type.`);
  if (!allowed.includes(String(operator))) return inspection.add(`${pointer}/operator`, `'${String(operator)}' is not a valid operator for a ${String(type)} filter.`);
  inspection.known(filter, new Set(type === 'existence' ? ['type', 'operator'] : ['type', 'operator', 'value']), 'filter', pointer);
  const isList = operator === 'in' || operator === 'not-in';
  if (type !== 'existence' && (value === undefined || Array.isArray(value) !== isList)) inspection.add(`${pointer}/value`, isList ? 'value must be a list.' : 'value is a required field.');
}
