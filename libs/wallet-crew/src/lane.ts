import type { Clock, Log, Notifications, Vault } from '#core';
import type { Call } from './calls.js';
import type { WalletCrewSettings } from './settings.js';

/** Around one command that is carried out. */
export interface Around {
  tenant: string;
  settings: WalletCrewSettings;
  /** The tenant has pass links, so tokens are asked for. */
  wantsTokens: boolean;
  call: Call;
  clock: Clock;
  log: Log;
  vault: Vault;
  notifications: Notifications;
}

/** The path of the API that belongs to the tenant. */
export function apiPath({ tenant, settings }: Pick<Around, 'tenant' | 'settings'>, rest: string): string {
  return `/api/${encodeURIComponent(settings.tenantId ?? tenant)}/${rest}`;
}
