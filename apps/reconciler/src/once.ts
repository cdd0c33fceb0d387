import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ConnectorError, EstimateRun, Reconcile, type Reconciled, type RunOptions } from '#core';
import { ConnectorModule, inTime, reportText, type Ready } from '#runtime';
import type { Arguments } from './arguments.js';
import { estimateInWords, RunProgress } from './progress.js';
import { unlessAlive } from './unless-alive.js';
import { untilBack } from './until-back.js';
import { workHere } from './work-here.js';

const exitCodes: Record<Reconciled['is'], number> = { done: 0, failed: 1, cancelled: 3, stopped: 3, lost: 3, busy: 4 };

/** Who started this may start it again; a database that is away longer has other troubles. */
const mostAwayMs = 5 * 60_000;
/** After an outage a broken connection may never be given back. What the process answers must not depend on that. */
const closeMs = 5_000;

/** One run of each tenant, or of one; answers the exit code of the process. */
export async function runOnce(ready: Ready, graceMs: number, { tenant, options, json }: Arguments): Promise<number> {
  const app = await NestFactory.createApplicationContext(ConnectorModule.of(ready), { logger: false });
  const reconcile = app.get(Reconcile);
  let stopping = false;
  const stopped = new Promise<void>((resolve) => {
    const stop = () => {
      stopping = true;
      reconcile.stop();
      resolve();
    };
    process.once('SIGTERM', stop).once('SIGINT', stop);
  });
  const progress = new RunProgress(() => ready.clock.now());
  let worst = 0;
  let working: Promise<void> | undefined;
  try {
    for (const each of tenant === undefined ? ready.settings.tenants.keys() : [tenant]) {
      const patience = { clock: ready.clock, log: ready.log, tenant: each, mostMs: mostAwayMs, goesOn: () => !stopping };
      const [newest] = await untilBack(() => ready.opened.runs.list(each, 1), patience);
      if (newest?.status !== 'running') await Promise.race([sayEstimate(app.get(EstimateRun), each, options), stopped]);
      const run = () => reconcile.run(each, options, { tell: (told) => progress.show(told), work: () => (working ??= workHere(app, ready.log)) });
      const ended = await untilBack(() => unlessAlive(run, ready.clock), patience);
      progress.end();
      if (ended.is === 'busy' && options.dryRun && !ended.run.options.dryRun) process.stderr.write(`${each}: a run that repairs is under way or unfinished, and a dry run does not go on with it. Let it end, or cancel it.\n`);
      process.stdout.write(json ? `${JSON.stringify({ tenant: each, is: ended.is, ...('report' in ended ? { report: ended.report } : {}) })}\n` : `${reportText(ended.run)}\n`);
      worst = Math.max(worst, exitCodes[ended.is]);
    }
  } finally {
    await ready.opened.queue.stop(graceMs);
    await ready.plugins?.close();
    await inTime(ready.opened.close(), closeMs);
  }
  return worst;
}

/** It only informs: a run that cannot be reckoned is begun all the same, and says itself what is wrong. */
async function sayEstimate(estimate: EstimateRun, tenant: string, options: RunOptions): Promise<void> {
  try {
    process.stderr.write(`${tenant}: ${estimateInWords(await estimate.of(tenant, options))}\n`);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
  }
}
