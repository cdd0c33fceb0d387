import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common';
import { Log, Queue, ReceiveEvents, SendCommands, Store } from '#core';

/** Nest's token for how long a stopping process may take. Milliseconds. */
export const GRACE_MS = Symbol('grace in milliseconds');

/** Stops in the order that loses nothing: no new webhooks, no new commands, finish what is in hand, give back the rest. */
@Injectable()
export class Shutdown implements BeforeApplicationShutdown, OnApplicationShutdown {
  started = false;

  constructor(
    private readonly events: ReceiveEvents,
    private readonly commands: SendCommands,
    private readonly queue: Queue,
    private readonly store: Store,
    private readonly log: Log,
    @Inject(GRACE_MS) private readonly graceMs: number,
  ) {}

  beforeApplicationShutdown(signal?: string): void {
    this.started = true;
    this.log.info('stopping', { signal });
    this.events.close();
    this.commands.stop();
  }

  /** The HTTP server has closed; what it took is answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.queue.stop(this.graceMs);
    await this.store.close();
    this.log.info('stopped');
  }
}
