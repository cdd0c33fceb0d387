import { type Clock, type Grant, type Limit, type Pacing, Permits } from '#core';

const second = 1000;
const minute = 60_000;

interface Taken {
  key: string;
  at: number;
  settledAt?: number;
}

/** The promises of the port in one process, by an injected clock: a sliding log in which a call counts until one window after its answer. */
export class MemoryPermits extends Permits {
  readonly #taken = new Map<string, Taken>();
  readonly #pauses = new Map<string, number>();
  readonly #breakers = new Map<string, { failures: number; until: number }>();
  readonly history: { what: 'failed' | 'recovered' | 'pause'; account: string; operation?: string; ms?: number }[] = [];
  #serial = 0;

  constructor(private readonly clock: Clock) {
    super();
  }

  /** Permits that were neither settled nor given back. */
  get open(): number {
    return [...this.#taken.values()].filter(({ settledAt }) => settledAt === undefined).length;
  }

  async take(account: string, operation: string, want: number, limit: Limit, { spacingMs = 0 }: Pacing = {}): Promise<Grant> {
    const now = this.clock.now();
    const key = `${account} ${operation}`;
    const breaker = this.#breakers.get(account) ?? { failures: 0, until: 0 };
    const none = (until: number): Grant => ({ permits: [], waitMs: Math.max(1, until - now), failures: breaker.failures });

    const pausedUntil = Math.max(breaker.until, this.#pauses.get(key) ?? 0);
    if (pausedUntil > now) return none(pausedUntil);
    const mine = [...this.#taken.values()].filter((taken) => taken.key === key && countsUntil(taken, minute) > now);
    const newest = Math.max(Number.NEGATIVE_INFINITY, ...mine.map(({ at }) => at));
    if (newest + spacingMs > now) return none(newest + spacingMs);
    if (breaker.failures > 0 && this.#probes(account) > 0) return none(now + second);

    const burst = mine.filter((taken) => countsUntil(taken, second) > now);
    const room = Math.min(want, limit.burst - burst.length, limit.steady - mine.length, breaker.failures > 0 ? 1 : want);
    if (room <= 0) return none(Math.max(freeAt(burst, limit.burst, second, now), freeAt(mine, limit.steady, minute, now)));
    const permits = Array.from({ length: room }, () => `permit-${++this.#serial}`);
    for (const permit of permits) this.#taken.set(permit, { key, at: now });
    return { permits, waitMs: 0, failures: breaker.failures };
  }

  async settle(permits: string[]): Promise<void> {
    for (const permit of permits) {
      const taken = this.#taken.get(permit);
      if (!taken || taken.settledAt !== undefined) throw new Error(`${permit} is not open`);
      taken.settledAt = this.clock.now();
    }
  }

  async giveBack(permits: string[]): Promise<void> {
    for (const permit of permits) {
      if (this.#taken.get(permit)?.settledAt !== undefined || !this.#taken.delete(permit)) throw new Error(`${permit} is not open`);
    }
  }

  async pause(account: string, operation: string, ms: number): Promise<void> {
    const key = `${account} ${operation}`;
    this.history.push({ what: 'pause', account, operation, ms });
    this.#pauses.set(key, Math.max(this.#pauses.get(key) ?? 0, this.clock.now() + ms));
  }

  async failed(account: string): Promise<void> {
    const failures = (this.#breakers.get(account)?.failures ?? 0) + 1;
    this.history.push({ what: 'failed', account });
    this.#breakers.set(account, { failures, until: this.clock.now() + Math.min(minute, second * 2 ** (failures - 1)) });
  }

  async recovered(account: string): Promise<void> {
    this.history.push({ what: 'recovered', account });
    this.#breakers.delete(account);
  }

  #probes(account: string): number {
    return [...this.#taken.values()].filter(({ key, settledAt }) => key.startsWith(`${account} `) && settledAt === undefined).length;
  }
}

function countsUntil({ settledAt }: Taken, window: number): number {
  return settledAt === undefined ? Number.POSITIVE_INFINITY : settledAt + window;
}

/** When the first place in the window becomes free; a call still under way is asked about again in a second. */
function freeAt(taken: Taken[], limit: number, window: number, now: number): number {
  if (taken.length < limit) return now;
  const first = Math.min(...taken.map((one) => countsUntil(one, window)));
  return Number.isFinite(first) ? first : now + second;
}
