import { ConnectorError, type Vault } from '#core';
import { Account, type Surroundings } from './account.js';
import type { KlaviyoSettings } from './settings.js';

export interface KlaviyoParts extends Omit<Surroundings, 'vault'> {
  vaultOf(tenant: string): Vault;
  /** How a tenant reaches Klaviyo; asked each time, so that settings can be exchanged while the process runs. */
  settingsOf(tenant: string): KlaviyoSettings | undefined;
}

/** The accounts of this process, one object for each tenant: what one call learns about limits and outages counts for all. */
export class KlaviyoAccounts {
  readonly #accounts = new Map<string, Account>();

  constructor(private readonly parts: KlaviyoParts) {}

  of(tenant: string): Account {
    const settings = this.parts.settingsOf(tenant);
    if (!settings) throw new ConnectorError('TENANT_UNKNOWN', `Tenant ${tenant} has no Klaviyo settings.`);
    const known = this.#accounts.get(tenant);
    if (known?.settings === settings) return known;
    // Calls of the old one end on their own connections.
    const account = new Account(settings, { ...this.parts, vault: this.parts.vaultOf(tenant) });
    this.#accounts.set(tenant, account);
    return account;
  }

  /** Closes the connections that are kept open. */
  close(): void {
    for (const account of this.#accounts.values()) account.close();
    this.#accounts.clear();
  }
}
