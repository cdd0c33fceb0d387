import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService, type HealthIndicatorFunction } from '@nestjs/terminus';
import { CronTime } from 'cron';
import { Clock, Runs } from '#core';
import { HealthIndicators, ReconciliationSettings, SETTINGS, type Settings } from '#runtime';
import { Shutdown } from './shutdown.js';

/** A run that has not begun so long after its time does not run. */
const lateMs = 2 * 3_600_000;
/** A million passes take twenty minutes, and a first run over them some hours: longer than this something is in its way. */
const longestMs = 24 * 3_600_000;

/** As the connector's: `live` asks whether to restart, `ready` whether runs can be saved, `dependencies` what is wrong elsewhere. */
@Controller('health')
export class HealthController {
  private readonly startedAt: number;

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicator: HealthIndicatorService,
    private readonly indicators: HealthIndicators,
    private readonly runs: Runs,
    private readonly clock: Clock,
    private readonly shutdown: Shutdown,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    this.startedAt = clock.now();
  }

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
    return this.health.check([this.indicators.database, ...this.indicators.accounts(), ...[...this.settings.tenants].map(([tenant, { reconciliation }]) => this.lastRun(tenant, reconciliation))]);
  }

  private lastRun(tenant: string, { cron, timeZone } = new ReconciliationSettings()): HealthIndicatorFunction {
    return async () => {
      const check = this.indicator.check(`reconciliation.${tenant}`);
      const [newest] = await this.runs.list(tenant, 1);
      if (newest?.status === 'failed') return check.down({ says: `the last run failed: ${newest.code ?? 'unknown'}` });
      if (newest?.status === 'running' && this.clock.now() - newest.startedAt > longestMs) return check.down({ says: 'a run has been at work for more than a day' });
      const last = await this.runs.last(tenant);
      const since = new Date(last?.startedAt ?? this.startedAt);
      const dueAt = cron !== 'off' && newest?.status !== 'running' ? new CronTime(cron, timeZone).getNextDateFrom(since, timeZone).toMillis() : Infinity;
      if (this.clock.now() - dueAt > lateMs) return check.down({ says: 'the scheduled run has not begun' });
      return newest ? check.up({ worry: (last ?? newest).report?.verdict.worry ?? 'unknown' }) : check.up({ says: 'has not run yet' });
    };
  }
}
