import { ConnectorError, type ErrorCode, type NotNow } from '#core';

/** What a vendor's stand-in in memory does instead of answering, as a test wants it. */
export class ReadyAnswers {
  #notNow: number[] = [];
  #refusal: ErrorCode | undefined;
  /** Awaited before each call, to hold it or to change something meanwhile. */
  before: () => Promise<void> | void = () => {};

  /** The next calls get this wait instead of an answer. */
  failNext(waitMs: number, times = 1): void {
    this.#notNow.push(...Array.from({ length: times }, () => waitMs));
  }

  /** Every call throws this until it is called without a code. */
  refuse(code?: ErrorCode): void {
    this.#refusal = code;
  }

  async instead(): Promise<NotNow | undefined> {
    await this.before();
    if (this.#refusal) throw new ConnectorError(this.#refusal);
    const waitMs = this.#notNow.shift();
    return waitMs === undefined ? undefined : { waitMs };
  }
}
