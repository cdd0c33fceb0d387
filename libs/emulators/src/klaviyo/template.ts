import { isObject } from './shape.js';

/** The part of Klaviyo's Django-like template language that messages and flow webhooks use for values. */
export interface TemplateScope {
  /** Profile attributes and custom properties side by side, as Klaviyo's `person`. */
  person?: unknown;
  event?: unknown;
  [name: string]: unknown;
}

/** Renders `{{ … }}`. What is missing renders empty; nothing is escaped, so a quote in a value breaks the JSON around it, as it does at Klaviyo. */
export function renderTemplate(template: string, scope: TemplateScope): string {
  return template.replace(/\{\{(.*?)\}\}/gs, (_, expression: string) => print(evaluate(expression, scope)));
}

function evaluate(expression: string, scope: TemplateScope): unknown {
  const [path = '', ...filters] = split(expression, '|').map((part) => part.trim());
  let value = literal(path) ?? traverse(scope, path);
  for (const filter of filters) value = applyFilter(filter, value);
  return value;
}

/** A dot always descends: `person.neostore.authenticationToken` looks for `neostore` first and finds nothing. */
function traverse(scope: unknown, path: string): unknown {
  let value = scope;
  for (const name of path.split('.')) value = lookup(value, name.trim());
  return value;
}

function lookup(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value[Number(key)];
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function applyFilter(filter: string, value: unknown): unknown {
  const colon = filter.indexOf(':');
  const name = (colon < 0 ? filter : filter.slice(0, colon)).trim();
  const argument = colon < 0 ? undefined : literal(filter.slice(colon + 1).trim());
  switch (name) {
    // The whole text is one key, dots included.
    case 'lookup': return lookup(value, String(argument ?? ''));
    case 'default': return value === undefined || value === null || value === '' || value === false ? argument : value;
    case 'lower': return print(value).toLowerCase();
    case 'upper': return print(value).toUpperCase();
    case 'urlencode': return encodeURIComponent(print(value));
    default: return value;
  }
}

/** The text or number an argument spells; undefined when it is a name. */
function literal(text: string): string | number | undefined {
  const quoted = /^(['"])(.*)\1$/s.exec(text);
  if (quoted) return quoted[2];
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** Splits at a sign outside quotes. */
function split(text: string, sign: string): string[] {
  const parts = [''];
  let quote = '';
  for (const letter of text) {
    if (letter === sign && quote === '') {
      parts.push('');
      continue;
    }
    if (quote === letter) quote = '';
    else if (quote === '' && (letter === '"' || letter === "'")) quote = letter;
    parts[parts.length - 1] += letter;
  }
  return parts;
}

function print(value: unknown): string {
  if (value === undefined || value === null) return '';
  // Django prints booleans as Python does.
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
