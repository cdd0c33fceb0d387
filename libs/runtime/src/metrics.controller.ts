import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Queue, Store, type QueueDepth } from '#core';
import { inTime } from './in-time.js';
import { PromMeter } from './telemetry.js';

/** So long the database may think about what it is asked for; whoever scrapes gives up soon after. */
const mostMs = 1_500;

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
    const held = await inTime(Promise.all([this.store.backlog(), this.queue.depths()]), mostMs).catch(() => undefined);
    // What it was before the database went away is not what it is now.
    this.meter.forget('connector_backlog', 'connector_jobs');
    if (held) this.show(...held);
    return this.meter.registry.metrics();
  }

  private show(backlog: number, depths: QueueDepth[]): void {
    this.meter.set('connector_backlog', {}, backlog);
    for (const { queue, waiting, active } of depths) {
      this.meter.set('connector_jobs', { queue, state: 'waiting' }, waiting);
      this.meter.set('connector_jobs', { queue, state: 'active' }, active);
    }
  }
}
