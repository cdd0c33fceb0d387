import { createHash } from 'node:crypto';

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** 26 characters like Klaviyo's newer ids: ten of time, sixteen that keep rising within the same microsecond source. */
export function ulid(micros: number, serial: number): string {
  const time = encode(Math.floor(micros / 1000), 10);
  // The microsecond part and a serial keep ids in the order of creation, which makes `sort=id` equal `sort=created` as with real ULIDs.
  return time + encode(micros % 1000, 2) + encode(serial, 14);
}

function encode(value: number, length: number): string {
  let text = '';
  for (; value > 0 && text.length < length; value = Math.floor(value / 32)) text = crockford[value % 32]! + text;
  return text.padStart(length, '0');
}

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** Six characters as lists, metrics and accounts have them; the same name gives the same id in every run. */
export function shortId(name: string): string {
  const digest = createHash('sha256').update(name).digest();
  return Array.from({ length: 6 }, (_, place) => letters[digest[place]! % letters.length]).join('');
}

export function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Import jobs have opaque base64 ids, padding included, so callers must URL-encode them. */
export const jobId = (accountId: string, serial: number): string =>
  Buffer.from(`${accountId}:maintenance:job.${'import'.padEnd(9, '.')}${serial}`).toString('base64');
