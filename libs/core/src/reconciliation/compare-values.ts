/** Klaviyo keeps a property that was emptied; its conditions pass it over like one that was never there. */
export function isEmpty(value: unknown): boolean {
  return value === undefined || value === null;
}

/** A time written another way is the same time. */
export function isSame(is: unknown, should: unknown): boolean {
  if (JSON.stringify(is) === JSON.stringify(should)) return true;
  if (typeof is !== 'string' || typeof should !== 'string' || !/^\d{4}-\d\d-\d\dT/.test(should)) return false;
  return Date.parse(is) === Date.parse(should);
}
