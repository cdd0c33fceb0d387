import { Module, type DynamicModule } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { AllowNotifications, Clock, EstimateRun, Explain, FollowImport, Log, Marketing, Meter, Passes, Permits, PluginHost, PluginRunner, PollOptOuts, ProcessEvents, Profiles, Queue, ReadBack, ReceiveEvents, Reconcile, Records, RefreshTokens, Rollout, Runs, SendCommands, Store, WalletPlatform, type Rules } from '#core';
import { KlaviyoAccounts, KlaviyoMarketing, KlaviyoProfiles, KlaviyoSetup } from '#klaviyo';
import { readDelivery, WalletCrewAccounts, WalletCrewPasses, WalletCrewPlatform } from '#wallet-crew';
import type { OpenStore } from '#store';
import { noPlugins, type OpenPlugins } from './open-plugins.js';
import { askedForOptOuts } from './opt-outs.js';
import { reconcileRulesOf } from './reconciliation-settings.js';
import { rulesByTenant } from './rules.js';
import type { Settings } from './settings.js';
import { PromMeter } from './telemetry.js';
import { SealedVault, vaultKeys } from './vault.js';

/** What a process has opened before Nest puts it together. */
export interface Ready {
  settings: Settings;
  opened: OpenStore;
  clock: Clock;
  log: Log;
  meter: PromMeter;
  /** Without it there are none. */
  plugins?: OpenPlugins;
}

/** Nest's token for the settings of all tenants. */
export const SETTINGS = Symbol('settings');
/** Nest's token for what `decide` needs to know of each tenant. */
export const RULES = Symbol('rules');
/** Nest's token for the plugins of the process and their rollout. */
export const PLUGINS = Symbol('plugins');

