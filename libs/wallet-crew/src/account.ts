import { createHash } from 'node:crypto';
import { backgroundOf, type Clock, type Grant, type Limit, type Log, type Permits, type WalletLane } from '#core';
import type { Said } from './said.js';
import type { WalletCrewSettings } from './settings.js';

export interface Surroundings {
  permits: Permits;
  clock: Clock;
  log: Log;
}

/** All calls count against one limit: The Wallet Crew names none per operation. */
const operation = 'api';
const askAgainMs = 1_000;
/** Permits settled together, to spare the database a trip for each. */
const settledTogether = 25;

interface Turn {
  giveUpAt: number;
  n: number;
}

interface Waiting extends Turn {
  answer(got: string | { waitMs: number }): void;
}

/** One account at The Wallet Crew, as this process sees it. */
export class Account {
  readonly name: string;
  readonly #limit: Limit;
  /** Calls of commands that are under way already, oldest first. */
  readonly #waiting: Waiting[] = [];
  #isServing = false;
  /** Permits of calls that are answered, not yet booked. */
  #answered: string[] = [];
  #booked: Promise<unknown> = Promise.resolve();
  /** It failed and has not answered since. */
  #isFailing = false;
  readonly #refused = new Map<WalletLane, number>();

  /** In the background an account is called as if by another process: no live command waits behind what has begun there. */
  constructor(readonly settings: WalletCrewSettings, private readonly around: Surroundings, background = false) {
    const { baseUrl, apiKey, requestsPerMinute } = settings;
    // Names an account without giving its key away.
    this.name = `wallet-crew-${createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, 16)}`;
    const limit = { burst: Math.max(1, Math.ceil(requestsPerMinute / 10)), steady: requestsPerMinute };
    this.#limit = background ? backgroundOf(limit) : limit;
  }

  /** How many calls in a minute may be made. */
  get perMinute(): number {
    return this.#limit.steady;
  }

  /** Leave to begin commands. What has begun comes first: two calls of which only one may be made would be one for nothing. */
  async take(want: number): Promise<Grant> {
    if (this.#waiting.length > 0) return { permits: [], waitMs: askAgainMs, failures: 0 };
    if (this.#answered.length > 0) void this.settled();
    return this.#take(want);
  }

  /** Leave for one more call of a command that has begun, or how long there will be none. The oldest gets all it needs first: some must come to an end. */
  more(turn: Turn): Promise<string | { waitMs: number }> {
    return new Promise((answer) => {
      const later = this.#waiting.findIndex(({ giveUpAt, n }) => giveUpAt > turn.giveUpAt || (giveUpAt === turn.giveUpAt && n > turn.n));
      this.#waiting.splice(later < 0 ? this.#waiting.length : later, 0, { ...turn, answer });
      void this.settled();
      void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    if (this.#isServing) return;
    this.#isServing = true;
    const { clock } = this.around;
    while (this.#waiting.length > 0) {
      const { permits, waitMs } = await this.#take(this.#waiting.length).catch(() => ({ permits: [] as string[], waitMs: askAgainMs }));
      for (const permit of permits) this.#waiting.shift()!.answer(permit);
      const comesAt = clock.now() + waitMs;
      for (const late of this.#waiting.filter(({ giveUpAt }) => giveUpAt < comesAt)) {
        this.#waiting.splice(this.#waiting.indexOf(late), 1);
        late.answer({ waitMs });
      }
      if (this.#waiting.length > 0) await clock.wait(Math.min(Math.max(waitMs, 1), askAgainMs));
    }
    this.#isServing = false;
  }

  async #take(want: number): Promise<Grant> {
    const grant = await this.around.permits.take(this.name, operation, want, this.#limit);
    // Another replica may have seen it fail: the next answer here is news for all.
    if (grant.failures > 0) this.#isFailing = true;
    return grant;
  }

  /** A call is answered. Its permit counts until that is booked, so while somebody waits for leave that is done at once. */
  answered(permit: string): void {
    this.#answered.push(permit);
    if (this.#answered.length >= settledTogether || this.#waiting.length > 0) void this.settled();
  }

  /** Resolves when all that is answered so far is booked. */
  async settled(): Promise<void> {
    const permits = this.#answered;
    this.#answered = [];
    this.#booked = Promise.all([this.#booked, this.#book(permits, () => this.around.permits.settle(permits))]);
    await this.#booked;
  }

  giveBack(permits: string[]): Promise<void> {
    return this.#book(permits, () => this.around.permits.giveBack(permits));
  }

  /** A permit that cannot be booked counts a minute longer; what was answered must not be lost over it. */
  async #book(permits: string[], work: () => Promise<void>): Promise<void> {
    if (permits.length > 0) await work().catch(() => this.around.log.warn('permits could not be booked', { account: this.name, permits: permits.length }));
  }

  /** Until when a lane whose key was refused waits. Afterwards it goes with one command, until one is taken. */
  refusedUntil(lane: WalletLane): number | undefined {
    return this.#refused.get(lane);
  }

  /** What an answer means for other calls. An account that does not answer is tried with one call at a time until it does. */
  async learn(said: Said, lane: WalletLane): Promise<void> {
    if (said.ok) this.#refused.delete(lane);
    if (said.ok && !this.#isFailing) return;
    await this.#tell(said, lane).catch(() => this.around.log.warn('the state of an account could not be shared', { account: this.name }));
  }

  async #tell(said: Said, lane: WalletLane): Promise<void> {
    const { permits, log, clock } = this.around;
    if (!said.ok && said.code === 'WALLET_CREW_UNAVAILABLE') {
      if (!this.#isFailing) log.warn('The Wallet Crew fails; its account pauses', { account: this.name, code: said.code });
      this.#isFailing = true;
      return permits.failed(this.name);
    }
    if (!said.ok && said.pause) {
      const waitMs = said.waitMs ?? askAgainMs;
      if (said.code === 'WALLET_CREW_KEY_REFUSED') this.#refused.set(lane, clock.now() + waitMs);
      if (said.pause === 'account') await permits.pause(this.name, operation, waitMs);
    }
    if (!this.#isFailing) return;
    this.#isFailing = false;
    await permits.recovered(this.name);
  }
}
