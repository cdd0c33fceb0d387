import { Account } from './account.js';
import type { Credentials } from './gate.js';
import { shortId } from './ids.js';
import type { KlaviyoAccountOptions, KlaviyoOptions } from './options.js';
import { RateWindows } from './rate-windows.js';

/** Who a key is: an account, the scopes it grants and the quota it draws on. */
export interface Holder {
  key: string;
  account: Account;
  scopes: readonly string[] | undefined;
  windows: RateWindows;
}

/** The accounts by their keys. Private keys of one account share its quota; an OAuth app has its own. */
export class AccountBook {
  private holders = new Map<string, Holder>();

  constructor(private readonly options: KlaviyoOptions, private readonly now: () => number) {
    this.open();
  }

  holder({ kind, token }: Credentials): Holder | undefined {
    const holder = this.holders.get(token);
    return holder && (this.optionsOf(token).oauth ?? false) === (kind === 'oauth') ? holder : undefined;
  }

  /** One account by key or account id, or all of them. */
  select(keyOrId?: string): Account[] {
    const all = [...new Set([...this.holders.values()].map(({ account }) => account))];
    if (keyOrId === undefined) return all;
    const byKey = this.holders.get(keyOrId)?.account;
    const chosen = byKey ?? all.find(({ id }) => id === keyOrId);
    if (!chosen) throw new Error(`The Klaviyo emulator has no account for '${keyOrId}'.`);
    return [chosen];
  }

  keys = (): { key: string; account: Account }[] => [...this.holders.values()].map(({ key, account }) => ({ key, account }));

  /** Forgets everything: data, quotas and work under way. */
  reset(): void {
    this.close();
    this.open();
  }

  resetLimits(): void {
    for (const { windows } of this.holders.values()) windows.clear();
  }

  close(): void {
    for (const account of this.select()) account.close();
  }

  private optionsOf = (key: string): KlaviyoAccountOptions => (this.options.accounts ?? { pk_test: {} })[key] ?? {};

  private open(): void {
    this.holders = new Map();
    const accounts = new Map<string, Account>();
    const quotas = new Map<string, RateWindows>();
    for (const key of Object.keys(this.options.accounts ?? { pk_test: {} })) {
      const options = this.optionsOf(key);
      const id = options.id ?? shortId(`account of ${key}`);
      const supportsSms = options.supportsSms ?? this.options.supportsSms;
      const account = accounts.get(id) ?? new Account(id, { ...options, ...(supportsSms ? { supportsSms } : {}) }, options.lists ?? this.options.lists ?? [], this.now);
      accounts.set(id, account);
      const quota = options.oauth ? `${id} ${key}` : id;
      const windows = quotas.get(quota) ?? new RateWindows(this.options.window ?? 'fixed', this.options.timeScale ?? 1);
      quotas.set(quota, windows);
      this.holders.set(key, { key, account, scopes: options.scopes, windows });
    }
  }
}
