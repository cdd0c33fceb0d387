const deepest = 32;

/** Freezes a value through and through. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

/** What makes a value more than plain data; nothing when it is plain. Never names a value or a key. */
export function notPlain(value: unknown, depth = 0): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'a number that is none';
  if (typeof value !== 'object') return value === undefined ? 'nothing' : `a ${typeof value}`;
  if (depth > deepest) return 'data that is too deep, or holds itself';
  if (Array.isArray(value)) return firstOf(value, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return firstOf(Object.values(value).filter((member) => member !== undefined), depth);
  return value instanceof Promise ? 'a promise' : 'an object of a class';
}

function firstOf(members: unknown[], depth: number): string | undefined {
  for (const member of members) {
    const found = notPlain(member, depth + 1);
    if (found) return found;
  }
  return undefined;
}
