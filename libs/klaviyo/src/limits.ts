import type { Limit } from '#core';

export interface OperationLimit extends Limit {
  /** Most items of one request; for reads the largest page. */
  maxItems: number;
  /** Most bytes of one request. Klaviyo says 5 MB and not whether that is 10^6 or 2^20: half a megabyte of distance. */
  maxBytes: number;
  /** Most bytes of one item. */
  maxItemBytes: number;
}

const request = 4_500_000;
const profile = 100_000;

/**
 * Klaviyo's limits of the operations used here, as its OpenAPI of revision 2026-07-15 states them in `x-klaviyo-ratelimit`
 * and in the texts of the operations. Two windows count at once, one second and one minute, per account and operation.
 */
export const limits = {
  create_event: { burst: 350, steady: 3500, maxItems: 1, maxBytes: request, maxItemBytes: request },
  bulk_create_events: { burst: 10, steady: 150, maxItems: 1000, maxBytes: request, maxItemBytes: request },
  get_events: { burst: 350, steady: 3500, maxItems: 1000, maxBytes: request, maxItemBytes: request },
  create_or_update_profile: { burst: 75, steady: 750, maxItems: 1, maxBytes: profile, maxItemBytes: profile },
  bulk_import_profiles: { burst: 10, steady: 150, maxItems: 10_000, maxBytes: request, maxItemBytes: profile },
  get_bulk_import_profiles_job: { burst: 10, steady: 150, maxItems: 1, maxBytes: request, maxItemBytes: request },
  get_errors_for_bulk_import_profiles_job: { burst: 10, steady: 150, maxItems: 100, maxBytes: request, maxItemBytes: request },
  get_profiles: { burst: 75, steady: 750, maxItems: 100, maxBytes: request, maxItemBytes: request },
  get_profiles_for_list: { burst: 75, steady: 750, maxItems: 100, maxBytes: request, maxItemBytes: request },
  bulk_subscribe_profiles: { burst: 75, steady: 750, maxItems: 1000, maxBytes: request, maxItemBytes: profile },
  bulk_unsubscribe_profiles: { burst: 75, steady: 750, maxItems: 100, maxBytes: request, maxItemBytes: profile },
  get_accounts: { burst: 1, steady: 15, maxItems: 1, maxBytes: request, maxItemBytes: request },
} as const satisfies Record<string, OperationLimit>;

export type Operation = keyof typeof limits;

/** What a single event may hold (Klaviyo: Events API overview, "Limitations"). */
export const eventLimits = { properties: 400, stringBytes: 100_000, arrayItems: 4000, uniqueIdLength: 255, metricNameLength: 127 } as const;

/** The part of a limit that is ours; never less than one call, or nothing would ever go. */
export function shareOf(limit: Limit, share: number): Limit {
  return { burst: Math.max(1, Math.floor(limit.burst * share)), steady: Math.max(1, Math.floor(limit.steady * share)) };
}

/** Reads `RateLimit-Limit: 75, 75;w=1, 750;w=60`. A window that the header does not name is left out. */
export function limitFromHeader(header: unknown): Partial<Limit> {
  if (typeof header !== 'string') return {};
  const found: Partial<Limit> = {};
  for (const part of header.split(',')) {
    const match = /^\s*(\d{1,9})\s*;\s*w\s*=\s*(\d{1,6})\s*$/.exec(part);
    if (!match) continue;
    const calls = Number(match[1]);
    if (calls === 0) continue;
    if (match[2] === '1') found.burst = calls;
    if (match[2] === '60') found.steady = calls;
  }
  return found;
}

/** `Retry-After` as whole seconds or as a date; nothing usable gives undefined. */
export function retryAfterMs(header: unknown, now: number): number | undefined {
  if (typeof header !== 'string' && typeof header !== 'number') return undefined;
  const text = String(header).trim();
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return /[a-z]/i.test(text) && Number.isFinite(at) ? Math.max(0, at - now) : undefined;
}

/** What Klaviyo's answers say about the limits of one account beats the table: plans differ, and tables age. */
export class LearnedLimits {
  readonly #learned = new Map<Operation, Partial<Limit>>();

  constructor(private readonly share: number) {}

  learn(operation: Operation, header: unknown): void {
    const found = limitFromHeader(header);
    if (found.burst === undefined && found.steady === undefined) return;
    this.#learned.set(operation, { ...this.#learned.get(operation), ...found });
  }

  of(operation: Operation): Limit {
    const { burst, steady } = { ...limits[operation], ...this.#learned.get(operation) };
    return shareOf({ burst, steady }, this.share);
  }
}
