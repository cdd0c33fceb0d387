import { Account, type Surroundings } from './account.js';
import type { WalletCrewSettings } from './settings.js';

export interface WalletCrewAccountsParts extends Surroundings {
  settingsOf(tenant: string): WalletCrewSettings | undefined;
}

/** The accounts of this process, one object for each tenant: what one call learns about outages and refused keys counts for all. */
export class WalletCrewAccounts {
  readonly #accounts = new Map<string, Account>();

  constructor(private readonly parts: WalletCrewAccountsParts) {}

  /** Undefined: the tenant has no settings. */
  of(tenant: string): Account | undefined {
    const settings = this.parts.settingsOf(tenant);
    if (!settings) return undefined;
    const known = this.#accounts.get(tenant);
    if (known?.settings === settings) return known;
    const account = new Account(settings, this.parts);
    this.#accounts.set(tenant, account);
    return account;
  }
}
