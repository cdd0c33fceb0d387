import { createHash } from 'node:crypto';
import { backgroundOf, type Clock, type Grant, type Limit, type Log, type Meter, type Pacing, type Permits, type Vault } from '#core';
import type { AxiosResponse } from 'axios';
import { type Problem, problemOf } from './errors.js';
import { LearnedLimits, type Operation } from './limits.js';
import { type Sdk, sdkFor } from './sdk.js';
import { type Answered, KlaviyoSession } from './session.js';
import type { KlaviyoSettings } from './settings.js';

export interface Surroundings {
  permits: Permits;
  vault: Vault;
  clock: Clock;
  log: Log;
  meter: Meter;
}

export type Outcome = { ok: true; data: unknown } | { ok: false; problem: Problem };

/** Names an account without giving its key away: all tenants and replicas with one key share one quota. */
export function accountOf(settings: KlaviyoSettings): string {
  return createHash('sha256').update(`${settings.baseUrl.replace(/\/+$/, '')}\n${settings.apiKey}`).digest('hex').slice(0, 16);
}

/** What is known of an account, whoever calls it. */
class Known {
  readonly session: KlaviyoSession;
  readonly limits: LearnedLimits;
  sdk: Promise<Sdk> | undefined;
  /** Counts calls and failures, to tell a failure that came before a call from one after it. */
  ticks = 0;
  failedAt = 0;
  recoveredAt = 0;

  constructor(settings: KlaviyoSettings) {
    this.session = new KlaviyoSession(settings);
    this.limits = new LearnedLimits(settings.quotaShare);
  }
}

/** One Klaviyo account: every call to it goes through here, with a permit that was taken before. */
export class Account {
  readonly name: string;
  readonly #turns = new Map<Operation, Promise<unknown>>();
  #background: Account | undefined;

  constructor(readonly settings: KlaviyoSettings, private readonly around: Surroundings, readonly isBackground = false, private readonly known = new Known(settings)) {
    this.name = accountOf(settings);
  }

  /** The same account for what gives way to live traffic: all leave taken here is within a part of the limits. */
  get background(): Account {
    return this.isBackground ? this : (this.#background ??= new Account(this.settings, this.around, true, this.known));
  }

  get clock(): Clock {
    return this.around.clock;
  }

  get log(): Log {
    return this.around.log;
  }

  get vault(): Vault {
    return this.around.vault;
  }

  /** It failed and has not answered since: only one call at a time is let through, as a probe. */
  get failing(): boolean {
    return this.known.failedAt > this.known.recoveredAt;
  }

  /** How many calls of this operation per minute are ours. */
  perMinute(operation: Operation): number {
    return this.#limit(operation).steady;
  }

  /** The pace at which the calls of a minute are spread evenly: 400 ms for 150 of them. For batches that are not full. */
  spacingMs(operation: Operation): number {
    return Math.ceil(60_000 / this.perMinute(operation));
  }

  #limit(operation: Operation): Limit {
    const ours = this.known.limits.of(operation);
    return this.isBackground ? backgroundOf(ours) : ours;
  }

  async take(operation: Operation, want: number, pacing?: Pacing): Promise<Grant> {
    const limit = this.#limit(operation);
    const grant = await this.around.permits.take(this.name, operation, Math.min(want, limit.burst), limit, pacing);
    // Another replica may have seen it fail: the next answer here is news for all.
    if (grant.failures > 0 && !this.failing) this.known.failedAt = ++this.known.ticks;
    return grant;
  }

  async giveBack(permits: string[]): Promise<void> {
    if (permits.length > 0) await this.#book(() => this.around.permits.giveBack(permits));
  }

