/** At most `burst` calls in any second and `steady` calls in any minute. */
export interface Limit {
  burst: number;
  steady: number;
}

/** What may be used in the background: never the last call of a window that allows more than one. */
const backgroundShare = 0.9;
const secondsOfWork = 40;

/**
 * The part of a limit for what goes in the background. All calls of a window count against it, live ones too: there is no room left as soon as
 * live traffic needs it. No second takes much more than its part of the minute, or live traffic would meet a minute that was spent in its first seconds;
 * a little more it must be, because a permit counts until a second after its answer: where answers take half a second, a minute has room for forty.
 *
 * A window of one call has none to leave, and both kinds have the same right to it: without it no run would ever end, and where a minute
 * has one call live traffic waits minutes for itself already.
 */
export function backgroundOf({ burst, steady }: Limit): Limit {
  const inMinute = Math.max(1, Math.min(steady - 1, Math.floor(steady * backgroundShare)));
  return { burst: Math.max(1, Math.min(burst - 1, Math.ceil(inMinute / secondsOfWork))), steady: inMinute };
}

export interface Grant {
  /** One id per granted call. */
  permits: string[];
  /** How long until the granted calls may be made; when none was granted, until asking again is worth it. */
  waitMs: number;
  /** How often in a row the account failed; above 0 at most one permit is granted, as a probe. */
  failures: number;
}

/** Milliseconds. */
export interface Pacing {
  /** None is granted if another was taken more recently. */
  spacingMs?: number;
  /** A permit that becomes free within this time is granted already, so that what it is for can be made ready meanwhile. */
  aheadMs?: number;
}

/**
 * Leave to call a vendor, shared by all replicas. A permit counts from the moment it may be used until one window after it
 * was settled: whatever a call spends on the way, the vendor can never see more than the limit in any window of its own.
 */
export abstract class Permits {
  /** Takes up to `want` permits at once, both windows together or not at all. */
  abstract take(account: string, operation: string, want: number, limit: Limit, pacing?: Pacing): Promise<Grant>;
  /** The calls were answered (or given up). */
  abstract settle(permits: string[]): Promise<void>;
  /** The calls were never made; the permits count no more. */
  abstract giveBack(permits: string[]): Promise<void>;
  /** Nobody calls this operation for so long (the vendor's Retry-After). Never shortens a pause. */
  abstract pause(account: string, operation: string, ms: number): Promise<void>;
  /** The account as a whole failed (timeout, 5xx): pause all its operations, longer with each failure in a row. */
  abstract failed(account: string): Promise<void>;
  /** The account answered again. */
  abstract recovered(account: string): Promise<void>;
}
