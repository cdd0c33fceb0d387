import { createHash } from 'node:crypto';
import { WalletPlatform, type Answer, type Grant, type Limit, type Log, type Meter, type Outgoing, type Permits, type Slot, type WalletCommand, type WalletLane } from '#core';
import { call, type Said } from './session.js';
import type { WalletCrewSettings } from './settings.js';

export interface WalletCrewParts {
  settingsOf(tenant: string): WalletCrewSettings | undefined;
  permits: Permits;
  log: Log;
  meter: Meter;
}

/** Calls of one slot, made side by side. */
const mostTogether = 10;
const mostBytes = 1_000_000;
const longestWaitMs = 300_000;
/** All calls count against one limit: The Wallet Crew names none per operation. */
const operation = 'api';

/** The wallet port over The Wallet Crew's API. */
export class WalletCrewPlatform extends WalletPlatform {
  /** Accounts that failed and have not answered since. */
  readonly #failing = new Set<string>();

  constructor(private readonly parts: WalletCrewParts) {
    super();
  }

  async slot(tenant: string, _lane: WalletLane, waiting: number): Promise<Slot | { waitMs: number }> {
    const settings = this.parts.settingsOf(tenant);
    if (!settings) return { waitMs: longestWaitMs };
    const account = accountOf(settings);
    const grant = await this.parts.permits.take(account, operation, Math.min(waiting, mostTogether), limitOf(settings));
    if (grant.permits.length === 0) return { waitMs: grant.waitMs };
    let open = grant.permits;
    const release = async (permits: string[]) => {
      open = open.filter((permit) => !permits.includes(permit));
      await this.parts.permits.giveBack(permits);
    };
    return {
      items: grant.permits.length,
      bytes: mostBytes,
      send: async (commands) => {
        await release(open.slice(commands.length));
        const permits = open;
        open = [];
        return Promise.all(commands.map((outgoing, n) => this.#send(tenant, settings, account, grant, outgoing, permits[n]!)));
      },
      release: () => release(open),
    };
  }

  async #send(tenant: string, settings: WalletCrewSettings, account: string, { failures }: Grant, outgoing: Outgoing, permit: string): Promise<Answer> {
    const command = outgoing.command as WalletCommand;
    const begun = performance.now();
    const said = await make(tenant, settings, command);
    this.parts.meter.observe('wallet_crew_request_seconds', { operation: command.do }, (performance.now() - begun) / 1000);
    this.parts.meter.count('wallet_crew_requests_total', { operation: command.do, outcome: said.ok ? 'ok' : said.code });
    await this.parts.permits.settle([permit]);
    await this.#learn(account, failures, said);
    if (said.ok) return { id: outgoing.id, outcome: 'accepted' };
    const { code, words } = said;
    if (!said.retry) return { id: outgoing.id, outcome: 'refused', code, words };
    return { id: outgoing.id, outcome: 'later', code, words, waitMs: said.waitMs ?? Math.min(longestWaitMs, 1_000 * 2 ** Math.min(outgoing.attempts, 10)) };
  }

  /** An account that does not answer is tried with one call at a time until it does. */
  async #learn(account: string, failures: number, said: Said): Promise<void> {
    const { permits, log } = this.parts;
    if (!said.ok && said.code === 'WALLET_CREW_UNAVAILABLE') {
      if (!this.#failing.has(account)) log.warn('The Wallet Crew fails; its account pauses', { account, code: said.code });
      this.#failing.add(account);
      return permits.failed(account);
    }
    if (!said.ok && said.waitMs !== undefined) await permits.pause(account, operation, said.waitMs);
    if (failures > 0 || this.#failing.delete(account)) await permits.recovered(account);
  }
}

/** Names an account without giving its key away. */
function accountOf({ baseUrl, apiKey }: WalletCrewSettings): string {
  return `wallet-crew-${createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, 16)}`;
}

function limitOf({ requestsPerMinute }: WalletCrewSettings): Limit {
  return { burst: Math.max(1, Math.ceil(requestsPerMinute / 10)), steady: requestsPerMinute };
}

function make(tenant: string, settings: WalletCrewSettings, { do: _kind, ...data }: WalletCommand): Promise<Said> {
  const own = encodeURIComponent(settings.tenantId ?? tenant);
  return call(settings, 'POST', `/api/${own}/webhooks/listeners/klaviyo/passes/pushUpdate`, data);
}
