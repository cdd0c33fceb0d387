import type { Profile } from './profile.js';
import { type Fields, isObject } from './shape.js';

/** A group of people by conditions; whoever meets them now is in it. */
export interface Segment {
  readonly id: string;
  readonly name: string;
  readonly definition: SegmentDefinition;
  readonly starred: boolean;
  /** Microseconds. */
  readonly created: number;
}

/** Groups are joined by AND, the conditions of a group by OR (Klaviyo: Segments API overview). */
export interface SegmentDefinition {
  condition_groups: { conditions: Fields[] }[];
}

type Test = (value: unknown) => boolean;

export function memberTest({ condition_groups: groups }: SegmentDefinition): (profile: Profile) => boolean {
  const tests = groups.map(({ conditions }) => conditions.map(conditionTest));
  return (profile) => tests.every((group) => group.some((test) => test(profile)));
}

const ownFields: Record<string, (profile: Profile) => unknown> = {
  email: (profile) => profile.email,
  phone_number: (profile) => profile.phone,
  external_id: (profile) => profile.externalId,
};

function conditionTest({ type, property, filter }: Fields): (profile: Profile) => boolean {
  if (type !== 'profile-property' || !isObject(filter)) throw new Error(`The Klaviyo emulator does not evaluate conditions of type '${String(type)}'.`);
  const test = filterTest(filter);
  // What is between the quotes is one name: a dot does not descend.
  const [, custom] = /^properties\['(.*)'\]$/s.exec(String(property)) ?? [];
  if (custom !== undefined) return (profile) => test(Object.hasOwn(profile.properties, custom) ? profile.properties[custom] : undefined);
  return (profile) => test((ownFields[String(property)] ?? (({ names }) => names?.[String(property)]))(profile));
}

const isSet = (value: unknown) => value !== undefined && value !== null;

/** Profiles whose property is not set are left out of every condition but "is not set", the negative ones included. */
function filterTest({ type, operator, value: wanted }: Fields): Test {
  switch (type) {
    case 'existence': return operator === 'is-set' ? isSet : (value) => !isSet(value);
    case 'boolean': return (value) => value === wanted;
    case 'numeric': return (value) => typeof value === 'number' && compare(String(operator), value, Number(wanted));
    case 'string': return (value) => typeof value === 'string' && matches(String(operator), value, wanted);
    default: throw new Error(`The Klaviyo emulator does not evaluate filters of type '${String(type)}'.`);
  }
}

function compare(operator: string, value: number, bound: number): boolean {
  switch (operator) {
    case 'greater-than': return value > bound;
    case 'greater-than-or-equal': return value >= bound;
    case 'less-than': return value < bound;
    case 'less-than-or-equal': return value <= bound;
    default: return (value === bound) === (operator === 'equals');
  }
}

function matches(operator: string, value: string, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return wanted.includes(value) === (operator === 'in');
  const text = String(wanted ?? '');
  const isNegative = operator.startsWith('not-') || operator === 'nregex';
  switch (operator.replace(/^(not-|n(?=regex))/, '')) {
    case 'contains': return value.includes(text) !== isNegative;
    case 'starts-with': return value.startsWith(text) !== isNegative;
    case 'ends-with': return value.endsWith(text) !== isNegative;
    case 'regex': return new RegExp(text).test(value) !== isNegative;
    default: return (value === text) !== isNegative;
  }
}
