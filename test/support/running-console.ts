import 'reflect-metadata';
import { Body, Controller, HttpCode, Module, Post } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConnectorError, Runs, type Run } from '#core';
import { SETTINGS } from '#runtime';
import { ConsoleController } from '../../apps/connector/src/console/console.controller.js';
import { ErrorAnswers } from '../../apps/connector/src/error-answers.js';
import { OperatorGuard } from '../../apps/connector/src/operations.controller.js';
import { RunsController } from '../../apps/connector/src/runs.controller.js';
import { MemoryRuns } from './memory-runs.js';
import { keys, tenant } from './running-connector.js';
import { KeptLog, ManualClock } from './system-fakes.js';

/** Remembers these runs, the newest first, as if they had been made one after the other. */
export async function rememberedRuns(runs: readonly Run[]): Promise<{ memory: MemoryRuns; clock: ManualClock }> {
  const clock = new ManualClock();
  const memory = new MemoryRuns(clock);
  for (const { tenant: of, options, startedAt, endedAt, status, checkpoint, report } of runs.toReversed()) {
    clock.at = startedAt;
    const begun = await memory.begin(of, options, leaseMs);
    if (!('lease' in begun)) throw new Error('Only the newest run may be at work.');
    await memory.keep(begun.run.id, begun.lease, checkpoint, leaseMs);
    clock.at = endedAt ?? startedAt;
    if (report && status !== 'running') await memory.end(begun.run.id, begun.lease, status, report);
  }
  return { memory, clock };
}

const leaseMs = 60_000;

/** Knows of one person what is broken, and nothing of anybody else. */
@Controller('api/:tenantId/operations/explain')
class Explaining {
  @Post()
  @HttpCode(200)
  explain(@Body() { who }: { who: string }) {
    if (who !== 'person-of-status-wrong') throw new ConnectorError('PERSON_UNKNOWN');
    return { firstBroken: { says: 'The profile says NotInstalled.', fix: 'The next run repairs it.' } };
  }
}

export interface RunningConsole {
  url: string;
  close(): Promise<void>;
}

/** The page and the part of the operator API it asks, over these runs; no database, no vendor. */
export async function startConsole(runs: Runs): Promise<RunningConsole> {
  @Module({
    controllers: [RunsController, ConsoleController, Explaining],
    providers: [
      OperatorGuard,
      { provide: Runs, useValue: runs },
      { provide: SETTINGS, useValue: { operations: { token: keys.operations }, tenants: new Map([[tenant, {}]]) } },
      { provide: APP_FILTER, useValue: new ErrorAnswers(new KeptLog()) },
    ],
  })
  class ConsoleOverRuns {}
  const app = await NestFactory.create<NestFastifyApplication>(ConsoleOverRuns, new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
}
