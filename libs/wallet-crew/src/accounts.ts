import { Account, type Surroundings } from './account.js';
import type { WalletCrewSettings } from './settings.js';

export interface WalletCrewAccountsParts extends Surroundings {
  settingsOf(tenant: string): WalletCrewSettings | undefined;
}

/** The accounts of this process, for each tenant one and one for the background: what one call learns about outages and refused keys counts for all. */
export class WalletCrewAccounts {
  readonly #accounts = new Map<string, Account>();

  constructor(private readonly parts: WalletCrewAccountsParts) {}

  /** Undefined: the tenant has no settings. */
  of(tenant: string, background = false): Account | undefined {
    const settings = this.parts.settingsOf(tenant);
    if (!settings) return undefined;
    const key = `${tenant} ${background}`;
    const known = this.#accounts.get(key);
    if (known?.settings === settings) return known;
    const account = new Account(settings, this.parts, background);
    this.#accounts.set(key, account);
    return account;
  }
}
