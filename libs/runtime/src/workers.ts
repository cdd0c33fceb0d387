import type { INestApplicationContext } from '@nestjs/common';
import { FollowImport, PollOptOuts, ProcessEvents, Queue, ReadBack, RefreshTokens, SendCommands, Store, type Jobs, type QueueName } from '#core';
import { SETTINGS } from './connector.module.js';
import type { Settings } from './settings.js';

/** One worker per queue: a missing one does not compile, and no queue can have two. */
type Workers = { [N in QueueName]: (jobs: Jobs[N][]) => Promise<unknown> };

const dayMs = 86_400_000;
/** Longer than a lane in turn is ever kept waiting. */
const overdueMs = 2 * 60_000;

/** Decides and sends in this process, beside all others that do. */
export async function startWorkers(app: Pick<INestApplicationContext, 'get'>): Promise<void> {
  const queue = app.get(Queue);
  const { retentionDays } = app.get<Settings>(SETTINGS);
  const use = {
    store: app.get(Store),
    processEvents: app.get(ProcessEvents),
    sendCommands: app.get(SendCommands),
    followImport: app.get(FollowImport),
    readBack: app.get(ReadBack),
    pollOptOuts: app.get(PollOptOuts),
    refreshTokens: app.get(RefreshTokens),
  };
  const workers: Workers = {
    'process-events': (jobs) => all(unique(jobs), ({ tenant, background }) => use.processEvents.run(tenant, background)),
    'send-commands': (jobs) => all(unique(jobs), ({ tenant, lane, background }) => use.sendCommands.run(tenant, lane, background)),
    'follow-import': (jobs) => all(unique(jobs), ({ tenant, receipt, background }) => use.followImport.run(tenant, receipt, background)),
    'read-back': (jobs) => all(jobs, ({ tenant, commandId, tries }) => use.readBack.run(tenant, commandId, tries)),
    'poll-opt-outs': (jobs) => all(unique(jobs), ({ tenant }) => use.pollOptOuts.run(tenant)),
    'refresh-tokens': () => use.refreshTokens.run(),
    'sweep': async () => all(await use.store.overdue(overdueMs), (job) => queue.send(job)),
    'tidy': () => use.store.tidy(retentionDays * dayMs),
  };
  for (const name of Object.keys(workers) as QueueName[]) await queue.work(name, workers[name] as (jobs: object[]) => Promise<void>);
  await queue.every('* * * * *', { queue: 'sweep', data: {} });
  await queue.every('*/5 * * * *', { queue: 'poll-opt-outs', data: {} });
  await queue.every('11 * * * *', { queue: 'refresh-tokens', data: {} });
  await queue.every('17 3 * * *', { queue: 'tidy', data: {} });
}

/** Jobs say only "look here"; several of them with the same content are one look. */
function unique<T extends object>(jobs: T[]): T[] {
  return [...new Map(jobs.map((job) => [JSON.stringify(job), job])).values()];
}

/** All are tried before the first failure is reported, so one tenant's trouble does not keep the others waiting. */
async function all<T>(items: T[], run: (item: T) => Promise<unknown>): Promise<void> {
  const results = await Promise.allSettled(items.map(run));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
