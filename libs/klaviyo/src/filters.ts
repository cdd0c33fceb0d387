/** A string literal of Klaviyo's filter language. A control character that somebody typed must not end it. */
const literal = (value: string) => JSON.stringify(value);

export function equals(field: string, value: string): string {
  return `equals(${field},${literal(value)})`;
}

export function any(field: string, values: readonly string[]): string {
  return `any(${field},[${values.map(literal).join(',')}])`;
}

/** Instants stand without quotes, like numbers. */
export function after(field: string, at: number): string {
  return `greater-than(${field},${new Date(Math.floor(at)).toISOString()})`;
}

export function before(field: string, at: number): string {
  return `less-than(${field},${new Date(Math.ceil(at)).toISOString()})`;
}

export function notBefore(field: string, at: number): string {
  return `greater-or-equal(${field},${new Date(Math.floor(at)).toISOString()})`;
}

/** A comma between conditions means that all of them hold. */
export function allOf(...conditions: (string | undefined)[]): string {
  return conditions.filter((condition) => condition !== undefined).join(',');
}

const pageSize = 100;
/** How long `any([…])` may be is not published; a request line of 8 KB is what servers commonly take. */
const maxEncoded = 6000;

/** Splits values so that each part is answered by one page and fits into one address. */
export function askable(values: readonly string[]): string[][] {
  const parts: string[][] = [];
  let encoded = 0;
  for (const value of new Set(values)) {
    const length = encodeURIComponent(literal(value)).length + 3;
    const part = parts.at(-1);
    if (part && part.length < pageSize && encoded + length <= maxEncoded) {
      part.push(value);
      encoded += length;
    } else {
      parts.push([value]);
      encoded = length;
    }
  }
  return parts;
}

/** The cursor in an absolute `links.next`. The SDK finds it only in https addresses. */
export function cursorOf(next: unknown): string | undefined {
  if (typeof next !== 'string' || !URL.canParse(next)) return undefined;
  return new URL(next).searchParams.get('page[cursor]') ?? undefined;
}
