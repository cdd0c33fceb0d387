import { randomBytes } from 'node:crypto';

/**
 * UUIDv7 ids that ascend within this process, also within one millisecond: deliveries are decided in the order of their
 * ids, and an index is cheapest to fill at its end.
 */
export function ascendingIds(now: () => number = Date.now): () => string {
  let last = 0;
  let count = 0;
  return () => {
    const millisecond = now();
    if (millisecond > last) {
      last = millisecond;
      count = randomBytes(2).readUInt16BE() & 0x7ff;
    } else if (++count > 0xfff) {
      // 4096 ids in a millisecond, or the clock went back: borrow from the next millisecond.
      last += 1;
      count = 0;
    }
    return format(last, count);
  };
}

/** Other texts are no ids, and asking the database about them is an error. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

/** The lowest id that can have been made at this time, to compare ids with. */
export function lowestId(at: number): string {
  return `${timestamp(Math.max(0, at))}-7000-8000-000000000000`;
}

function format(millisecond: number, count: number): string {
  const random = randomBytes(8).toString('hex');
  const variant = ((parseInt(random[0]!, 16) & 0x3) | 0x8).toString(16);
  return `${timestamp(millisecond)}-7${count.toString(16).padStart(3, '0')}-${variant}${random.slice(1, 4)}-${random.slice(4, 16)}`;
}

function timestamp(millisecond: number): string {
  const hex = Math.floor(millisecond).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
