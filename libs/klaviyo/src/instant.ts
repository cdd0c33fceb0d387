/** Klaviyo's documents show instants with an offset and without one (`YYYY-MM-DDTHH:MM:SS.mmmmmm`); its times are UTC, wherever this process runs. */
const withoutZone = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$/;

/** Epoch milliseconds of a text in ISO 8601. */
export function instantOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const at = Date.parse(withoutZone.test(value) ? `${value.replace(' ', 'T')}Z` : value);
  return Number.isFinite(at) ? at : undefined;
}

export function newestOf(instants: (number | undefined)[]): number | undefined {
  return instants.reduce((newest, at) => (at !== undefined && (newest === undefined || at > newest) ? at : newest), undefined);
}
