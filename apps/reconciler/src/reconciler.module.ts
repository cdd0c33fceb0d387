import { Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { TerminusModule } from '@nestjs/terminus';
import { ConnectorModule, HealthIndicators, MetricsController, type Ready } from '#runtime';
import { HealthController } from './health.controller.js';
import { NightlyRuns } from './nightly-runs.js';
import { GRACE_MS, Shutdown } from './shutdown.js';

@Module({})
export class ReconcilerModule {
  static of(ready: Ready, graceMs: number): DynamicModule {
    return {
      module: ReconcilerModule,
      imports: [ConnectorModule.of(ready), ScheduleModule.forRoot(), TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController, MetricsController],
      providers: [NightlyRuns, Shutdown, HealthIndicators, { provide: GRACE_MS, useValue: graceMs }],
    };
  }
}
