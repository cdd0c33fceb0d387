import type { Jobs, QueueName } from '#core';
import { openStore, type OpenStore } from '#store';
import pg from 'pg';
import { queueNames } from '../../libs/store/src/queues.js';
import { inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { sampleDelivery, tenant } from './samples.js';
import { until } from './until.js';

export function queueSuite(database: () => Promise<{ url: string; dispose(): Promise<void> }>): void {
  let opened: { url: string; dispose(): Promise<void> };
  const replicas: OpenStore[] = [];
  const replica = async () => {
    const one = await openStore({ url: opened.url, log: silentLog });
    replicas.push(one);
    return one;
  };

  beforeAll(async () => {
    opened = await database();
  });
  afterAll(() => opened.dispose());
  afterEach(async () => {
    await Promise.all(replicas.splice(0).map(({ close }) => close()));
    await inDatabase(opened.url, `delete from pgboss.job where name not like '\\_\\_%'; delete from pgboss.schedule`);
  });

  const collect = async <N extends QueueName>({ queue }: OpenStore, name: N) => {
    const batches: Jobs[N][][] = [];
    await queue.work(name, async (jobs) => void batches.push(jobs));
    return batches;
  };

  it('looks for jobs with a statement that the server plans once, not anew each time', async () => {
    const asked = jest.spyOn(pg.Client.prototype, 'query');
    try {
      await collect(await replica(), 'process-events');
      const looks = () => asked.mock.calls.map(([query]) => query as unknown).filter((query) => /job_common[^]*'process-events'/.test(typeof query === 'string' ? query : (query as { text: string }).text));
      await until(() => looks().length > 0);
      expect(looks().map((query) => typeof query === 'object' && typeof (query as { name?: unknown }).name)).not.toContain(false);
    } finally {
      asked.mockRestore();
    }
  });

  it('hands a worker everything that waits at once', async () => {
    const one = await replica();
    for (const tries of [0, 1, 1]) await one.queue.send({ queue: 'read-back', data: { tenant, commandId: 'c', tries } });
    const batches = await collect(one, 'read-back');
    await until(() => batches.length > 0);
    expect(batches.map((batch) => batch.map(({ tries }) => tries).sort())).toEqual([[0, 1, 1]]);
  });

  it('wakes the worker of this process as soon as a job is on disk', async () => {
    const one = await replica();
    const batches = await collect(one, 'process-events');
    await until(async () => (await one.queue.depths()).length > 0);
    const waits: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      await one.store.receive([sampleDelivery()]);
      const committed = performance.now();
      await until(() => batches.length > i);
      waits.push(performance.now() - committed);
    }
    // Polling alone would take a quarter of a second in the middle.
    expect(waits.sort((a, b) => a - b)[5]).toBeLessThan(200);
  });

  it('wakes a free hand while another is busy for long', async () => {
    const one = await replica();
    const started: number[] = [];
    await one.queue.work('send-commands', (jobs) => {
      started.push(performance.now());
      return jobs.some(({ lane }) => lane === 'track') ? new Promise<void>((resolve) => setTimeout(resolve, 3_000)) : Promise.resolve();
    });
    await one.queue.send({ queue: 'send-commands', data: { tenant, lane: 'track' } });
    await until(() => started.length === 1);
    const waits: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      await one.queue.send({ queue: 'send-commands', data: { tenant, lane: 'subscribe' } });
      const sent = performance.now();
      await until(() => started.length === i + 2);
      waits.push(started[i + 1]! - sent);
    }
    expect(waits.sort((a, b) => a - b)[2]).toBeLessThan(200);
  });

  it('has a free hand for a live job however many in the background are in hand', async () => {
    const one = await replica();
    let busy = 0;
    let heard = 0;
    const held = new Promise<void>(() => undefined);
    await one.queue.work('send-commands', (jobs) => {
      const background = jobs.every((job) => job.background);
      if (background) busy += 1;
      else heard += 1;
      return background ? held : Promise.resolve();
    });
    const lanes = ['track', 'upsert-profile', 'subscribe', 'unsubscribe', 'look-up', 'notify', 'push-update'] as const;
    const send = () => Promise.all(lanes.map((lane) => one.queue.send({ queue: 'send-commands', data: { tenant, lane, background: true } })));
    for (const hands = 3; busy < hands; ) {
      const before = busy;
      await send();
      await until(() => busy > before);
    }
    await send();
    // None of the background ever lets go.
    for (let i = 1; i <= 5; i += 1) {
      await one.queue.send({ queue: 'send-commands', data: { tenant, lane: 'track' } });
      await until(() => heard >= i);
    }
    expect(busy).toBe(3);
    await one.queue.stop(1);
  });

  it('gives a job to one of several replicas', async () => {
    const [one, two] = [await replica(), await replica()];
    const [ofOne, ofTwo] = [await collect(one, 'read-back'), await collect(two, 'read-back')];
    for (let tries = 0; tries < 30; tries += 1) await (tries % 2 ? one : two).queue.send({ queue: 'read-back', data: { tenant, commandId: 'c', tries } });
    const done = () => [...ofOne, ...ofTwo].flat().map(({ tries }) => tries);
    await until(() => done().length >= 30);
    expect(done().sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('runs a job again whose worker threw', async () => {
    const one = await replica();
    let runs = 0;
    await one.queue.work('tidy', async () => {
      runs += 1;
      if (runs === 1) throw new Error('first time');
    });
    await one.queue.send({ queue: 'tidy', data: {} });
    await until(() => runs === 2);
  });

  it('holds a job back until its time has come', async () => {
    const one = await replica();
    const batches = await collect(one, 'follow-import');
    const sent = Date.now();
    await one.queue.send({ queue: 'follow-import', data: { tenant, receipt: 'later' }, afterMs: 900 });
    await one.queue.send({ queue: 'follow-import', data: { tenant, receipt: 'now' } });
    await until(() => batches.flat().length === 2);
    expect(Date.now() - sent).toBeGreaterThanOrEqual(850);
    expect(batches.flat().map(({ receipt }) => receipt)).toEqual(['now', 'later']);
  });

  it('keeps one of many like jobs that are due at the same moment later on, and every job that is due now', async () => {
    const one = await replica();
    for (let i = 0; i < 20; i += 1) await one.queue.send({ queue: 'send-commands', data: { tenant, lane: 'track' }, afterMs: 60_000 });
    const later = (await one.queue.depths()).find(({ queue }) => queue === 'send-commands')!;
    // Twenty sends can straddle a second or two.
    expect(later.waiting).toBeLessThanOrEqual(4);
    for (let i = 0; i < 5; i += 1) await one.queue.send({ queue: 'send-commands', data: { tenant, lane: 'track' } });
    expect((await one.queue.depths()).find(({ queue }) => queue === 'send-commands')!.waiting).toBe(later.waiting + 5);
  });

  it('tells how much waits and how much is in hand', async () => {
    const one = await replica();
    let finish!: () => void;
    await one.queue.work('tidy', () => new Promise<void>((resolve) => (finish = resolve)));
    await one.queue.send({ queue: 'tidy', data: {} });
    await until(() => finish !== undefined);
    await one.queue.send({ queue: 'tidy', data: {} });
    expect(await one.queue.depths()).toEqual(
      queueNames.map((queue) =>
        queue === 'tidy' ? { queue, waiting: 1, active: 1 } : { queue, waiting: 0, active: 0 },
      ),
    );
    finish();
    await until(async () => (await one.queue.depths()).find(({ queue }) => queue === 'tidy')!.waiting === 0);
    finish();
  });

  it('refuses a second worker for the same queue', async () => {
    const one = await replica();
    await one.queue.work('tidy', async () => undefined);
    await expect(one.queue.work('tidy', async () => undefined)).rejects.toThrow('tidy');
  });

  it('keeps one schedule however many replicas ask for it', async () => {
    const [one, two] = [await replica(), await replica()];
    await Promise.all([one, two].map(({ queue }) => queue.every('17 3 * * *', { queue: 'tidy', data: {} })));
    expect(await inDatabase(opened.url, `select name, cron from pgboss.schedule`)).toEqual([{ name: 'tidy', cron: '17 3 * * *' }]);
  });

  it('finishes what is in hand when stopped', async () => {
    const one = await replica();
    let started = false;
    let finished = false;
    await one.queue.work('tidy', async () => {
      started = true;
      await new Promise((resolve) => setTimeout(resolve, 300));
      finished = true;
    });
    await one.queue.send({ queue: 'tidy', data: {} });
    await until(() => started);
    await one.queue.stop(10_000);
    expect(finished).toBe(true);
    expect(await inDatabase(opened.url, `select 1 from pgboss.job where name = 'tidy' and state <> 'completed'`)).toEqual([]);
  });

  it('gives back what is still in hand when the grace is over', async () => {
    const [one, two] = [await replica(), await replica()];
    let started = false;
    await one.queue.work('tidy', () => {
      started = true;
      return new Promise<void>(() => undefined);
    });
    await one.queue.send({ queue: 'tidy', data: {} });
    await until(() => started);
    await one.queue.stop(1);
    const batches = await collect(two, 'tidy');
    await until(() => batches.length > 0);
  });
}
