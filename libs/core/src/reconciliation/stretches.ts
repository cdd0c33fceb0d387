import type { Stretch } from './checkpoint.js';

/** A cursor leads from page to page, one after the other; side by side one reads stretches of time. Shorter ones are not worth a reader of their own. */
const shortestMs = 1_000;

/** The next stretch for a reader who has none; `busy` are being read. Half of the longest is taken from whoever reads it when all are taken. */
export function nextStretch(stretches: Stretch[], busy: ReadonlySet<Stretch>): Stretch | undefined {
  const open = stretches.filter(({ done }) => !done);
  const free = open.find((stretch) => !busy.has(stretch));
  if (free) return free;
  const longest = open.reduce<Stretch | undefined>((best, stretch) => (!best || left(stretch) > left(best) ? stretch : best), undefined);
  if (!longest || left(longest) < 2 * shortestMs) return undefined;
  const middle = Math.floor((longest.at + longest.to) / 2);
  const half: Stretch = { from: middle, to: longest.to, at: middle, done: false };
  longest.to = middle;
  stretches.push(half);
  return half;
}

const left = ({ at, to }: Stretch) => to - at;

/** What is read of a stretch, from 0 to 1; by time, because Klaviyo does not say how many profiles there are. */
export function shareRead(stretches: readonly Stretch[]): number {
  const whole = stretches.reduce((sum, { from, to }) => sum + to - from, 0);
  const read = stretches.reduce((sum, { from, to, at, done }) => sum + (done ? to : at) - from, 0);
  return whole === 0 ? 0 : read / whole;
}
