import { type Channel, type Identity, type ImportProgress, type MarketingLane, Marketing, type OptOuts, type Slot } from '#core';
import type { Account } from './account.js';
import type { KlaviyoAccounts } from './accounts.js';
import { importProgress } from './import-progress.js';
import { ImportMemory } from './import-memory.js';
import { limits } from './limits.js';
import { optOuts } from './opt-outs.js';
import { Ping } from './ping.js';
import { profileSlot } from './profile-updates.js';
import { gatherInBackground } from './slot.js';
import { seen } from './seen.js';
import { subscribeSlot } from './subscribe.js';
import { trackSlot } from './track.js';
import { unsubscribeSlot } from './unsubscribe.js';

/** The marketing port over Klaviyo. */
export class KlaviyoMarketing extends Marketing {
  /** By name of the account. */
  readonly #pings = new Map<string, Ping>();
  readonly #memory = new ImportMemory();

  constructor(private readonly accounts: KlaviyoAccounts) {
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
    return seen(this.accounts.of(tenant), identity, track);
  }

  async optOuts(tenant: string, channel: Channel, since: number, next?: string): Promise<OptOuts | { waitMs: number }> {
    return optOuts(this.accounts.of(tenant), channel, since, next);
  }

  pace(tenant: string): { events: number; profiles: number } {
    const { background } = this.accounts.of(tenant);
    return {
      events: background.perMinute('bulk_create_events') * limits.bulk_create_events.maxItems,
      profiles: (background.perMinute('bulk_import_profiles') / gatherInBackground) * limits.bulk_import_profiles.maxItems,
    };
  }

  async ping(tenant: string): Promise<{ ok: boolean; words: string }> {
    const account = this.accounts.of(tenant);
    const ping = this.#pings.get(account.name) ?? new Ping();
    this.#pings.set(account.name, ping);
    return ping.ask(account);
  }

  /** Closes the connections that are kept open. */
  close(): void {
    this.accounts.close();
  }

  #account(tenant: string, background: boolean): Account {
    const account = this.accounts.of(tenant);
    return background ? account.background : account;
  }
}
