import { timingSafeEqual } from 'node:crypto';

/** Whether a caller knows the secret; how long it takes does not tell how much of it was right. */
export function isSecret(given: string | undefined, expected: string): boolean {
  const [a, b] = [Buffer.from(given ?? ''), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
