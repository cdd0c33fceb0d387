import { type Channel, ConnectorError, type Identity, type ImportProgress, type MarketingLane, Marketing, type OptOuts, type Slot, type Vault } from '#core';
import { Account, type Surroundings } from './account.js';
import { importProgress } from './import-progress.js';
import { ImportMemory } from './import-memory.js';
import { optOuts } from './opt-outs.js';
import { Ping } from './ping.js';
import { profileSlot } from './profile-updates.js';
import { seen } from './seen.js';
import type { KlaviyoSettings } from './settings.js';
import { subscribeSlot } from './subscribe.js';
import { trackSlot } from './track.js';
import { unsubscribeSlot } from './unsubscribe.js';

export interface KlaviyoParts extends Omit<Surroundings, 'vault'> {
  vaultOf(tenant: string): Vault;
  /** How a tenant reaches Klaviyo; asked each time, so that settings can be exchanged while the process runs. */
  settingsOf(tenant: string): KlaviyoSettings | undefined;
}

interface Tenant {
  settings: KlaviyoSettings;
  account: Account;
  ping: Ping;
}

/** The marketing port over Klaviyo. */
export class KlaviyoMarketing extends Marketing {
  readonly #tenants = new Map<string, Tenant>();
  readonly #memory = new ImportMemory();

  constructor(private readonly parts: KlaviyoParts) {
    super();
  }

  async slot(tenant: string, lane: MarketingLane, waiting: number, background = false): Promise<Slot | { waitMs: number }> {
    const account = this.#account(tenant, background);
    switch (lane) {
      case 'track':
        return trackSlot(account, waiting);
      case 'upsert-profile':
        return profileSlot(account, waiting, this.#memory);
      case 'subscribe':
        return subscribeSlot(account, waiting);
      case 'unsubscribe':
        return unsubscribeSlot(account, waiting);
    }
  }

  async importProgress(tenant: string, receipt: string, background = false): Promise<ImportProgress> {
    return importProgress(this.#account(tenant, background), this.#memory, receipt);
  }

  async seen(tenant: string, identity: Identity, track: { metric: string; uniqueId: string }): Promise<boolean | undefined> {
    return seen(this.#tenant(tenant).account, identity, track);
  }

  async optOuts(tenant: string, channel: Channel, since: number, next?: string): Promise<OptOuts | { waitMs: number }> {
    return optOuts(this.#tenant(tenant).account, channel, since, next);
  }

  async ping(tenant: string): Promise<{ ok: boolean; words: string }> {
    return this.#tenant(tenant).ping.ask();
  }

  /** Closes the connections that are kept open. */
  close(): void {
    for (const { account } of this.#tenants.values()) account.close();
    this.#tenants.clear();
  }

  #account(tenant: string, background: boolean): Account {
    const { account } = this.#tenant(tenant);
    return background ? account.background : account;
  }

  #tenant(name: string): Tenant {
    const settings = this.parts.settingsOf(name);
    if (!settings) throw new ConnectorError('TENANT_UNKNOWN', `Tenant ${name} has no Klaviyo settings.`);
    const known = this.#tenants.get(name);
    if (known?.settings === settings) return known;
    // Calls of the old one end on their own connections.
    const account = new Account(settings, { ...this.parts, vault: this.parts.vaultOf(name) });
    const tenant = { settings, account, ping: new Ping(account) };
    this.#tenants.set(name, tenant);
    return tenant;
  }
}
