import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { Log } from '#core';
import { ConnectorModule, HealthIndicators, MetricsController, type Ready } from '#runtime';
import { ConsoleController } from './console/console.controller.js';
import { ErrorAnswers } from './error-answers.js';
import { ExplainController } from './explain.controller.js';
import { FlowController } from './flow.controller.js';
import { HealthController } from './health.controller.js';
import { OperationsController, OperatorGuard } from './operations.controller.js';
import { RunsController } from './runs.controller.js';
import { GRACE_MS, Shutdown } from './shutdown.js';
import { SystemWebhookController } from './system-webhook.controller.js';
import { WalletCrewController } from './wallet-crew.controller.js';

@Module({})
export class AppModule {
  static of(ready: Ready, graceMs: number): DynamicModule {
    return {
      module: AppModule,
      imports: [ConnectorModule.of(ready), TerminusModule.forRoot({ logger: false })],
      controllers: [WalletCrewController, FlowController, SystemWebhookController, HealthController, MetricsController, OperationsController, ExplainController, RunsController, ConsoleController],
      providers: [HealthIndicators, Shutdown, OperatorGuard, { provide: GRACE_MS, useValue: graceMs }, { provide: APP_FILTER, inject: [Log], useFactory: (log: Log) => new ErrorAnswers(log) }],
    };
  }
}