  /** Waits for one permit, as long as `patience` has time left. One after the other: those behind would ask as often as the first, and in vain. */
  takeOne(operation: Operation, patience: Patience, leave?: Pacing): Promise<{ permit: string } | { waitMs: number }> {
    const since = this.clock.now();
    const turn = (this.#turns.get(operation) ?? Promise.resolve()).then(() => {
      patience.leftMs -= this.clock.now() - since;
      return this.#takeOne(operation, patience, leave);
    });
    this.#turns.set(operation, turn);
    return turn;
  }

  async #takeOne(operation: Operation, patience: Patience, leave?: Pacing): Promise<{ permit: string } | { waitMs: number }> {
    for (;;) {
      const { permits, waitMs } = await this.take(operation, 1, leave).catch((): Pick<Grant, 'permits' | 'waitMs'> => ({ permits: [], waitMs: 60_000 }));
      const [permit] = permits;
      if (permit !== undefined) {
        // Granted ahead: it may not be used before.
        if (waitMs > 0) await this.clock.wait(waitMs);
        return { permit };
      }
      if (waitMs > patience.leftMs) return { waitMs };
      const ms = Math.max(10, waitMs);
      patience.leftMs -= ms;
      await this.clock.wait(ms);
    }
  }

  /** Makes one call. Whatever becomes of it, the permit is settled, and limits and breaker learn from it. `isQuestion`: a person asked what the key may do, and a no pauses nobody. */
  async call(operation: Operation, permit: string, request: (sdk: Sdk) => Promise<{ response: AxiosResponse }>, isQuestion = false): Promise<Outcome> {
    const { clock, meter, permits } = this.around;
    const begun = ++this.known.ticks;
    let started = performance.now();
    let outcome: Outcome;
    let status: string;
    try {
      const sdk = await (this.known.sdk ??= this.#load());
      started = performance.now();
      const { response } = await request(sdk);
      this.known.limits.learn(operation, response.headers['ratelimit-limit']);
      status = String(response.status);
      outcome = { ok: true, data: (response as Answered).answer };
    } catch (error) {
      const problem = likelyOutage(problemOf(error, clock.now()), operation);
      status = problem.status;
      outcome = { ok: false, problem };
    }
    meter.observe('klaviyo_request_seconds', { operation }, (performance.now() - started) / 1000);
    meter.count('klaviyo_requests_total', { operation, status });
    await this.#book(() => permits.settle([permit]));
    await this.#book(() => (outcome.ok || (isQuestion && outcome.problem.code === 'KLAVIYO_SCOPE_MISSING') ? this.#answered(begun) : this.#learnFrom(outcome.problem, operation, begun)));
    return outcome;
  }

  /** What Klaviyo answered stays true when our own bookkeeping fails; a permit that is never settled only costs leave. */
  async #book(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch {
      this.log.error('A Klaviyo permit could not be written back', { account: this.name, code: 'DATABASE_UNAVAILABLE' });
    }
  }

  close(): void {
    this.known.session.close();
  }

  #load(): Promise<Sdk> {
    return sdkFor(this.known.session, this.settings.baseUrl).catch((error: unknown) => {
      this.known.sdk = undefined;
      throw error;
    });
  }

  async #answered(begun: number): Promise<void> {
    if (!this.failing || begun < this.known.failedAt) return;
    this.known.recoveredAt = ++this.known.ticks;
    await this.around.permits.recovered(this.name);
  }

  async #learnFrom(problem: Problem, operation: Operation, begun: number): Promise<void> {
    const { permits, log, meter } = this.around;
    if (problem.code === 'KLAVIYO_BUSY') meter.count('klaviyo_429_total', { operation });
    if (problem.pause === 'account') {
      // Calls that were under way together fail together: that is one failure, or the breaker would open for hours.
      if (begun < this.known.failedAt) return;
      this.known.failedAt = ++this.known.ticks;
      log.warn('Klaviyo fails; its account pauses', { account: this.name, operation, code: problem.code, status: problem.status });
      await permits.failed(this.name);
      return;
    }
    if (problem.pause === 'operation') {
      log.warn('Klaviyo slows an operation down', { account: this.name, operation, code: problem.code, status: problem.status, waitMs: problem.waitMs });
      await permits.pause(this.name, operation, problem.waitMs ?? 1000);
    }
    await this.#answered(begun);
  }
}

/** What can be missing for these is a profile, a job or a list. For the others 404 can only be about the route, and the route exists. */
const namesSomething = new Set<Operation>(['create_flow', 'create_or_update_profile', 'get_bulk_import_profiles_job', 'get_errors_for_bulk_import_profiles_job', 'get_profiles_for_list', 'bulk_subscribe_profiles', 'bulk_unsubscribe_profiles']);

function likelyOutage(problem: Problem, operation: Operation): Problem {
  return problem.kind === 'missing' && !namesSomething.has(operation) ? { ...problem, kind: 'later', code: 'KLAVIYO_UNAVAILABLE', pause: 'account' } : problem;
}

/** How long one send may still wait for further permits, in all. */
export interface Patience {
  leftMs: number;
}
export const aWhile = (): Patience => ({ leftMs: 4000 });
