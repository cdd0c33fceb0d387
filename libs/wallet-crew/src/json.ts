export type Json = Record<string, unknown>;

/** A key such as `__proto__` is no fact about anybody, and would change the objects it is copied into. A backslash may spell one. */
const trickyKey = new RegExp(`\\\\|"(${Object.getOwnPropertyNames(Object.prototype).join('|')})"`);

/** What a text says as JSON; undefined where it is none. The parser's own message would repeat part of the text. */
export function readJson(text: string): unknown {
  try {
    return trickyKey.test(text) ? JSON.parse(text, (key, inside: unknown) => (Object.hasOwn(Object.prototype, key) ? undefined : inside)) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);
