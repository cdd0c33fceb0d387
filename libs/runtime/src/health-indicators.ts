import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorFunction } from '@nestjs/terminus';
import { Marketing, Store } from '#core';
import { SETTINGS } from './connector.module.js';
import type { Settings } from './settings.js';

/** What every process depends on. */
@Injectable()
export class HealthIndicators {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly store: Store,
    private readonly marketing: Marketing,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** Red as soon as the process is told to stop. */
  running(isStopping: boolean): HealthIndicatorFunction {
    return async () => (isStopping ? this.indicator.check('process').down({ says: 'stopping' }) : this.indicator.check('process').up());
  }

  readonly database: HealthIndicatorFunction = async () => {
    const check = this.indicator.check('database');
    return (await this.store.ping()) ? check.up() : check.down();
  };

  /** The Klaviyo account of each tenant. */
  accounts(): HealthIndicatorFunction[] {
    return [...this.settings.tenants.keys()].map((tenant) => async () => {
      const { ok, words } = await this.marketing.ping(tenant);
      const check = this.indicator.check(`klaviyo.${tenant}`);
      return ok ? check.up({ says: words }) : check.down({ says: words });
    });
  }
}
