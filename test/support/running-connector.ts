import { isOpen, type Clock } from '#core';
import { startKlaviyo, startWalletCrew, type DeliveryOptions, type KlaviyoEmulator, type KlaviyoOptions, type StoryEvent, type WalletCrewEmulator } from '#emulators';
import { Environment, openPlugins, PinoLog, PromMeter, readSettings, SystemClock, type Settings } from '#runtime';
import { openStore, type OpenStore } from '#store';
import { startConnector } from '../../apps/connector/src/connector.js';
import { freshDatabase, type FreshDatabase } from './database.js';

export const tenant = 'acme';
export const keys = { walletCrew: 'wc_e2e_key_0123456789', webhookSecret: 's3cret-of-the-webhook-subscription', klaviyo: 'pk_e2e_0123456789abcdef', operations: 'operator-token-0123456789', vault: 'secret-of-the-vault-in-tests-0123456789' };
export const lists = { newsletter: 'NEWS01', sms: 'SMS001' };

/** Each tenant has a Klaviyo account of its own. */
export const klaviyoKeyOf = (id: string) => (id === tenant ? keys.klaviyo : `${keys.klaviyo}_${id}`);

/** One connector as it runs in production: its own pools, workers, metrics and log. */
export interface Replica {
  opened: OpenStore;
  url: string;
  hook: string;
  hookOf(tenant: string): string;
  /** Every log line so far. */
  logs: string[];
  /** Stops this connector only. */
  close(): Promise<void>;
}

/** A connector with its own database between the two emulators. */
export interface World extends Replica {
  klaviyo: KlaviyoEmulator;
  walletCrew: WalletCrewEmulator;
  databaseUrl: string;
  tell(story: readonly StoryEvent[], options?: DeliveryOptions & { tenant?: string }): ReturnType<WalletCrewEmulator['play']>;
  /** Resolves when every webhook is decided, every command answered and Klaviyo has applied all of it. */
  quiet(): Promise<void>;
  /** A further connector on the same database; it is stopped with the world. */
  replica(options?: ReplicaOptions): Promise<Replica>;
  /** Stops everything. */
  stop(): Promise<void>;
}

export interface ReplicaOptions {
  /** False: takes webhooks and leaves deciding and sending to others. */
  workers?: boolean;
  limits?: { bodyBytes?: number; backlog?: number };
}

export interface WorldOptions extends ReplicaOptions {
  /** After how long a call to Klaviyo is given up. Milliseconds. */
  timeoutMs?: number;
  klaviyo?: KlaviyoOptions;
  /** Settings of `klaviyo` beside the usual ones, of every tenant. */
  klaviyoSettings?: Record<string, unknown>;
  /** Settings of every tenant beside the usual ones, or of each. */
  tenant?: Record<string, unknown> | ((id: string) => Record<string, unknown>);
  /** Default: one. */
  tenants?: readonly string[];
  clock?: Clock;
  /** Where the configuration would lie: plugins are looked for beside it, and the rollout file. Without it there are no plugins. */
  configFile?: string;
}

/** What a configuration file would hold, with the emulators in place of the vendors. */
export function configFor(klaviyoUrl: string, walletCrewUrl: string, options: Pick<WorldOptions, 'tenant' | 'tenants' | 'limits' | 'timeoutMs' | 'klaviyoSettings'> = {}): Record<string, unknown> {
  const tenants = (options.tenants ?? [tenant]).map((id) => [
    id,
    {
      walletCrew: { baseUrl: walletCrewUrl, apiKey: keys.walletCrew, webhookSecret: keys.webhookSecret },
      klaviyo: { baseUrl: klaviyoUrl, apiKey: klaviyoKeyOf(id), listId: lists.newsletter, timeoutMs: options.timeoutMs ?? 10_000, pollOptOuts: false, ...options.klaviyoSettings },
      passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift-card'] },
      consents: { consents_email: { channel: 'email' }, consents_sms: { channel: 'sms', listId: lists.sms } },
      defaultCountry: 'FR',
      ...(typeof options.tenant === 'function' ? options.tenant(id) : options.tenant),
    },
  ]);
  return { tenants: Object.fromEntries(tenants) as object, operations: { token: keys.operations }, vault: { keys: [keys.vault] }, ...(options.limits ? { limits: options.limits } : {}) };
}

