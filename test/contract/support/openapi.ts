import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

/** Klaviyo's OpenAPI, one file per operation, read where it lies: the documents are Klaviyo's and are not kept in this repository. */
export const openApiFolder = resolve(process.env['KLAVIYO_OPENAPI_DIR'] ?? '../shared/contract/klaviyo-openapi');
export const openApiAvailable = existsSync(openApiFolder);

/** `describe` where the documents are there, a loud message where they are not, a failure in CI. */
export function describeContract(title: string, suite: () => void): void {
  if (openApiAvailable) return void describe(title, suite);
  const message = howToGetTheOpenApi();
  console.warn(message);
  if (process.env['CI']) test(title, () => { throw new Error(message); });
  else describe.skip(`${title} (skipped: no OpenAPI documents)`, () => test('needs Klaviyo\'s OpenAPI documents', () => undefined));
}

export function howToGetTheOpenApi(): string {
  return [
    '',
    '==================================================================================================',
    " CONTRACT TESTS DID NOT RUN: Klaviyo's OpenAPI documents are not there.",
    ` Looked in: ${openApiFolder}`,
    ' Get them:  git clone https://github.com/klaviyo/openapi   (revision 2026-07-15)',
    ' Then set:  KLAVIYO_OPENAPI_DIR=<clone>/openapi/stable/apis',
    '==================================================================================================',
    '',
  ].join('\n');
}

export interface Validation {
  valid: boolean;
  /** One line per error: where and what. */
  errors: string[];
}

export type Validator = (value: unknown) => Validation;

export const operationIds = (): string[] => (openApiAvailable ? readdirSync(openApiFolder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5)) : []);

/** Validates a request body. */
export function requestValidator(operationId: string): Validator {
  return cached(`request ${operationId}`, () => {
    const { requestBody } = operation(operationId).description;
    const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
    if (!schema) throw new Error(`${operationId} takes no body.`);
    return validator(operationId, schema);
  });
}

/** Validates the body of an answer. For a status without a body only `undefined` is valid. */
export function responseValidator(operationId: string, status: number): Validator {
  return cached(`response ${operationId} ${status}`, () => {
    const { responses } = operation(operationId).description;
    const found = responses[String(status)] ?? responses[`${Math.floor(status / 100)}XX`];
    if (!found) return () => ({ valid: false, errors: [`${operationId} documents no status ${status}`] });
    const description = resolveReference(operationId, found) as { content?: Content };
    const schema = Object.values(description.content ?? {})[0]?.schema;
    if (schema) return validator(operationId, schema);
    return (value) => ({ valid: value === undefined, errors: value === undefined ? [] : [`${operationId} ${status} has no body`] });
  });
}

/** Validates query parameters by name and, where there is an enum, by value; lists are comma-separated. */
export function parametersValidator(operationId: string): (query: URLSearchParams) => Validation {
  const { description } = operation(operationId);
  const parameters = new Map(description.parameters.filter((parameter) => parameter.in === 'query').map((parameter) => [parameter.name, parameter.schema]));
  const required = description.parameters.filter((parameter) => parameter.in === 'query' && parameter.required).map(({ name }) => name);
  return (query) => {
    const errors: string[] = required.filter((name) => !query.has(name)).map((name) => `${name}: required`);
    for (const [name, value] of query) {
      const schema = parameters.get(name);
      if (!schema) errors.push(`${name}: not a parameter of ${operationId}`);
      else errors.push(...valueProblems(schema, value).map((problem) => `${name}: ${problem}`));
    }
    return { valid: errors.length === 0, errors };
  };
}

/** The headers an operation requires, e.g. `revision`. */
export const requiredHeaders = (operationId: string): string[] =>
  operation(operationId).description.parameters.filter((parameter) => parameter.in === 'header' && parameter.required).map(({ name }) => name);

/** Burst and steady limit as the document states them, and the scopes. */
export function publishedLimits(operationId: string): { burst: string; steady: string; scopes: string[] } | undefined {
  const { description } = operation(operationId);
  const limit = description['x-klaviyo-ratelimit'];
  return limit ? { burst: limit.burst, steady: limit.steady, scopes: description['x-klaviyo-scopes'] ?? [] } : undefined;
}

type Schema = Record<string, unknown>;
type Content = Record<string, { schema: Schema }>;

interface Operation {
  parameters: { name: string; in: string; description?: string; required?: boolean; schema: Schema }[];
  requestBody?: { content: Content };
  responses: Record<string, unknown>;
  'x-klaviyo-ratelimit'?: { burst: string; steady: string };
  'x-klaviyo-scopes'?: string[];
}

