import 'reflect-metadata';
import type { ServiceUnavailableException } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { Clock, Marketing, reportOf, Runs, Store, type ErrorCode, type Report, type RunOptions } from '#core';
import { HealthIndicators, ReconciliationSettings, SETTINGS } from '#runtime';
import { HealthController } from '../../../apps/reconciler/src/health.controller.js';
import { Shutdown } from '../../../apps/reconciler/src/shutdown.js';
import { MemoryRuns } from '../../support/memory-runs.js';
import { endedRun } from '../../support/ended-runs.js';
import { ManualClock, MemoryStore, ToldMarketing } from '../core/fakes.js';
import { everything, tenant } from '../core/reconcile-world.js';

const hour = 3_600_000;

async function health(reconciliation?: Partial<ReconciliationSettings>) {
  // A Tuesday, at the time of the nightly run.
  const clock = new ManualClock(Date.UTC(2026, 8, 1, 3, 15));
  const runs = new MemoryRuns(clock);
  const store = new MemoryStore(clock);
  const database = { answers: true };
  store.ping = (async () => database.answers) as never;
  const shutdown = { started: false };
  const marketing = new ToldMarketing();
  const tenants = new Map([[tenant, reconciliation ? { reconciliation: Object.assign(new ReconciliationSettings(), reconciliation) } : {}]]);
  const module = await Test.createTestingModule({
    imports: [TerminusModule.forRoot({ logger: false })],
    controllers: [HealthController],
    providers: [HealthIndicators, { provide: Clock, useValue: clock }, { provide: Runs, useValue: runs }, { provide: Store, useValue: store }, { provide: Marketing, useValue: marketing }, { provide: Shutdown, useValue: shutdown }, { provide: SETTINGS, useValue: { tenants } }],
  }).compile();
  const controller = module.get(HealthController);
  const asked = async (what: 'live' | 'ready' | 'dependencies') => {
    try {
      return await controller[what]();
    } catch (error) {
      return (error as ServiceUnavailableException).getResponse() as Awaited<ReturnType<typeof controller.live>>;
    }
  };
  const ran = async (status: 'done' | 'failed', { options = everything, verdict: worry = 'no', code }: { options?: RunOptions; verdict?: Report['verdict']['worry']; code?: ErrorCode } = {}) => {
    const { run, lease } = (await runs.begin(tenant, options, 60_000)) as { run: { id: string }; lease: string };
    await runs.end(run.id, lease, status, { ...reportOf(endedRun({})), verdict: { worry, says: '' } }, code);
  };
  const lastRun = async () => (await asked('dependencies')).details[`reconciliation.${tenant}`];
  return { clock, runs, database, shutdown, marketing, asked, ran, lastRun };
}

describe('the health of the reconciler', () => {
  it('is alive whatever happens elsewhere', async () => {
    const { database, asked } = await health();
    database.answers = false;
    expect((await asked('live')).status).toBe('ok');
  });

  it('is ready while runs can be saved, and not when it stops', async () => {
    const { database, shutdown, asked } = await health();
    expect((await asked('ready')).status).toBe('ok');
    database.answers = false;
    expect(await asked('ready')).toMatchObject({ status: 'error', error: { database: { status: 'down' } } });
    database.answers = true;
    shutdown.started = true;
    expect(await asked('ready')).toMatchObject({ status: 'error', error: { process: { says: 'stopping' } } });
  });

  it('shows Klaviyo among what it depends on', async () => {
    const { marketing, asked } = await health();
    marketing.ping = async () => ({ ok: false, words: 'The key is refused.' });
    expect(await asked('dependencies')).toMatchObject({ status: 'error', error: { 'klaviyo.acme': { says: 'The key is refused.' } } });
  });

  it('is well before the first run, until that is two hours late', async () => {
    const { clock, lastRun } = await health();
    expect(await lastRun()).toEqual({ status: 'up', says: 'has not run yet' });
    clock.at += 26 * hour;
    expect((await lastRun())!.status).toBe('up');
    clock.at += 1;
    expect(await lastRun()).toEqual({ status: 'down', says: 'the scheduled run has not begun' });
  });

  it('is well without any run where only people start them', async () => {
    const { clock, lastRun } = await health({ cron: 'off' });
    clock.at += 1_000 * hour;
    expect(await lastRun()).toEqual({ status: 'up', says: 'has not run yet' });
  });

  it('takes no dry run and no part of one for the run that is late, nor their verdict for that of a night', async () => {
    const { clock, ran, lastRun } = await health();
    await ran('done', { verdict: 'yes' });
    clock.at += 25 * hour;
    await ran('done', { options: { ...everything, dryRun: true } });
    await ran('done', { options: { ...everything, only: ['tokens'] } });
    expect(await lastRun()).toEqual({ status: 'up', worry: 'yes' });
    clock.at += 2 * hour;
    expect(await lastRun()).toEqual({ status: 'down', says: 'the scheduled run has not begun' });
  });

  it('calls no account down that answers, and says how it does', async () => {
    const { marketing, asked } = await health();
    marketing.ping = async () => ({ ok: true, words: 'Not asked yet.' });
    expect((await asked('dependencies')).details['klaviyo.acme']).toEqual({ status: 'up', says: 'Not asked yet.' });
  });

  it('shows the verdict of the last run, and says when one has failed', async () => {
    const { ran, lastRun } = await health();
    await ran('done');
    expect(await lastRun()).toEqual({ status: 'up', worry: 'no' });
    await ran('failed', { code: 'KLAVIYO_KEY_REFUSED' });
    expect(await lastRun()).toEqual({ status: 'down', says: 'the last run failed: KLAVIYO_KEY_REFUSED' });
    await ran('done');
    expect((await lastRun())!.status).toBe('up');
  });

  it.each<[string, Partial<ReconciliationSettings> | undefined, hours: number, 'up' | 'down']>([
    ['every night, is due', undefined, 24, 'up'],
    ['every night, is two hours late', undefined, 26, 'up'],
    ['every night, is later', undefined, 26.1, 'down'],
    ['every week, is not due yet', { cron: '15 3 * * 2' }, 6 * 24, 'up'],
    ['every week, is late', { cron: '15 3 * * 2' }, 7 * 24 + 3, 'down'],
    ['by the time of Paris, is late', { timeZone: 'Europe/Paris' }, 24.1, 'down'],
    ['only when somebody starts it, is never late', { cron: 'off' }, 1_000, 'up'],
  ])('a run that comes %s', async (_title, reconciliation, hours, status) => {
    const { clock, ran, lastRun } = await health(reconciliation);
    await ran('done');
    clock.at += hours * hour;
    expect((await lastRun())!.status).toBe(status);
  });

  it('a run that is at work is not late', async () => {
    const { clock, runs, ran, lastRun } = await health();
    await ran('done');
    clock.at += 27 * hour;
    await runs.begin(tenant, everything, 60_000);
    expect((await lastRun())!.status).toBe('up');
  });

  it('a run that does not come to its end in a day is a matter for people', async () => {
    const { clock, runs, lastRun } = await health();
    await runs.begin(tenant, everything, 60_000);
    clock.at += 24 * hour;
    expect((await lastRun())!.status).toBe('up');
    clock.at += 1;
    expect(await lastRun()).toEqual({ status: 'down', says: 'a run has been at work for more than a day' });
  });
});
