/** One measurement is one JSON line on stdout; what people want to read meanwhile goes to stderr. */
export function report(bench: string, figures: Record<string, number | string | boolean | undefined>): void {
  process.stdout.write(`${JSON.stringify({ bench, ...figures })}\n`);
}

export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

const missed: string[] = [];

/** Asserted are ratios and counts of one and the same run: absolute figures depend on the machine and on its other guests. */
export function expect(holds: boolean, what: string): boolean {
  if (!holds) missed.push(what);
  tell(`  ${holds ? 'ok    ' : 'MISSED'} ${what}`);
  return holds;
}

export const misses = (): readonly string[] => missed;

export function median(values: readonly number[]): number {
  return quantile(values.toSorted((a, b) => a - b), 0.5);
}

/** Of values in ascending order. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