interface Document {
  paths: Record<string, Record<string, Operation & { operationId?: string }>>;
  components: Record<string, unknown>;
}

const documents = new Map<string, { document: Document; description: Operation; method: string; path: string; ajv: Ajv }>();

export function operation(operationId: string) {
  const known = documents.get(operationId);
  if (known) return known;
  const file = resolve(openApiFolder, `${operationId}.json`);
  if (!existsSync(file)) throw new Error(`There is no OpenAPI document for ${operationId} in ${openApiFolder}.`);
  const document = patched(JSON.parse(readFileSync(file, 'utf8'))) as Document;
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, description] of Object.entries(methods)) {
      if (description.operationId !== operationId) continue;
      // allErrors off: one wrong branch of a oneOf would bury the cause under dozens of lines.
      const ajv = new Ajv({ strict: false, allErrors: false, verbose: false });
      formats.default(ajv);
      ajv.addSchema({ $id: `openapi:${operationId}`, components: document.components });
      const entry = { document, description, method: method.toUpperCase(), path, ajv };
      documents.set(operationId, entry);
      return entry;
    }
  }
  throw new Error(`${file} does not describe ${operationId}.`);
}

/**
 * OpenAPI 3.0 is not JSON Schema, and Klaviyo's documents differ from its live answers in one place:
 * `nullable` beside no `type` (a $ref or oneOf) means nothing to Ajv, so null becomes an alternative of its own;
 * `links.next` and `links.prev` are declared as plain URIs, but are null on the last and first page of every recorded answer.
 */
function patched(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(patched);
  if (typeof node !== 'object' || node === null) return node;
  const schema = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, patched(value)])) as Schema;
  const properties = schema['properties'] as Record<string, Schema> | undefined;
  for (const link of ['next', 'prev']) {
    const uri = properties?.[link];
    if (uri && uri['format'] === 'uri' && properties['self']) uri['nullable'] = true;
  }
  if (schema['nullable'] !== true) return schema;
  if (typeof schema['type'] === 'string') {
    // Ajv honours nullable beside type, but an enum still has to name null.
    if (Array.isArray(schema['enum']) && !schema['enum'].includes(null)) schema['enum'] = [...(schema['enum'] as unknown[]), null];
    return schema;
  }
  const { nullable: _nullable, example: _example, description, ...rest } = schema;
  return { description, anyOf: [rest, { enum: [null] }] };
}

function validator(operationId: string, schema: Schema): Validator {
  const { ajv } = operation(operationId);
  const compiled: ValidateFunction = ajv.compile(rebased(schema, operationId) as Schema);
  return (value) => {
    const valid = compiled(value) === true;
    return { valid, errors: (compiled.errors ?? []).map(readable) };
  };
}

const readable = ({ instancePath, message, params }: ErrorObject) => `${instancePath || '/'} ${message ?? ''} ${JSON.stringify(params)}`;

/** References point into the registered document. */
function rebased(node: unknown, operationId: string): unknown {
  if (Array.isArray(node)) return node.map((item) => rebased(item, operationId));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, key === '$ref' && typeof value === 'string' ? value.replace(/^#/, `openapi:${operationId}#`) : rebased(value, operationId)]));
}

function resolveReference(operationId: string, node: unknown): unknown {
  const reference = (node as { $ref?: string }).$ref;
  if (!reference) return node;
  return reference.slice(2).split('/').reduce<unknown>((place, step) => (place as Record<string, unknown>)[step], operation(operationId).document);
}

function valueProblems(schema: Schema, value: string): string[] {
  if (schema['type'] === 'array') {
    const items = schema['items'] as Schema;
    return value.split(',').flatMap((item) => valueProblems(items, item));
  }
  const allowed = schema['enum'] as unknown[] | undefined;
  if (allowed && !allowed.includes(value)) return [`'${value}' is not one of ${allowed.join(', ')}`];
  if (schema['type'] !== 'integer') return [];
  const number = Number(value);
  if (!Number.isInteger(number)) return [`'${value}' is not an integer`];
  const { minimum = -Infinity, maximum = Infinity } = schema as { minimum?: number; maximum?: number };
  return number < minimum || number > maximum ? [`${number} is not between ${minimum} and ${maximum}`] : [];
}

const validators = new Map<string, Validator>();

function cached(key: string, make: () => Validator): Validator {
  let found = validators.get(key);
  if (!found) validators.set(key, (found = make()));
  return found;
}
