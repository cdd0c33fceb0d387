import { Clock, ConnectorError, DecideBatch, PersonIndex, type Changes, type Delivery, type DeliveryOutcome, type PluginHost, type Rules } from '#core';

/** A tenant's world that begins empty and is forgotten: deliveries change what is known, and their commands are only looked at. */
export class MemoryWorld {
  private readonly persons = new PersonIndex();
  private readonly clock = new RecordedClock();
  private readonly decide: DecideBatch;

  constructor(
    plugins: PluginHost,
    private readonly rules: Rules,
  ) {
    this.decide = new DecideBatch(plugins, this.clock, parked);
  }

  async take(deliveries: readonly Delivery[]): Promise<Changes> {
    this.clock.at = Math.max(...deliveries.map(({ receivedAt }) => receivedAt));
    const changes = await this.decide.run({ persons: async (keys) => this.persons.owners(keys) }, this.rules, deliveries);
    for (const { from } of changes.absorbed) this.persons.remove(from);
    for (const person of changes.persons) this.persons.put(person);
    return changes;
  }
}

function parked(id: string, _tenant: string, error: unknown): DeliveryOutcome {
  return { id, status: 'parked', code: error instanceof ConnectorError ? error.code : 'PROCESSING_FAILED', notes: [] };
}

/** The time at which deliveries came; so an event that was in time then is in time now. */
class RecordedClock extends Clock {
  at = 0;

  now(): number {
    return this.at;
  }

  async wait(): Promise<void> {}

  nextTurn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }
}
