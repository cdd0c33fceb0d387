import { Notifications, type Clock, type NotificationLimit } from '#core';

/** The promises of the port in memory; the port suite runs over it too. */
export class MemoryNotifications extends Notifications {
  readonly notes = new Map<string, { tenant: string; passId: string; at: number }>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {
    super();
  }

  async begin(tenant: string, commandId: string, passId: string, limit?: NotificationLimit): Promise<'go' | 'begun-before' | 'over-limit'> {
    if (this.notes.has(commandId)) return 'begun-before';
    const recent = [...this.notes.values()].filter((note) => note.tenant === tenant && note.passId === passId && limit !== undefined && note.at > this.clock.now() - limit.withinMs);
    if (limit && recent.length >= limit.most) return 'over-limit';
    this.notes.set(commandId, { tenant, passId, at: this.clock.now() });
    return 'go';
  }

  async takeBack(commandId: string): Promise<void> {
    this.notes.delete(commandId);
  }
}
