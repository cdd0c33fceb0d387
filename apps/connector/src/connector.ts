import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Log } from '#core';
import { loadSdk } from '#klaviyo';
import { listen, startWorkers, type Ready } from '#runtime';
import { AppModule } from './app.module.js';
import { systemWebhookPath } from './system-webhook.controller.js';

export interface ConnectorOptions {
  host: string;
  port: number;
  graceMs: number;
  /** False: takes webhooks and leaves deciding and sending to other replicas. */
  workers: boolean;
}

export interface RunningConnector {
  app: NestFastifyApplication;
  url: string;
}

/** Puts the HTTP app together and listens. */
export async function startConnector(ready: Ready, options: ConnectorOptions): Promise<RunningConnector> {
  const adapter = new FastifyAdapter({ bodyLimit: ready.settings.limits.bodyBytes, forceCloseConnections: 'idle' });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(ready, options.graceMs), adapter, { bodyParser: false, logger: false });
  // Bodies stay bytes: a signature covers them as they came.
  const fastify = adapter.getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  // A thousand events of Klaviyo come in one body; everybody else's stay small.
  fastify.addHook('onRoute', (route) => {
    if (route.url.endsWith(systemWebhookPath)) route.bodyLimit = ready.settings.limits.systemWebhookBytes;
  });
  // Otherwise Nest sends itself the signal again once all is closed, and a clean stop would look like a crash.
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });

  const document = SwaggerModule.createDocument(app, new DocumentBuilder().setTitle('Wallet Crew ↔ Klaviyo connector').setVersion('1').addBearerAuth().build());
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'openapi.json' });

  if (options.workers) await startWorkers(app);
  const url = await listen(app, options);
  // Takes most of a second: not before we listen, and not when the first command is already waiting.
  if (options.workers) void loadSdk();
  app.get(Log).info('connector listens', { url, workers: options.workers, tenants: ready.settings.tenants.size });
  return { app, url };
}
