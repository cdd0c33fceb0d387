import type { Server } from 'node:http';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Clock, Log, Queue, ReceiveEvents, SendCommands, Store } from '#core';
import { PLUGINS, type OpenPlugins } from '#runtime';

/** Nest's token for how long a stopping process may take. Milliseconds. */
export const GRACE_MS = Symbol('grace in milliseconds');

const lookMs = 50;

/** The part of the time in which a replica is no longer ready, but still takes what comes. */
const leavingShare = 0.2;

/** Stops in the order that loses nothing: no new webhooks, no new commands, finish what is in hand, give back the rest. */
@Injectable()
export class Shutdown implements BeforeApplicationShutdown, OnApplicationShutdown {
  started = false;
  private endsAt = 0;
  private closing: NodeJS.Timeout | undefined;
  private late: NodeJS.Timeout | undefined;

  constructor(
    private readonly events: ReceiveEvents,
    private readonly commands: SendCommands,
    private readonly queue: Queue,
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly host: HttpAdapterHost,
    @Inject(PLUGINS) private readonly plugins: OpenPlugins,
    @Inject(GRACE_MS) private readonly graceMs: number,
  ) {}

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    this.started = true;
    this.log.info('stopping', { signal });
    this.commands.stop();
    this.endsAt = this.clock.now() + this.graceMs;
    // Kubernetes takes a replica out of its service a moment after telling it to stop; the webhooks that still come are taken.
    if (signal === 'SIGTERM') await this.clock.wait(this.graceMs * leavingShare);
    this.events.close();
    const server = this.host.httpAdapter.getHttpServer() as Server;
    // A connection that was busy when the server closed stays open after its answer, until its client lets go of it.
    this.closing = setInterval(() => server.closeIdleConnections(), lookMs);
    // Half of the time is for who is still sending; the other half belongs to the commands in hand.
    this.late = setTimeout(() => server.closeAllConnections(), this.graceMs / 2);
  }

  /** The HTTP server has closed; what it took is answered. */
  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.closing);
    clearTimeout(this.late);
    await this.queue.stop(Math.max(0, this.endsAt - this.clock.now()));
    await this.plugins.close();
    await this.store.close();
    this.log.info('stopped');
  }
}
