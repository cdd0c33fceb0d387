import { Clock, type Log } from '#core';
import { startKlaviyo, startWalletCrew, type DeliveryOptions, type KlaviyoEmulator, type KlaviyoOptions, type StoryEvent, type WalletCrewEmulator } from '#emulators';
import { PinoLog, PromMeter, readSettings, SystemClock, type Settings } from '#runtime';
import { openStore, type OpenStore } from '#store';
import { startConnector } from '../../apps/connector/src/connector.js';
import { freshDatabase, type FreshDatabase } from './database.js';

export const tenant = 'acme';
export const keys = { walletCrew: 'wc_e2e_key_0123456789', webhookSecret: 's3cret-of-the-webhook-subscription', klaviyo: 'pk_e2e_0123456789abcdef', operations: 'operator-token-0123456789' };
export const lists = { newsletter: 'NEWS01', sms: 'SMS001' };

/** A connector with its own database between the two emulators. */
export interface World {
  klaviyo: KlaviyoEmulator;
  walletCrew: WalletCrewEmulator;
  opened: OpenStore;
  url: string;
  hook: string;
  /** Every log line so far. */
  logs: string[];
  tell(story: readonly StoryEvent[], options?: DeliveryOptions): ReturnType<WalletCrewEmulator['play']>;
  /** Resolves when every webhook is decided, every command answered and Klaviyo has applied all of it. */
  quiet(): Promise<void>;
  stop(): Promise<void>;
}

export function settingsFor(klaviyoUrl: string, walletCrewUrl: string, own: Record<string, unknown> = {}): Settings {
  const problems: string[] = [];
  const settings = readSettings(
    {
      tenants: {
        [tenant]: {
          walletCrew: { baseUrl: walletCrewUrl, apiKey: keys.walletCrew, webhookSecret: keys.webhookSecret },
          klaviyo: { baseUrl: klaviyoUrl, apiKey: keys.klaviyo, listId: lists.newsletter, timeoutMs: 1_000 },
          passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift-card'] },
          consents: { consents_email: { channel: 'email' }, consents_sms: { channel: 'sms', listId: lists.sms } },
          defaultCountry: 'FR',
          ...own,
        },
      },
      operations: { token: keys.operations },
    },
    problems,
  );
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return settings;
}

export async function startWorld(options: { klaviyo?: KlaviyoOptions; tenant?: Record<string, unknown>; clock?: Clock } = {}): Promise<World> {
  const database: FreshDatabase = await freshDatabase();
  const klaviyo = await startKlaviyo({
    accounts: { [keys.klaviyo]: { lists: [{ id: lists.newsletter, name: 'Newsletter' }, { id: lists.sms, name: 'SMS' }] } },
    ...options.klaviyo,
  });
  const walletCrew = await startWalletCrew({ tenants: { [tenant]: { apiKeys: { [keys.walletCrew]: ['*'] } } } });
  const logs: string[] = [];
  const log: Log = new PinoLog('debug', { write: (line) => void logs.push(line) });
  const opened = await openStore({ url: database.url, log });
  const settings = settingsFor(klaviyo.url, walletCrew.url, options.tenant);
  const { app, url } = await startConnector(
    { settings, opened, clock: options.clock ?? new SystemClock(), log, meter: new PromMeter() },
    { host: '127.0.0.1', port: 0, graceMs: 5_000, workers: true },
  );
  const hook = `${url}/api/${tenant}/webhooks/listeners/wallet-crew`;
  return {
    klaviyo,
    walletCrew,
    opened,
    url,
    hook,
    logs,
    tell: (story, delivery) => walletCrew.play(story, { to: { url: hook, secret: keys.webhookSecret }, ...delivery }),
    quiet: async () => {
      await until(async () => (await openWork(opened)) === 0);
      await klaviyo.settle();
    },
    stop: async () => {
      await app.close();
      await klaviyo.close();
      await walletCrew.close();
      await database.drop();
    },
  };
}

async function openWork({ store }: OpenStore): Promise<number> {
  const undecided = await store.alone(tenant, async (unit) => (await unit.undecided(1)).length);
  const counts = await store.commandCounts(tenant);
  return undecided + counts.filter(({ status }) => ['pending', 'sending', 'importing'].includes(status)).reduce((sum, { count }) => sum + count, 0);
}

/** Asks again and again until the fact holds; the test's own time limit ends a fact that never does. */
export async function until(fact: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await fact())) await new Promise((resolve) => setTimeout(resolve, 20));
}
