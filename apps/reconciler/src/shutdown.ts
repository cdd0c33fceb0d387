import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common';
import { Log, Queue, Reconcile, SendCommands, Store } from '#core';
import { PLUGINS, type OpenPlugins } from '#runtime';
import { NightlyRuns } from './nightly-runs.js';

/** Nest's token for how long a stopping process may take. Milliseconds. */
export const GRACE_MS = Symbol('grace in milliseconds');

/** Lets go of runs so that another process goes on with them at once. */
@Injectable()
export class Shutdown implements BeforeApplicationShutdown, OnApplicationShutdown {
  started = false;

  constructor(
    private readonly reconcile: Reconcile,
    private readonly commands: SendCommands,
    private readonly nightly: NightlyRuns,
    private readonly queue: Queue,
    private readonly store: Store,
    private readonly log: Log,
    @Inject(PLUGINS) private readonly plugins: OpenPlugins,
    @Inject(GRACE_MS) private readonly graceMs: number,
  ) {}

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    this.started = true;
    this.log.info('stopping', { signal });
    this.reconcile.stop();
    this.commands.stop();
    await this.nightly.end();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.stop(this.graceMs);
    await this.plugins.close();
    await this.store.close();
    this.log.info('stopped');
  }
}
