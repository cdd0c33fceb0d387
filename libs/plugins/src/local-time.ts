const minuteMs = 60_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks of a zone show, in minutes since 1970 as if it were in UTC. Falls back by an hour when summer time ends. */
export function localMinutes(zone: string, at: number): number {
  let format = formats.get(zone);
  if (!format) formats.set(zone, (format = new Intl.DateTimeFormat('en-US', { timeZone: zone, calendar: 'iso8601', hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' })));
  const { year, month, day, hour, minute } = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)])) as Record<string, number>;
  return Date.UTC(year!, month! - 1, day, hour, minute) / minuteMs;
}

/** The first moment from `now` on at which the clocks show `local` or later: an hour that is skipped or comes twice makes no difference. */
export function firstMomentAt(zone: string, local: number, now: number): number {
  const start = Math.floor(now / minuteMs);
  const shows = (minute: number) => localMinutes(zone, minute * minuteMs);
  let late = start + local - shows(start);
  while (shows(late) < local) late += local - shows(late);
  let early = Math.max(start, late - (shows(late) - local));
  // Clocks that never show it go from before it to after it in one step, which lies between the two.
  if (shows(early) >= local) return early * minuteMs;
  while (late - early > 1) {
    const middle = Math.floor((early + late) / 2);
    if (shows(middle) >= local) late = middle;
    else early = middle;
  }
  return late * minuteMs;
}

export function isZone(name: unknown): name is string {
  try {
    return typeof name === 'string' && Boolean(new Intl.DateTimeFormat('en-US', { timeZone: name }));
  } catch {
    return false;
  }
}
