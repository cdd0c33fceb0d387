import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Log } from '#core';
import { listen, type Ready } from '#runtime';
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
  const url = await listen(app, { host, port });
  app.get(Log).info('reconciler listens', { url, tenants: ready.settings.tenants.size });
  return app;
}