export function settingsFor(klaviyoUrl: string, walletCrewUrl: string, options: Parameters<typeof configFor>[2] = {}): Settings {
  const problems: string[] = [];
  const settings = readSettings(configFor(klaviyoUrl, walletCrewUrl, options), problems);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return settings;
}

export interface Vendors {
  klaviyo: KlaviyoEmulator;
  walletCrew: WalletCrewEmulator;
}

export async function startVendors({ tenants = [tenant], klaviyo: own }: Pick<WorldOptions, 'tenants' | 'klaviyo'> = {}): Promise<Vendors> {
  const accounts = Object.fromEntries(tenants.map((id) => [klaviyoKeyOf(id), { lists: [{ id: lists.newsletter, name: 'Newsletter' }, { id: lists.sms, name: 'SMS' }] }]));
  const klaviyo = await startKlaviyo({ accounts, ...own });
  const walletCrew = await startWalletCrew({ tenants: Object.fromEntries(tenants.map((id) => [id, { apiKeys: { [keys.walletCrew]: ['*'] } }])) });
  return { klaviyo, walletCrew };
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  // Under Jest the SDK takes seconds to load, and nothing else runs meanwhile: calls under way would seem to hang.
  await import('klaviyo-api');
  const database: FreshDatabase = await freshDatabase();
  const { klaviyo, walletCrew } = await startVendors(options);
  const replicas: Replica[] = [];
  const replica = async (own: ReplicaOptions = {}) => {
    const started = await startReplica(database.url, settingsFor(klaviyo.url, walletCrew.url, { ...options, ...own }), { ...options, ...own });
    replicas.push(started);
    return started;
  };
  const first = await replica();
  return {
    ...first,
    klaviyo,
    walletCrew,
    databaseUrl: database.url,
    tell: (story, delivery) => walletCrew.play(story, { to: { url: first.hookOf(delivery?.tenant ?? tenant), secret: keys.webhookSecret }, ...delivery }),
    quiet: async () => {
      const tenants = options.tenants ?? [tenant];
      await until(async () => (await Promise.all(tenants.map((id) => openWork(first.opened, id)))).every((open) => open === 0));
      await klaviyo.settle();
    },
    replica,
    stop: async () => {
      for (const one of replicas) await one.close();
      await klaviyo.close();
      await walletCrew.close();
      await database.drop();
    },
  };
}

async function startReplica(databaseUrl: string, settings: Settings, { workers = true, clock = new SystemClock(), configFile }: WorldOptions): Promise<Replica> {
  const logs: string[] = [];
  const log = new PinoLog('debug', { write: (line) => void logs.push(line) });
  const opened = await openStore({ url: databaseUrl, log });
  const around = { clock, log, meter: new PromMeter() };
  const plugins = configFile && (await openPlugins(settings, new Environment({ CONFIG_FILE: configFile }), around));
  const ready = { settings, opened, ...around, ...(plugins ? { plugins } : {}) };
  const { app, url } = await startConnector(ready, { host: '127.0.0.1', port: 0, graceMs: 5_000, workers });
  const hookOf = (id: string) => `${url}/api/${id}/webhooks/listeners/wallet-crew`;
  let stopped: Promise<void> | undefined;
  return { opened, url, hook: hookOf(tenant), hookOf, logs, close: () => (stopped ??= app.close()) };
}

/** How many webhooks and commands of a tenant still wait for something. */
export async function openWork({ store }: OpenStore, id: string = tenant): Promise<number> {
  const open = async () => (await store.commandCounts(id)).filter(isOpen).reduce((sum, { count }) => sum + count, 0);
  // Deciding makes commands and an answer may be decided on in turn: looked at once, work could slip from one side to the other.
  const before = await open();
  const undecided = await store.alone(id, async (unit) => (await unit.undecided(1)).length);
  return before + undecided + (await open());
}

/** Asks again and again until the fact holds; a fact that never does fails the test by its own name. */
export async function until(fact: () => Promise<boolean> | boolean, withinMs = 90_000): Promise<void> {
  const endsAt = Date.now() + withinMs;
  while (!(await fact())) {
    if (Date.now() > endsAt) throw new Error(`Not so within ${withinMs} ms: ${String(fact)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
