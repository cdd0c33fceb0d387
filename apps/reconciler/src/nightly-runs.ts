import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { Clock, Log, parts, Reconcile, Runs, type RunOptions } from '#core';
import { PromMeter, ReconciliationSettings, SETTINGS, type Settings } from '#runtime';
import { unlessAlive } from './unless-alive.js';
import { untilBack } from './until-back.js';
import { workHere } from './work-here.js';

/** Runs every tenant by its own schedule, in its own time zone. A run that another process left unfinished is gone on with at once. */
@Injectable()
export class NightlyRuns implements OnApplicationBootstrap {
  /** By tenant; one that waits for the database needs no second. */
  private readonly underWay = new Map<string, Promise<void>>();
  private stopping = false;
  /** For all tenants together. */
  private working: Promise<void> | undefined;

  constructor(
    private readonly scheduler: SchedulerRegistry,
    private readonly reconcile: Reconcile,
    private readonly runs: Runs,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly meter: PromMeter,
    private readonly modules: ModuleRef,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    for (const [tenant, { reconciliation = new ReconciliationSettings() }] of this.settings.tenants) {
      if (reconciliation.cron === 'off') continue;
      const job = CronJob.from({ cronTime: reconciliation.cron, timeZone: reconciliation.timeZone, onTick: () => this.begin(tenant, { dryRun: false, only: parts }), start: true });
      this.scheduler.addCronJob(`reconciliation of ${tenant}`, job as never);
      this.log.info('reconciliation is scheduled', { tenant, cron: reconciliation.cron, timeZone: reconciliation.timeZone, next: job.nextDate().toISO() ?? '' });
    }
    for (const tenant of this.settings.tenants.keys()) {
      const [newest] = await this.runs.list(tenant, 1);
      if (newest?.status === 'running') this.begin(tenant, newest.options);
    }
  }

  /** Begins nothing any more; resolves when nothing is in hand. */
  async end(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.underWay.values());
  }

  private begin(tenant: string, options: RunOptions): void {
    if (this.underWay.has(tenant)) return this.log.info('this process reconciles this tenant already', { tenant });
    this.underWay.set(tenant, this.run(tenant, options).finally(() => this.underWay.delete(tenant)));
  }

  private async run(tenant: string, options: RunOptions): Promise<void> {
    try {
      const work = () => (this.working ??= workHere({ get: (token: never) => this.modules.get(token, { strict: false }) } as never, this.log));
      const goesOn = () => !this.stopping;
      const run = () => unlessAlive(() => this.reconcile.run(tenant, options, { work }), this.clock, goesOn);
      const ended = await untilBack(run, { clock: this.clock, log: this.log, tenant, goesOn });
      if (ended.is === 'busy') this.log.info('another process reconciles this tenant', { tenant, run: ended.run.id });
      if (ended.is === 'done') this.meter.set('reconciliation_last_done_timestamp_seconds', { tenant }, Math.round(this.clock.now() / 1000));
    } catch (error) {
      // The next night tries again.
      this.log.error('reconciliation could not run', { tenant, error: error instanceof Error ? error.message : 'unknown' });
    }
  }
}
