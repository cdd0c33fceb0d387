import { type Clock, ConnectorError, type ListedPass, type Meter, type NotNow, type PassPage, Passes } from '#core';
import type { Account } from './account.js';
import type { WalletCrewAccounts } from './accounts.js';
import { type Call, Calls } from './calls.js';
import { apiPath } from './lane.js';
import { listPasses, pageSize, readPage } from './passes.js';
import type { Refusal } from './said.js';

export interface WalletCrewPassesParts {
  accounts: WalletCrewAccounts;
  clock: Clock;
  meter: Meter;
}

const sortedBy = (field: string, direction: string) => `&sortBy%5B0%5D.field=${field}&sortBy%5B0%5D.direction=${direction}`;
/** The fields are The Wallet Crew's; of the directions its pages show DESC only, so ASC is our assumption. */
const orders = { 'oldest-first': sortedBy('creationDate', 'ASC'), 'newest-change-first': sortedBy('lastUpdateDate', 'DESC') } as const;

/** Short enough for a run that is asked to end, long enough for the next second's permits. */
const patienceMs = 10_000;
/** It gave no answer; how long the account pauses is known to the permits. */
const unansweredMs = 5_000;

/** The reading port over The Wallet Crew's API. */
export class WalletCrewPasses extends Passes {
  constructor(private readonly parts: WalletCrewPassesParts) {
    super();
  }

  pages(tenant: string, first: number, most: number, order: 'oldest-first' | 'newest-change-first'): Promise<PassPage[] | NotNow> {
    return this.#read(tenant, most, async (calls, path) => {
      const answers = await Promise.all(calls.map((call, i) => readPage(call, path, first + i, orders[order], () => this.parts.clock.now())));
      const pages: PassPage[] = [];
      for (const page of answers) {
        // What is wrong with a later one is said when it is asked for again.
        if (pages.length > 0 && ('ok' in page || page.passes.length < page.listed)) break;
        if ('ok' in page) return notNow(page);
        // Left out, it would make a full page look like the last one, and passes that are there look gone.
        if (page.passes.length < page.listed) throw new ConnectorError('WALLET_CREW_UNAVAILABLE', 'A pass of the list has no id.');
        pages.push({ passes: page.passes, size: pageSize, ...(page.total === undefined ? {} : { total: page.total }) });
      }
      return pages;
    });
  }

  callsPerMinute(tenant: string): number {
    return this.#account(tenant).perMinute;
  }

  find(tenant: string, key: string, value: string): Promise<ListedPass[] | NotNow> {
    return this.#read(tenant, 1, async ([call], path) => {
      const passes = await listPasses(call!, path, [[`identifiers.${key}`, value]], () => this.parts.clock.now());
      return 'ok' in passes ? notNow(passes) : passes;
    });
  }

  /** Up to `most` calls are made at once. Reading passes needs the scope that looking up needs, so a refusal here is news for that lane. */
  async #read<T>(tenant: string, most: number, work: (calls: Call[], path: string) => Promise<T | NotNow>): Promise<T | NotNow> {
    const account = this.#account(tenant);
    const permits = await this.#permits(account, most);
    if ('waitMs' in permits) return permits;
    const calls = new Calls(account, 'look-up', permits, this.parts.clock.now() + patienceMs, this.parts);
    return work(permits.map((_, n) => calls.of(n)), apiPath({ tenant, settings: account.settings }, 'passes')).finally(() => calls.end());
  }

  async #permits(account: Account, most: number): Promise<string[] | NotNow> {
    const { clock } = this.parts;
    for (let leftMs = patienceMs; ; ) {
      const { permits, waitMs } = await account.take(most).catch(() => ({ permits: [] as string[], waitMs: 60_000 }));
      if (permits.length > 0) return permits;
      if (waitMs > leftMs) return { waitMs };
      const ms = Math.max(10, waitMs);
      leftMs -= ms;
      await clock.wait(ms);
    }
  }

  #account(tenant: string): Account {
    const account = this.parts.accounts.of(tenant, true);
    if (!account) throw new ConnectorError('TENANT_UNKNOWN', `Tenant ${tenant} has no Wallet Crew settings.`);
    return account;
  }
}

/** A refused key stays refused until somebody does something; a run that waited for that would never end. */
function notNow({ code, retry, words, waitMs }: Refusal): NotNow {
  if (!retry || code === 'WALLET_CREW_KEY_REFUSED') throw new ConnectorError(code, `list-passes: ${words}`);
  return { waitMs: waitMs ?? unansweredMs };
}
