import { invalidParameter, Refusal } from './errors.js';

export type Key = number | string;

/** Things in ascending order of a unique key, so that a page is a binary search and a walk, however many there are. */
export interface Sequence<T> {
  readonly length: number;
  key(index: number): Key;
  item(index: number): T;
}

/** An order that only grows at its end (created, updated, joined). What moved or left stays behind as a stale entry until the next compaction. */
export class GrowingSequence<T> implements Sequence<T> {
  private keys: number[] = [];
  private items: T[] = [];
  private lastCompacted = 0;

  constructor(private readonly isCurrent: (item: T, key: number) => boolean) {}

  get length(): number {
    return this.items.length;
  }

  key(index: number): number {
    return this.keys[index]!;
  }

  item(index: number): T {
    return this.items[index]!;
  }

  current(index: number): boolean {
    return this.isCurrent(this.items[index]!, this.keys[index]!);
  }

  append(key: number, item: T): void {
    this.keys.push(key);
    this.items.push(item);
    if (this.items.length > 1000 && this.items.length > this.lastCompacted * 2) this.compact();
  }

  /** Everything anew, for what came out of order. The keys must rise. */
  refill(entries: readonly { key: number; item: T }[]): void {
    this.keys = entries.map(({ key }) => key);
    this.items = entries.map(({ item }) => item);
    this.lastCompacted = entries.length;
  }

  private compact(): void {
    const keys: number[] = [];
    const items: T[] = [];
    for (let index = 0; index < this.items.length; index++) {
      if (!this.current(index)) continue;
      keys.push(this.keys[index]!);
      items.push(this.items[index]!);
    }
    this.keys = keys;
    this.items = items;
    this.lastCompacted = items.length;
  }
}

export function sortedSequence<T>(items: readonly T[], keyOf: (item: T) => Key): Sequence<T> {
  const entries = items.map((item) => ({ key: keyOf(item), item })).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return { length: entries.length, key: (index) => entries[index]!.key, item: (index) => entries[index]!.item };
}

export interface Page<T> {
  items: T[];
  next?: string;
  prev?: string;
}

export interface PageRequest<T> {
  size: number;
  cursor?: string | undefined;
  descending?: boolean;
  accept?: (item: T, index: number) => boolean;
  /** Nothing outside of these keys is looked at: at least `from`, below `to`. */
  between?: { from?: Key; to?: Key };
  idOf: (item: T) => string;
}

export function pageOf<T>(sequence: Sequence<T>, { size, cursor, descending = false, accept = () => true, between = {}, idOf }: PageRequest<T>): Page<T> {
  const from = cursor === undefined ? undefined : readCursor(cursor);
  const forward = from?.forward ?? true;
  const step = forward === descending ? -1 : 1;
  const end = between.to === undefined ? sequence.length : firstAtOrAbove(sequence, between.to);
  const start = between.from === undefined ? 0 : firstAtOrAbove(sequence, between.from);
  let index = step === 1 ? start : end - 1;
  if (from !== undefined) index = step === 1 ? Math.max(start, firstAbove(sequence, from.key)) : Math.min(end, firstAtOrAbove(sequence, from.key)) - 1;

  const found: number[] = [];
  for (; index >= start && index < end && found.length <= size; index += step) {
    if (accept(sequence.item(index), index)) found.push(index);
  }
  const more = found.length > size;
  const page = found.slice(0, size);
  if (!forward) page.reverse();

  const mark = (position: number | undefined, ahead: boolean) =>
    position === undefined ? undefined : writeCursor(sequence.key(position), idOf(sequence.item(position)), ahead);
  const next = forward ? more : from !== undefined;
  const prev = forward ? from !== undefined : more;
  const nextMark = next ? mark(page.at(-1), true) : undefined;
  const prevMark = prev ? mark(page[0], false) : undefined;
  return {
    items: page.map((position) => sequence.item(position)),
    ...(nextMark === undefined ? {} : { next: nextMark }),
    ...(prevMark === undefined ? {} : { prev: prevMark }),
  };
}

/** Cursors are base64 of `[value, "id", forward]`, opaque to callers. */
const writeCursor = (key: Key, id: string, forward: boolean) => Buffer.from(JSON.stringify([key, id, forward])).toString('base64url');

function readCursor(cursor: string): { key: Key; forward: boolean } {
  try {
    const [key, , forward] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [Key, string, boolean];
    if ((typeof key === 'number' || typeof key === 'string') && typeof forward === 'boolean') return { key, forward };
  } catch {
    // falls through: not one of our cursors
  }
  throw new Refusal([invalidParameter('page[cursor]', `Invalid cursor: '${cursor}'.`)]);
}

function firstAtOrAbove(sequence: Sequence<unknown>, key: Key): number {
  return search(sequence, (candidate) => candidate >= key);
}

function firstAbove(sequence: Sequence<unknown>, key: Key): number {
  return search(sequence, (candidate) => candidate > key);
}

function search(sequence: Sequence<unknown>, reached: (key: Key) => boolean): number {
  let low = 0;
  let high = sequence.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (reached(sequence.key(middle))) high = middle;
    else low = middle + 1;
  }
  return low;
}
