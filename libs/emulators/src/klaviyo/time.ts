/** Klaviyo's instants carry microseconds and a numeric offset: `2026-09-04T13:39:37.131026+00:00`. */
export function instant(micros: number): string {
  const date = new Date(Math.floor(micros / 1000)).toISOString();
  return `${date.slice(0, 23)}${String(micros % 1000).padStart(3, '0')}+00:00`;
}

/** Event times are whole seconds. */
export const secondInstant = (seconds: number): string => `${new Date(seconds * 1000).toISOString().slice(0, 19)}+00:00`;

const iso = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i;

/** Microseconds of an ISO-8601 text, or undefined. A date without time is midnight UTC; without an offset it is UTC. */
export function parseInstant(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined;
  const match = iso.exec(text);
  if (!match) return undefined;
  const dated = text.length === 10 ? `${text}T00:00:00Z` : text;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/i.test(dated) ? dated : `${dated}Z`;
  const fraction = match[1] ?? '';
  const millis = Date.parse(zoned.replace(fraction, '').replace(' ', 'T'));
  if (Number.isNaN(millis)) return undefined;
  return millis * 1000 + Math.round(Number(`0${fraction || '.0'}`) * 1_000_000);
}
