/** `10 000`, with spaces at which no line breaks. */
export function amount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, '\u00a0');
}

/** `1 pass`, `2 passes`. */
export const things = (count: number, one: string, many = `${one}s`) => `${amount(count)} ${count === 1 ? one : many}`;
