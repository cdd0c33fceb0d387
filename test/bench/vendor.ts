import type { Running } from './processes.ts';

/** What an emulator in a process of its own says about itself: `stats`, `requests`. */
export async function askVendor<T>(vendor: Running, what: string): Promise<T> {
  return (await (await fetch(`${vendor.url}/__emulator/${what}`)).json()) as T;
}

/** When the last of `requests` can be sent at the earliest: no second holds more than the burst limit, no minute more than the steady one. */
export function earliestMs(requests: number, { burst, steady }: { burst: number; steady: number }): number {
  const at: number[] = [];
  for (let n = 0; n < requests; n++) at.push(Math.max(0, n < burst ? 0 : at[n - burst]! + 1_000, n < steady ? 0 : at[n - steady]! + 60_000));
  return at.at(-1) ?? 0;
}
