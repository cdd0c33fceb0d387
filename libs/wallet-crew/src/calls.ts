import type { Clock, Meter, WalletLane } from '#core';
import type { Account } from './account.js';
import { ask } from './http.js';
import { type Said, understood } from './said.js';

export interface CallOptions {
  body?: unknown;
  /** It must not happen twice by itself. */
  once?: boolean;
  /** A key that is refused here may well be good for everything else. */
  keyOfItsOwn?: boolean;
}

/** One call for one command. It never throws for what the vendor does. */
export type Call = (operation: string, method: string, path: string, options?: CallOptions) => Promise<Said>;

/** The calls of one slot. Each takes leave of its own: first what the slot brought along, then more. */
export class Calls {
  /** `giveUpAt`: no call begins later, because the commands of the slot are leased for a time. */
  constructor(private readonly account: Account, private readonly lane: WalletLane, private permits: string[], private readonly giveUpAt: number, private readonly around: { clock: Clock; meter: Meter }) {}

  /** The calls of the `n`th command; what began first is finished first. */
  of(n: number): Call {
    return async (operation, method, path, { body, once = false, keyOfItsOwn = false } = {}) => {
      const { account, giveUpAt } = this;
      const permit = this.permits.shift() ?? (this.around.clock.now() > giveUpAt ? { waitMs: 0 } : await account.more({ giveUpAt, n }));
      if (typeof permit !== 'string') return { ok: false, code: 'WALLET_CREW_BUSY', retry: true, undone: true, words: 'No leave to call yet.', waitMs: permit.waitMs };
      const said = await this.#make(operation, method, path, body, once);
      if (keyOfItsOwn && !said.ok && said.pause && said.code === 'WALLET_CREW_KEY_REFUSED') said.pause = 'lane';
      account.answered(permit);
      await account.learn(said, this.lane);
      return said;
    };
  }

  async #make(operation: string, method: string, path: string, body: unknown, fresh: boolean): Promise<Said> {
    const { settings } = this.account;
    const { meter } = this.around;
    const begun = performance.now();
    const headers = { 'X-API-KEY': settings.apiKey, Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) };
    const said = understood(await ask(new URL(path, settings.baseUrl), { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }), timeoutMs: settings.timeoutMs, fresh }));
    meter.observe('wallet_crew_request_seconds', { operation }, (performance.now() - begun) / 1000);
    meter.count('wallet_crew_requests_total', { operation, outcome: said.ok ? 'ok' : said.code });
    return said;
  }

  /** All commands are answered: what was not needed goes back. */
  async end(): Promise<void> {
    const unused = this.permits;
    this.permits = [];
    await Promise.all([this.account.settled(), this.account.giveBack(unused)]);
  }
}
