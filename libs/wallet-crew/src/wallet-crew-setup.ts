import { type Clock, ConnectorError, type HeldWebhook, type Meter, type Unanswered, WalletSetup } from '#core';
import { Account, type Surroundings } from './account.js';
import { Calls } from './calls.js';
import { isMap, readJson } from './json.js';
import { apiPath } from './lane.js';
import { pageSize } from './passes.js';
import type { Refusal, Said } from './said.js';
import type { WalletCrewSettings } from './settings.js';

export interface WalletCrewSetupParts extends Surroundings {
  settingsOf(tenant: string): WalletCrewSettings | undefined;
  clock: Clock;
  meter: Meter;
}

const waitMs = 20_000;

/** The setup port over The Wallet Crew's API; it only reads. */
export class WalletCrewSetup extends WalletSetup {
  constructor(private readonly parts: WalletCrewSetupParts) {
    super();
  }

  async passTypes(tenant: string): Promise<{ types: string[]; read: number } | Unanswered> {
    const said = await this.#ask(tenant, 'list-passes', `passes?pageIndex=0&pageSize=${pageSize}&sortBy%5B0%5D.field=lastUpdateDate&sortBy%5B0%5D.direction=DESC`);
    if (!said.ok) return lacksScope(said) ? { ...unanswered(said), lacks: 'Pass.Read' } : unanswered(said);
    const passes = readJson(said.text);
    if (!Array.isArray(passes)) return unreadable;
    const types = passes.flatMap((pass) => (isMap(pass) && typeof pass['passType'] === 'string' && pass['passType'] !== '' ? [pass['passType']] : []));
    return { types: [...new Set(types)].sort(), read: passes.length };
  }

  async webhooks(tenant: string): Promise<HeldWebhook[] | 'unknown' | Unanswered> {
    const said = await this.#ask(tenant, 'list-webhooks', 'webhooks');
    if (!said.ok) return lacksScope(said) ? 'unknown' : unanswered(said);
    const webhooks = readJson(said.text);
    if (!Array.isArray(webhooks)) return unreadable;
    const { webhookSecret } = this.#settings(tenant);
    return webhooks.filter(isMap).map(({ endpoint, events, enabled, signatureSecret }) => ({
      endpoint: String(endpoint),
      events: Array.isArray(events) ? events.filter((name) => typeof name === 'string') : [],
      enabled: enabled !== false,
      hasOurSecret: signatureSecret === webhookSecret,
    }));
  }

  async #ask(tenant: string, operation: string, path: string): Promise<Said> {
    const { clock } = this.parts;
    const settings = this.#settings(tenant);
    // A lane is what waits after a refusal; here nothing does.
    const calls = new Calls(new Account(settings, this.parts), 'look-up', [], clock.now() + waitMs, this.parts);
    const said = await calls.of(0)(operation, 'GET', apiPath({ tenant, settings }, path), { keyOfItsOwn: true });
    await calls.end();
    return said;
  }

  #settings(tenant: string): WalletCrewSettings {
    const settings = this.parts.settingsOf(tenant);
    if (!settings) throw new ConnectorError('TENANT_UNKNOWN', `Tenant ${tenant} has no settings for The Wallet Crew.`);
    return settings;
  }
}

const unreadable: Unanswered = { code: 'WALLET_CREW_UNAVAILABLE', words: 'The answer cannot be read.' };

/** 401: the key is wrong; 403: it lacks the scope (The Wallet Crew: API keys). */
const lacksScope = ({ code, words }: Refusal) => code === 'WALLET_CREW_KEY_REFUSED' && words.startsWith('403');

/** A list is there for every tenant: what is missing is the tenant. */
function unanswered({ code, words }: Refusal): Unanswered {
  return code === 'WALLET_CREW_PASS_MISSING' ? { code: 'WALLET_CREW_REFUSED', words: `${words}; see \`walletCrew.tenantId\` and \`baseUrl\`` } : { code, words };
}
