export type WindowKind = 'fixed' | 'sliding';

/** One limit over one span of time. */
interface Window {
  /** Milliseconds until a request is allowed again; 0 when one is allowed now. */
  wait(now: number): number;
  take(now: number): void;
  remaining(now: number): number;
  resetIn(now: number): number;
}

/** Klaviyo's documented algorithm. A window opens with the first request in it; where real windows are anchored is not published. */
class FixedWindow implements Window {
  private opened = Number.NEGATIVE_INFINITY;
  private used = 0;

  constructor(private readonly limit: number, private readonly span: number) {}

  wait(now: number): number {
    this.roll(now);
    return this.used < this.limit ? 0 : this.opened + this.span - now;
  }

  take(now: number): void {
    this.roll(now);
    if (this.used === 0) this.opened = now;
    this.used++;
  }

  remaining(now: number): number {
    this.roll(now);
    return this.limit - this.used;
  }

  resetIn(now: number): number {
    return this.used === 0 ? 0 : Math.max(0, this.opened + this.span - now);
  }

  private roll(now: number): void {
    if (now - this.opened < this.span) return;
    this.used = 0;
    this.opened = now;
  }
}

/** Stricter than the vendor: no span of this length may ever hold more. Catches a client that bursts across a window's edge. */
class SlidingWindow implements Window {
  private times: number[] = [];
  private first = 0;

  constructor(private readonly limit: number, private readonly span: number) {}

  wait(now: number): number {
    this.expire(now);
    return this.times.length - this.first < this.limit ? 0 : this.times[this.first]! + this.span - now;
  }

  take(now: number): void {
    this.times.push(now);
  }

  remaining(now: number): number {
    this.expire(now);
    return this.limit - (this.times.length - this.first);
  }

  resetIn(now: number): number {
    this.expire(now);
    return this.first < this.times.length ? Math.max(0, this.times[this.first]! + this.span - now) : 0;
  }

  private expire(now: number): void {
    while (this.first < this.times.length && now - this.times[this.first]! >= this.span) this.first++;
    if (this.first > 10_000) {
      this.times = this.times.slice(this.first);
      this.first = 0;
    }
  }
}

export interface Rate {
  burstPerSecond: number;
  steadyPerMinute: number;
  perDay?: number;
}

export type Permit = { allowed: true; headers: Record<string, string> } | { allowed: false; retryAfter: number };

/** The windows of one account (or one OAuth app in it): every operation has its own burst and steady window. */
export class RateWindows {
  private readonly buckets = new Map<string, { rate: Rate; windows: Window[] }>();

  constructor(
    private readonly kind: WindowKind,
    /** 60 turns Klaviyo's minute into one second. `Retry-After` stays in whole real seconds and so is never below 1. */
    private readonly timeScale: number,
  ) {}

  /** Takes one request from every bucket or from none. The first bucket is the narrowest and speaks in the headers. */
  take(demands: readonly { bucket: string; rate: Rate }[], now: number): Permit {
    const buckets = demands.map(({ bucket, rate }) => this.bucket(bucket, rate));
    const wait = Math.max(...buckets.flatMap(({ windows }) => windows.map((window) => window.wait(now))));
    if (wait > 0) return { allowed: false, retryAfter: Math.max(1, Math.ceil(wait / 1000)) };
    for (const { windows } of buckets) for (const window of windows) window.take(now);
    const { rate, windows } = buckets[0]!;
    const burst = windows[0]!;
    return {
      allowed: true,
      // As recorded from a live account: the numbers after the limit are the burst window's, although the guide says the steady one's.
      headers: {
        'RateLimit-Limit': `${rate.burstPerSecond}, ${rate.burstPerSecond};w=1, ${rate.steadyPerMinute};w=60`,
        'RateLimit-Remaining': String(burst.remaining(now)),
        // A live account says 0 within the one-second window.
        'RateLimit-Reset': String(Math.max(0, Math.ceil(burst.resetIn(now) / 1000) - 1)),
      },
    };
  }

  private bucket(name: string, rate: Rate): { rate: Rate; windows: Window[] } {
    let bucket = this.buckets.get(name);
    if (!bucket) {
      const open = (limit: number, seconds: number): Window => {
        const span = (seconds * 1000) / this.timeScale;
        return this.kind === 'fixed' ? new FixedWindow(limit, span) : new SlidingWindow(limit, span);
      };
      const windows = [open(rate.burstPerSecond, 1), open(rate.steadyPerMinute, 60)];
      if (rate.perDay !== undefined) windows.push(open(rate.perDay, 86_400));
      bucket = { rate, windows };
      this.buckets.set(name, bucket);
    }
    return bucket;
  }

  clear(): void {
    this.buckets.clear();
  }
}
