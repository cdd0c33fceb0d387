import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Queue, Store } from '#core';
import { PromMeter } from './telemetry.js';

@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly meter: PromMeter,
    private readonly store: Store,
    private readonly queue: Queue,
  ) {}

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async read(): Promise<string> {
    this.meter.set('connector_backlog', {}, await this.store.backlog());
    for (const { queue, waiting, active } of await this.queue.depths()) {
      this.meter.set('connector_jobs', { queue, state: 'waiting' }, waiting);
      this.meter.set('connector_jobs', { queue, state: 'active' }, active);
    }
    return this.meter.registry.metrics();
  }
}