/** THE composition: which adapter stands behind which port. */
@Module({})
export class ConnectorModule {
  static of({ settings, opened, clock, log, meter, plugins = noPlugins }: Ready): DynamicModule {
    const rules = rulesByTenant(settings);
    const vaults = new Map([...settings.tenants].map(([id, { walletCrew }]) => [id, new SealedVault(vaultKeys(settings.vault, walletCrew))]));
    const vaultOf = (tenant: string) => vaults.get(tenant)!;
    const rulesOfRuns = (tenant: string) => reconcileRulesOf(settings, tenant);
    const { permits } = opened;
    const klaviyo = new KlaviyoAccounts({ settingsOf: (tenant) => settings.tenants.get(tenant)?.klaviyo, permits, vaultOf, clock, log, meter });
    const lists = new KlaviyoSetup(klaviyo);
    const walletCrew = new WalletCrewAccounts({ settingsOf: (tenant) => settings.tenants.get(tenant)?.walletCrew, permits, clock, log });
    return {
      module: ConnectorModule,
      global: true,
      imports: [ConfigModule.forRoot({ ignoreEnvFile: true, ignoreEnvVars: true, cache: true, load: [() => ({ connector: settings })] })],
      providers: [
        { provide: SETTINGS, inject: [ConfigService], useFactory: (config: ConfigService) => config.getOrThrow<Settings>('connector') },
        { provide: RULES, useValue: rules },
        { provide: Clock, useValue: clock },
        { provide: Log, useValue: log },
        { provide: Meter, useValue: meter },
        { provide: PromMeter, useValue: meter },
        { provide: Store, useValue: opened.store },
        { provide: Queue, useValue: opened.queue },
        { provide: Permits, useValue: permits },
        { provide: Runs, useValue: opened.runs },
        { provide: Records, useValue: opened.records },
        { provide: Marketing, useFactory: () => new KlaviyoMarketing(klaviyo) },
        { provide: Profiles, useFactory: () => new KlaviyoProfiles(klaviyo) },
        {
          provide: WalletPlatform,
          useFactory: () => new WalletCrewPlatform({ accounts: walletCrew, wantsTokens: (tenant) => rules.get(tenant)?.links !== undefined, notifications: opened.notifications, vaultOf, clock, log, meter }),
        },
        { provide: Passes, useFactory: () => new WalletCrewPasses({ accounts: walletCrew, clock, meter }) },
        { provide: ReceiveEvents, inject: [Store], useFactory: (store: Store) => new ReceiveEvents(store, clock, settings.limits.backlog) },
        { provide: PLUGINS, useValue: plugins },
        { provide: PluginRunner, useValue: plugins.runner },
        { provide: Rollout, useValue: plugins.rollout },
        { provide: PluginHost, useValue: new PluginHost(plugins.runner, plugins.rollout, meter) },
        {
          provide: ProcessEvents,
          inject: [Store, Queue, ReceiveEvents, PluginHost],
          useFactory: (store: Store, queue: Queue, intake: ReceiveEvents, plugins: PluginHost) =>
            new ProcessEvents(store, queue, intake, (tenant): Rules | undefined => rules.get(tenant), plugins, (body, receivedAt) => readDelivery(body, receivedAt).event, clock, log, meter),
        },
        {
          provide: SendCommands,
          inject: [Store, Queue, Marketing, WalletPlatform, PluginHost],
          useFactory: (store: Store, queue: Queue, marketing: Marketing, wallet: WalletPlatform, plugins: PluginHost) => new SendCommands(store, queue, marketing, wallet, new AllowNotifications(plugins, store, (tenant) => rules.get(tenant), clock), clock, log, meter),
        },
        { provide: RefreshTokens, inject: [Store], useFactory: (store: Store) => new RefreshTokens(store, rules, clock) },
        { provide: FollowImport, inject: [Store, Queue, Marketing], useFactory: (store: Store, queue: Queue, marketing: Marketing) => new FollowImport(store, queue, marketing, log) },
        {
          provide: PollOptOuts,
          inject: [Store, Queue, Marketing],
          useFactory: (store: Store, queue: Queue, marketing: Marketing) => new PollOptOuts(store, queue, marketing, askedForOptOuts(settings, rules), clock, log),
        },
        {
          provide: Explain,
          inject: [Store, Records, Passes, Profiles, PluginHost],
          useFactory: (store: Store, records: Records, passes: Passes, profiles: Profiles, plugins: PluginHost) => new Explain({ store, records, passes, profiles, lists, plugins, vaultOf, rulesOf: (tenant) => rules.get(tenant), reconcileRulesOf: rulesOfRuns, clock }),
        },
        { provide: EstimateRun, inject: [Passes, Profiles, Marketing], useFactory: (passes: Passes, profiles: Profiles, marketing: Marketing) => new EstimateRun(passes, profiles, marketing, (tenant) => rules.get(tenant), clock) },
        {
          provide: Reconcile,
          inject: [Runs, Records, Store, Passes, Profiles, Marketing, PluginHost],
          useFactory: (runs: Runs, records: Records, store: Store, passes: Passes, profiles: Profiles, marketing: Marketing, plugins: PluginHost) =>
            new Reconcile({ runs, records, store, passes, profiles, marketing, lists, plugins, rulesOf: (tenant) => rules.get(tenant), reconcileRulesOf: rulesOfRuns, vaultOf, clock, log, meter }),
        },
        { provide: ReadBack, inject: [Store, Queue, Marketing], useFactory: (store: Store, queue: Queue, marketing: Marketing) => new ReadBack(store, queue, marketing, log) },
      ],
      exports: [SETTINGS, RULES, PLUGINS, PluginRunner, Rollout, Clock, Log, Meter, PromMeter, Store, Queue, Permits, Runs, Records, Marketing, Profiles, WalletPlatform, Passes, ReceiveEvents, ProcessEvents, SendCommands, FollowImport, RefreshTokens, ReadBack, PollOptOuts, Explain, EstimateRun, Reconcile],
    };
  }
}
