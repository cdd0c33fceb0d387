import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Log } from '#core';
import type { Ready } from '#runtime';
import { ReconcilerModule } from './reconciler.module.js';

export interface ReconcilerOptions {
  host: string;
  port: number;
  graceMs: number;
}

/** Puts the scheduled app together and listens, for health and metrics. */
export async function startReconciler(ready: Ready, { host, port, graceMs }: ReconcilerOptions): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(ReconcilerModule.of(ready, graceMs), new FastifyAdapter({ forceCloseConnections: 'idle' }), { logger: false });
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  await app.listen(port, host);
  app.get(Log).info('reconciler listens', { url: await app.getUrl(), tenants: ready.settings.tenants.size });
  return app;
}
