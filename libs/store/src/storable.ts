/** PostgreSQL holds neither NUL nor half a surrogate pair; senders' texts contain both. One such text must not fail a batch. */
export function storable(text: string): string {
  const whole = loneSurrogate.test(text) ? text.replace(new RegExp(loneSurrogate, 'gu'), '\ufffd') : text;
  return whole.includes('\0') ? whole.replaceAll('\0', '') : whole;
}

const loneSurrogate = /\p{Surrogate}/u;

/** JSON that `jsonb` accepts. */
export function storableJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Both are written as \u escapes by JSON.stringify, so a text without any needs no second look.
  return json.includes('\\u') ? JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? storable(part) : cleanKeys(part))) : json;
}

function cleanKeys(part: unknown): unknown {
  if (part === null || typeof part !== 'object' || Array.isArray(part)) return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [storable(key), value]));
}
