import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService, type HealthIndicatorFunction } from '@nestjs/terminus';
import { Clock, Runs } from '#core';
import { HealthIndicators, SETTINGS, type Settings } from '#runtime';
import { Shutdown } from './shutdown.js';

/** A nightly run that is so late has not run. */
const lateMs = 26 * 3_600_000;

/** As the connector's: `live` asks whether to restart, `ready` whether runs can be saved, `dependencies` what is wrong elsewhere. */
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicator: HealthIndicatorService,
    private readonly indicators: HealthIndicators,
    private readonly runs: Runs,
    private readonly clock: Clock,
    private readonly shutdown: Shutdown,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Get('live')
  @HealthCheck()
  live() {
    return this.health.check([]);
  }

  @Get('ready')
  @HealthCheck()
  ready() {
    return this.health.check([this.indicators.running(this.shutdown.started), this.indicators.database]);
  }

  @Get('dependencies')
  @HealthCheck()
  dependencies() {
    return this.health.check([this.indicators.database, ...this.indicators.accounts(), ...[...this.settings.tenants.keys()].map((tenant) => this.lastRun(tenant))]);
  }

  private lastRun(tenant: string): HealthIndicatorFunction {
    return async () => {
      const check = this.indicator.check(`reconciliation.${tenant}`);
      const [newest] = await this.runs.list(tenant, 1);
      if (!newest) return check.up({ says: 'has not run yet' });
      if (newest.status === 'failed') return check.down({ says: `the last run failed: ${newest.code ?? 'unknown'}` });
      const last = await this.runs.last(tenant);
      return last && this.clock.now() - last.startedAt > lateMs && newest.status !== 'running' ? check.down({ says: 'no run for more than a day' }) : check.up({ worry: last?.report?.verdict.worry ?? 'unknown' });
    };
  }
}
