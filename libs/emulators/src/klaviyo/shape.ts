import { invalid, Refusal, type Problem } from './errors.js';

export type Fields = Record<string, unknown>;

export const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Collects what is wrong with a request, each with the pointer Klaviyo would give, and refuses once at the end: batches are all-or-nothing. */
export class Inspection {
  readonly problems: Problem[] = [];

  add(pointer: string, detail: string): void {
    this.problems.push(invalid(pointer, detail));
  }

  refuse(): void {
    if (this.problems.length > 0) throw new Refusal(this.problems);
  }

  object(value: unknown, pointer: string): Fields | undefined {
    if (isObject(value)) return value;
    this.add(pointer, value === undefined ? `${name(pointer)} is a required field.` : `${name(pointer)} must be an object.`);
    return undefined;
  }

  array(value: unknown, pointer: string): unknown[] | undefined {
    if (Array.isArray(value)) return value;
    this.add(pointer, value === undefined ? `${name(pointer)} is a required field.` : `${name(pointer)} must be a list.`);
    return undefined;
  }

  optionalString(value: unknown, pointer: string): string | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    this.add(pointer, `Invalid type for '${name(pointer)}': expected a string.`);
    return undefined;
  }

  type(resource: Fields | undefined, expected: string, pointer: string): void {
    if (resource && resource['type'] !== expected) this.add(`${pointer}/type`, `'type' must be '${expected}'.`);
  }

  known(value: Fields | undefined, fields: ReadonlySet<string>, resource: string, pointer: string): void {
    for (const field of Object.keys(value ?? {})) {
      if (!fields.has(field)) this.add(pointer, `'${field}' is not a valid field for the resource '${resource}'.`);
    }
  }
}

const name = (pointer: string) => pointer.slice(pointer.lastIndexOf('/') + 1);

/** The `data` of a JSON:API document of this type. */
export function document(inspection: Inspection, body: unknown, type: string): Fields | undefined {
  const data = inspection.object(isObject(body) ? body['data'] : body, '/data');
  inspection.type(data, type, '/data');
  return data;
}
