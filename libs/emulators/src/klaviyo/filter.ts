import { invalidParameter, Refusal } from './errors.js';
import { parseInstant } from './time.js';

/** One condition of a JSON:API filter, e.g. `any(email,["a@b.c"])`. Conditions are joined with AND; there is no OR. */
export interface Condition {
  operator: string;
  field: string;
  values: (string | number | boolean)[];
}

/** Field to the operators Klaviyo documents for it on this operation. */
export type Allowed = Readonly<Record<string, readonly string[]>>;

const refuse = (detail: string): never => {
  throw new Refusal([invalidParameter('filter', detail)]);
};

export function parseFilter(text: string | null, allowed: Allowed): Condition[] {
  if (text === null || text === '') return [];
  const conditions: Condition[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const head = /^([a-z-]+)\(/.exec(rest);
    if (!head) return refuse(`Invalid filter provided: could not read '${rest}'.`);
    const end = closing(rest, head[0].length);
    conditions.push(condition(head[1]!, rest.slice(head[0].length, end), allowed));
    rest = rest.slice(end + 1).trim();
    if (rest === '') break;
    if (!rest.startsWith(',')) return refuse(`Invalid filter provided: expected ',' before '${rest}'.`);
    rest = rest.slice(1).trim();
    if (rest === '') return refuse('Invalid filter provided: a condition is missing after the last comma.');
  }
  return conditions;
}

/** Position of the bracket that closes the condition, quotes respected. */
function closing(text: string, from: number): number {
  let quote = '';
  for (let at = from; at < text.length; at++) {
    const sign = text[at]!;
    if (quote !== '') {
      if (sign === '\\') at++;
      else if (sign === quote) quote = '';
    } else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === ')') return at;
  }
  return refuse(`Invalid filter provided: '${text}' is not closed.`);
}

function condition(operator: string, inside: string, allowed: Allowed): Condition {
  const comma = inside.indexOf(',');
  const field = (comma < 0 ? inside : inside.slice(0, comma)).trim();
  const operators = allowed[field];
  if (!operators) return refuse(`'${field}' is not a filterable field for this resource.`);
  if (!operators.includes(operator)) return refuse(`'${operator}' is not an allowed operator for '${field}'. Allowed: ${operators.join(', ')}.`);
  if (operator === 'has') return { operator, field, values: [] };
  const values = readValues(comma < 0 ? '' : inside.slice(comma + 1).trim());
  if (operator === 'any' ? values.length === 0 : values.length !== 1) return refuse(`'${operator}' on '${field}' has the wrong number of values.`);
  return { operator, field, values };
}

function readValues(text: string): Condition['values'] {
  const list = text.startsWith('[') ? (text.endsWith(']') ? text.slice(1, -1) : refuse(`Invalid filter provided: '${text}' is not closed.`)) : text;
  const tokens = list.match(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^,\s]+/g) ?? [];
  return tokens.map((token) => {
    const first = token[0];
    if (first === '"' || first === "'") return token.slice(1, -1).replace(/\\(.)/g, '$1');
    if (/^-?\d+(\.\d+)?$/.test(token)) return Number(token);
    if (token === 'true' || token === 'false') return token === 'true';
    if (parseInstant(token) !== undefined) return token;
    return refuse(`Invalid filter provided: strings must be quoted, '${token}' is not.`);
  });
}

/** A comparison of instants in microseconds. */
export function instantTest({ operator, field, values }: Condition): (micros: number | undefined) => boolean {
  const bound = parseInstant(values[0]);
  if (bound === undefined) return refuse(`'${String(values[0])}' is not a valid datetime for '${field}'.`);
  return compare(operator, bound);
}

export function numberTest({ operator, field, values }: Condition): (value: number | undefined) => boolean {
  const bound = Number(values[0]);
  if (Number.isNaN(bound)) return refuse(`'${String(values[0])}' is not a valid number for '${field}'.`);
  return compare(operator, bound);
}

function compare(operator: string, bound: number): (value: number | undefined) => boolean {
  switch (operator) {
    case 'greater-than': return (value) => value !== undefined && value > bound;
    case 'greater-or-equal': return (value) => value !== undefined && value >= bound;
    case 'less-than': return (value) => value !== undefined && value < bound;
    case 'less-or-equal': return (value) => value !== undefined && value <= bound;
    default: return (value) => value === bound;
  }
}
