import { things } from '#core';
import type { Account } from './account.js';
import { record } from './errors.js';

export interface Pong {
  ok: boolean;
  words: string;
}

/** Accounts may be asked for 15 times a minute, by all replicas together. */
const keptMs = 60_000;

/** Asks Klaviyo who a key belongs to, once a minute for all tenants that have it; what was heard last is good enough in between, unless other calls fared otherwise since. */
export class Ping {
  #heard: { at: number; pong: Pong } | undefined;
  #asking: Promise<Pong> | undefined;

  async ask(account: Account): Promise<Pong> {
    const heard = this.#heard;
    if (heard && heard.pong.ok !== account.failing && account.clock.now() - heard.at < keptMs) return heard.pong;
    this.#asking ??= this.#ask(account).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(account: Account): Promise<Pong> {
    const { permits, waitMs, failures } = await account.take('get_accounts', 1);
    const [permit] = permits;
    if (permit === undefined) {
      if (failures > 0) return { ok: false, words: `Klaviyo failed ${things(failures, 'time')} in a row; the next try is in ${Math.ceil(waitMs / 1000)} s.` };
      return this.#heard?.pong ?? { ok: true, words: 'Not asked yet: Klaviyo allows this question 15 times a minute.' };
    }
    const outcome = await account.call('get_accounts', permit, (sdk) => sdk.accounts.getAccounts({ fieldsAccount: ['test_account'] }));
    const pong = outcome.ok ? answered(outcome.data) : { ok: false, words: `${outcome.problem.code}: ${outcome.problem.words}` };
    this.#heard = { at: account.clock.now(), pong };
    return pong;
  }
}

function answered(body: unknown): Pong {
  const data = record(body)['data'];
  const isTest = Array.isArray(data) && record(record(data[0])['attributes'])['test_account'] === true;
  return { ok: true, words: isTest ? 'Klaviyo answers; it is a test account.' : 'Klaviyo answers.' };
}
