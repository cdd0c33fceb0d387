import 'reflect-metadata';
import { Body, Controller, HttpCode, Module, Post } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { ConnectorError, Runs, type RepairFate, type Run } from '#core';
import { SETTINGS } from '#runtime';
import { ConsoleController } from '../../apps/connector/src/console/console.controller.js';
import { ErrorAnswers } from '../../apps/connector/src/error-answers.js';
import { OperatorGuard } from '../../apps/connector/src/operations.controller.js';
import { RunsController } from '../../apps/connector/src/runs.controller.js';
import { keys, tenant } from './running-connector.js';
import { KeptLog } from './system-fakes.js';

/** Runs as they are given, for reading and cancelling only. */
export class GivenRuns implements Pick<Runs, 'list' | 'find' | 'cancel' | 'fates'> {
  /** The newest first. */
  runs: Run[] = [];
  kinds: RepairFate[] = [];
  readonly cancelled: string[] = [];

  async list(of: string, limit: number): Promise<Run[]> {
    return this.runs.filter((run) => run.tenant === of).slice(0, limit);
  }
  async find(of: string, id: string): Promise<Run | undefined> {
    return this.runs.find((run) => run.tenant === of && run.id === id);
  }
  async cancel(of: string, id: string): Promise<boolean> {
    const running = (await this.find(of, id))?.status === 'running';
    if (running) this.cancelled.push(id);
    return running;
  }
  async fates() {
    return { kinds: this.kinds, refusals: [] };
  }
}

/** Knows of one person what is broken, and nothing of anybody else. */
@Controller('api/:tenantId/operations/explain')
class Explaining {
  @Post()
  @HttpCode(200)
  explain(@Body() { who }: { who: string }) {
    if (who !== 'person-of-status-wrong') throw new ConnectorError('NOT_FOUND');
    return { firstBroken: { says: 'The profile says NotInstalled.', fix: 'The next run repairs it.' } };
  }
}

export interface RunningConsole {
  url: string;
  close(): Promise<void>;
}

/** The page and the part of the operator API it asks, over these runs; no database, no vendor. */
export async function startConsole(runs: GivenRuns): Promise<RunningConsole> {
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
