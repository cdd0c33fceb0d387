import { ConnectorError, type QueueDepth } from '#core';
import { MetricsController, PromMeter } from '#runtime';
import { KeptQueue, ManualClock, MemoryStore } from '../core/fakes.js';

/** Metrics of a process whose database does what a test says. */
function metrics() {
  const [store, queue, meter] = [new MemoryStore(new ManualClock()), new KeptQueue(), new PromMeter()];
  queue.depths = async (): Promise<QueueDepth[]> => [{ queue: 'process-events', waiting: 2, active: 1 }];
  meter.count('connector_webhooks_total', { tenant: 'acme', answer: '202' });
  return { queue, read: () => new MetricsController(meter, store, queue).read() };
}

const counted = 'connector_webhooks_total{tenant="acme",answer="202"} 1';

describe('the metrics', () => {
  it('tell what waits in the database', async () => {
    const text = await metrics().read();
    expect(text).toContain('connector_backlog 0');
    expect(text).toContain('connector_jobs{queue="process-events",state="waiting"} 2');
  });

  it.each([
    ['is away', () => Promise.reject(new ConnectorError('DATABASE_UNAVAILABLE'))],
    ['does not answer', () => new Promise<never>(() => {})],
  ])('leave that out while the database %s, and are served all the same', async (_title, depths) => {
    const { queue, read } = metrics();
    await read();
    const { depths: before } = queue;
    queue.depths = depths;
    const away = await read();
    expect(away).toContain(counted);
    expect(away).not.toMatch(/connector_(backlog|jobs)/);
    queue.depths = before;
    expect(await read()).toContain('connector_backlog 0');
  });
});
