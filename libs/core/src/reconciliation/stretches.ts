import type { Stretch } from './checkpoint.js';

/** A cursor leads from page to page, one after the other; side by side one reads stretches of time. Shorter ones are not worth a reader of their own. */
const shortestMs = 1_000;
/** Every reader has a page in hand that is asked for again when its process dies; that must stay a small part of what it reads. */
const fewestPages = 200;
/** As many as keep the limit busy while answers are under way. */
const mostReaders = 6;

/** How many readers so many pages are worth. How close together profiles were created differs from year to year, so halves of time alone do not tell. */
export function readersFor(pages: number): number {
  return Math.min(mostReaders, Math.max(1, Math.floor(pages / fewestPages)));
}

/** Half of how much time is worth a reader of its own: by the time that pages took up so far, or by how many are expected where older times had fewer. */
export function worthAReader(stretches: readonly Stretch[], read: { pages: number; ms: number }, expected: number): number {
  const msOfPage = Math.min(read.pages > 0 ? read.ms / read.pages : Infinity, wholeMs(stretches) / expected);
  return Math.max(2 * shortestMs, fewestPages * msOfPage);
}

/**
 * The next stretch for a reader who has none. When all are taken, half of what is left of the longest is taken from whoever reads it.
 * `worthMs`: of less nothing is taken. `busy`: those being read, and up to where profiles are in hand already, though not yet dealt with.
 */
export function nextStretch(stretches: Stretch[], busy: ReadonlyMap<Stretch, number>, worthMs: number): Stretch | undefined {
  const open = stretches.filter(({ done }) => !done);
  const free = open.find((stretch) => !busy.has(stretch));
  if (free) return free;
  const left = (stretch: Stretch) => stretch.to - busy.get(stretch)!;
  const longest = open.reduce<Stretch | undefined>((best, stretch) => (!best || left(stretch) > left(best) ? stretch : best), undefined);
  if (!longest || left(longest) < worthMs) return undefined;
  const middle = Math.floor((busy.get(longest)! + longest.to) / 2);
  const half: Stretch = { from: middle, to: longest.to, at: middle, done: false };
  longest.to = middle;
  stretches.push(half);
  return half;
}

/** What is read of a stretch, from 0 to 1; by time, because Klaviyo does not say how many profiles there are. */
export function shareRead(stretches: readonly Stretch[]): number {
  const whole = wholeMs(stretches);
  return whole === 0 ? 0 : readMs(stretches) / whole;
}

const wholeMs = (stretches: readonly Stretch[]) => stretches.reduce((sum, { from, to }) => sum + to - from, 0);
const readMs = (stretches: readonly Stretch[]) => stretches.reduce((sum, { from, to, at, done }) => sum + (done ? to : at) - from, 0);
