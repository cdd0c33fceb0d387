import { Module, type DynamicModule } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { Clock, FollowImport, Log, Marketing, Meter, Permits, ProcessEvents, Queue, ReadBack, ReceiveEvents, SendCommands, Store, WalletPlatform, type Rules } from '#core';
import { KlaviyoMarketing } from '#klaviyo';
import { readDelivery, WalletCrewPlatform } from '#wallet-crew';
import type { OpenStore } from '#store';
import { rulesByTenant } from './rules.js';
import type { Settings } from './settings.js';
import { PromMeter } from './telemetry.js';

/** What a process has opened before Nest puts it together. */
export interface Ready {
  settings: Settings;
  opened: OpenStore;
  clock: Clock;
  log: Log;
  meter: PromMeter;
}

/** Nest's token for the settings of all tenants. */
export const SETTINGS = Symbol('settings');
/** Nest's token for what `decide` needs to know of each tenant. */
export const RULES = Symbol('rules');

/** THE composition: which adapter stands behind which port. */
@Module({})
export class ConnectorModule {
  static of({ settings, opened, clock, log, meter }: Ready): DynamicModule {
    const rules = rulesByTenant(settings);
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
        { provide: Permits, useValue: opened.permits },
        {
          provide: Marketing,
          useFactory: () => new KlaviyoMarketing({ settingsOf: (tenant) => settings.tenants.get(tenant)?.klaviyo, permits: opened.permits, clock, log, meter }),
        },
        {
          provide: WalletPlatform,
          useFactory: () => new WalletCrewPlatform({ settingsOf: (tenant) => settings.tenants.get(tenant)?.walletCrew, permits: opened.permits, log, meter }),
        },
        { provide: ReceiveEvents, inject: [Store], useFactory: (store: Store) => new ReceiveEvents(store, clock, settings.limits.backlog) },
        {
          provide: ProcessEvents,
          inject: [Store, Queue, ReceiveEvents],
          useFactory: (store: Store, queue: Queue, intake: ReceiveEvents) =>
            new ProcessEvents(store, queue, intake, (tenant): Rules | undefined => rules.get(tenant), (body, receivedAt) => readDelivery(body, receivedAt).event, clock, log, meter),
        },
        {
          provide: SendCommands,
          inject: [Store, Queue, Marketing, WalletPlatform],
          useFactory: (store: Store, queue: Queue, marketing: Marketing, wallet: WalletPlatform) => new SendCommands(store, queue, marketing, wallet, clock, log, meter),
        },
        { provide: FollowImport, inject: [Store, Queue, Marketing], useFactory: (store: Store, queue: Queue, marketing: Marketing) => new FollowImport(store, queue, marketing, log) },
        { provide: ReadBack, inject: [Store, Queue, Marketing], useFactory: (store: Store, queue: Queue, marketing: Marketing) => new ReadBack(store, queue, marketing, log) },
      ],
      exports: [SETTINGS, RULES, Clock, Log, Meter, PromMeter, Store, Queue, Permits, Marketing, WalletPlatform, ReceiveEvents, ProcessEvents, SendCommands, FollowImport, ReadBack],
    };
  }
}
