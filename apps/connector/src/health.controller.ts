import { Controller, Get, Inject } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, HealthIndicatorService, type HealthIndicatorFunction } from '@nestjs/terminus';
import { Store } from '#core';
import { HealthIndicators, SETTINGS, type Settings } from '#runtime';
import { Shutdown } from './shutdown.js';

/**
 * Three different questions. `live`: restart me? Only a stuck process says yes. `ready`: send me webhooks? Yes while they can
 * be put on disk, whatever Klaviyo does. `dependencies`: what is wrong elsewhere? For people and alerts, not for Kubernetes.
 */
@ApiTags('Health')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicator: HealthIndicatorService,
    private readonly indicators: HealthIndicators,
    private readonly store: Store,
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
    const backlog: HealthIndicatorFunction = async () => {
      const waiting = await this.store.backlog();
      const check = this.indicator.check('backlog');
      return waiting < this.settings.limits.backlog ? check.up({ waiting }) : check.down({ waiting });
    };
    return this.health.check([this.indicators.database, backlog, ...this.indicators.accounts()]);
  }
}
