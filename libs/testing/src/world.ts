import { isOpen, type Parked } from '#core';
import { startKlaviyo, startWalletCrew, type DeliveryOptions, type KlaviyoEmulator, type StoryEvent, type WalletCrewEmulator } from '#emulators';
import { isAbsolute, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Connector } from './connector.js';

const tenant = 'acme';
const keys = { walletCrew: 'wallet-crew-key-of-the-tests', webhookSecret: 'webhook-secret-of-the-tests', klaviyo: 'pk_tests', operations: 'operations-token-of-the-tests' };
const quietWithinMs = 60_000;

export interface PluginEntry {
  /** A built-in plugin, an installed package, or a file, relative to the folder the tests run in. */
  use: string;
  settings?: Record<string, unknown>;
  onError?: 'skip' | 'hold';
  timeoutMs?: number;
  memoryMb?: number;
  rollout?: Record<string, unknown>;
}

export interface TestWorldOptions {
  plugins?: PluginEntry[];
  /** Ids of Klaviyo lists there shall be, beside `NEWS01` (where consents_email leads to) and `SMS001` (consents_sms). */
  lists?: string[];
  /** Other settings of the tenant, as they would stand in the configuration file. */
  tenant?: Record<string, unknown>;
}

/** The whole connector between both vendors, played. */
export interface TestWorld {
  klaviyo: KlaviyoEmulator;
  walletCrew: WalletCrewEmulator;
  /** Where the connector listens. */
  url: string;
  /** Every line the connector has logged. */
  logs: readonly string[];
  /** Has The Wallet Crew send these webhooks, and waits until all that follows from them has happened. */
  tell(story: StoryEvent | readonly StoryEvent[], options?: DeliveryOptions): Promise<void>;
  /** Calls the connector as a Klaviyo flow would (`passes/notify`, `passes/pushUpdate`, `profiles/sync`), and waits as above. */
  flow(action: string, body: object): Promise<{ status: number; body: unknown }>;
  /** What is parked, newest first, each with its code. */
  parked(): Promise<Parked[]>;
  /** Asks the operator API: `operations('queue')`. */
  operations(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts it all; takes a few seconds. Stop it when the tests are done. */
export async function startTestWorld(options: TestWorldOptions = {}): Promise<TestWorld> {
  const lists = ['NEWS01', 'SMS001', ...(options.lists ?? [])].map((id) => ({ id, name: id }));
  const klaviyo = await startKlaviyo({ accounts: { [keys.klaviyo]: { lists } } });
  const walletCrew = await startWalletCrew({ tenants: { [tenant]: { apiKeys: { [keys.walletCrew]: ['*'] } } } });
  const close = async () => void (await Promise.all([klaviyo.close(), walletCrew.close()]));
  let connector: Connector;
  try {
    connector = await Connector.start(configuration(klaviyo.url, walletCrew.url, options));
  } catch (error) {
    await close();
    throw error;
  }
  const operations = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${connector.url}/api/${tenant}/operations/${path}`, { headers: { authorization: `Bearer ${keys.operations}` } });
    return answer.json();
  };
  const quiet = async () => {
    await untilNothingIsOpen(async () => (await operations('queue')) as Queue);
    await klaviyo.settle();
  };
  const listeners = `${connector.url}/api/${tenant}/webhooks/listeners`;
  return {
    klaviyo,
    walletCrew,
    url: connector.url,
    logs: connector.logs,
    tell: async (story, delivery) => {
      await walletCrew.play([story].flat() as StoryEvent[], { to: { url: `${listeners}/wallet-crew`, secret: keys.webhookSecret }, ...delivery });
      await quiet();
    },
    flow: async (action, body) => {
      const answer = await fetch(`${listeners}/klaviyo/${action}`, { method: 'POST', headers: { 'x-api-key': keys.walletCrew, 'content-type': 'application/json' }, body: JSON.stringify(body) });
      const text = await answer.text();
      await quiet();
      return { status: answer.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    },
    parked: async () => (await operations('parked')) as Parked[],
    operations,
    stop: async () => {
      await connector.stop();
      await close();
    },
  };
}

function configuration(klaviyoUrl: string, walletCrewUrl: string, { plugins = [], tenant: own }: TestWorldOptions): object {
  const settings = {
    walletCrew: { baseUrl: walletCrewUrl, apiKey: keys.walletCrew, webhookSecret: keys.webhookSecret },
    klaviyo: { baseUrl: klaviyoUrl, apiKey: keys.klaviyo, listId: 'NEWS01' },
    passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift-card'] },
    consents: { consents_email: { channel: 'email' }, consents_sms: { channel: 'sms', listId: 'SMS001' } },
    ...own,
    plugins: plugins.map((entry) => ({ ...entry, use: /^\.|\.[cm]?js$/.test(entry.use) && !isAbsolute(entry.use) ? resolve(entry.use) : entry.use })),
  };
  return { tenants: { [tenant]: settings }, operations: { token: keys.operations } };
}

interface Queue {
  jobs: { queue: string; waiting: number; active: number }[];
  commands: { lane: string; status: string; count: number }[];
}

/** Seen twice, because what was counted one after the other may have changed in between. */
async function untilNothingIsOpen(queue: () => Promise<Queue>): Promise<void> {
  const endsAt = Date.now() + quietWithinMs;
  for (let seen = 0; seen < 2; ) {
    const { jobs, commands } = await queue();
    const open = commands.filter(isOpen).filter(({ count }) => count > 0);
    const isDeciding = jobs.some((job) => job.queue === 'process-events' && job.waiting + job.active > 0);
    seen = isDeciding || open.length > 0 ? 0 : seen + 1;
    if (Date.now() > endsAt) throw new Error(`The connector has not finished within a minute; still open: ${isDeciding ? 'webhooks to decide, ' : ''}${open.map(({ lane, status, count }) => `${count} ${lane} ${status}`).join(', ')}`);
    await wait(20);
  }
}
