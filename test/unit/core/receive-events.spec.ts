import { ReceiveEvents, type NewDelivery } from '#core';
import { event, start } from '../../support/stories.js';
import { Gate, ManualClock, MemoryStore } from './fakes.js';

const delivery = (key: string): NewDelivery => ({ tenant: 'acme', key, receivedAt: start, event: event('registered'), body: '{}' });

function receiving(limit = 100) {
  const store = new MemoryStore(new ManualClock());
  return { store, events: new ReceiveEvents(store, new ManualClock(), limit) };
}

describe('taking webhooks in', () => {
  it('webhooks that arrive together share one write, and each gets its own receipt', async () => {
    const { store, events } = receiving();
    const keys = ['a', 'b', 'c', 'd'];
    const receipts = await Promise.all(keys.map((key) => events.receive(delivery(key))));
    expect(receipts.map(({ id }) => id)).toEqual(['row-of-a', 'row-of-b', 'row-of-c', 'row-of-d']);
    expect(store.batches.map((batch) => batch.length)).toEqual([4]);
  });

  it('webhooks that arrive during a write gather for the next one', async () => {
    const { store, events } = receiving();
    const gate = new Gate();
    store.beforeWrite = () => gate.opened;
    const first = events.receive(delivery('a'));
    await settled();
    const more = ['b', 'c', 'd'].map((key) => events.receive(delivery(key)));
    gate.open();
    expect((await Promise.all([first, ...more])).map(({ id }) => id)).toEqual(['row-of-a', 'row-of-b', 'row-of-c', 'row-of-d']);
    expect(store.batches.map((batch) => batch.map(({ key }) => key))).toEqual([['a'], ['b', 'c', 'd']]);
  });

  it('no webhook is acknowledged before it is written', async () => {
    const { store, events } = receiving();
    const gate = new Gate();
    store.beforeWrite = () => gate.opened;
    let acknowledged = false;
    const receipt = events.receive(delivery('a')).then(() => (acknowledged = true));
    await settled();
    expect(acknowledged).toBe(false);
    gate.open();
    await receipt;
    expect(acknowledged).toBe(true);
  });

  it('a flood is written in batches of bounded size, and none is lost', async () => {
    const { store, events } = receiving();
    const receipts = await Promise.all(Array.from({ length: 1_000 }, (_, i) => events.receive(delivery(String(i)))));
    expect(receipts.map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, i) => `row-of-${i}`));
    expect(Math.max(...store.batches.map((batch) => batch.length))).toBeLessThanOrEqual(250);
  });

  it('the events of one webhook are acknowledged together, when all of them are written, and not when one is not', async () => {
    const { store, events } = receiving();
    const many = Array.from({ length: 600 }, (_, i) => delivery(String(i)));
    expect((await events.receiveAll(many)).map(({ id }) => id)).toEqual(many.map(({ key }) => `row-of-${key}`));
    store.beforeWrite = () => (store.batches.length >= 4 ? Promise.reject(new Error('disk full')) : Promise.resolve());
    await expect(events.receiveAll(many)).rejects.toThrow('disk full');
    expect(await events.receiveAll([])).toEqual([]);
  });

  it('a write that fails is answered as failed to those in it, and the next ones are taken again', async () => {
    const { store, events } = receiving();
    store.beforeWrite = () => Promise.reject(new Error('disk full'));
    const failed = await Promise.allSettled([events.receive(delivery('a')), events.receive(delivery('b'))]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    store.beforeWrite = async () => {};
    expect(await events.receive(delivery('c'))).toEqual({ id: 'row-of-c', redelivered: false });
  });

  it.each([
    [99, 'accepted'],
    [100, 'BACKLOG_FULL'],
    [101, 'BACKLOG_FULL'],
  ])('with %i webhooks undecided and a limit of 100 a new one is %s', async (waiting, answer) => {
    const { store, events } = receiving(100);
    store.waitingDeliveries = waiting;
    expect(await events.receive(delivery('a')).then(() => 'accepted', ({ code }: { code: string }) => code)).toBe(answer);
    expect(store.batches.length).toBe(answer === 'accepted' ? 1 : 0);
  });

  it('more than five thousand unwritten webhooks are not piled up in memory', async () => {
    const { store, events } = receiving();
    const gate = new Gate();
    store.beforeWrite = () => gate.opened;
    const answers = Array.from({ length: 5_500 }, (_, i) => events.receive(delivery(String(i))).then(() => 'written', ({ code }: { code: string }) => code));
    gate.open();
    const all = await Promise.all(answers);
    expect(all.filter((answer) => answer === 'written')).toHaveLength(5_000);
    expect(all.filter((answer) => answer === 'BACKLOG_FULL')).toHaveLength(500);
  });

  it('after closing, new webhooks are refused and those already taken are still written', async () => {
    const { store, events } = receiving();
    const gate = new Gate();
    store.beforeWrite = () => gate.opened;
    const taken = [events.receive(delivery('a'))];
    await settled();
    taken.push(events.receive(delivery('b')));
    events.close();
    await expect(events.receive(delivery('c'))).rejects.toMatchObject({ code: 'SHUTTING_DOWN', retry: 'later' });
    gate.open();
    expect((await Promise.all(taken)).map(({ id }) => id)).toEqual(['row-of-a', 'row-of-b']);
  });

  it.each([
    ['a trickle', 9, 0],
    ['a rush', 90, 300],
  ])('%s lets deciding for its tenant wait for calm as long as it lasts, and no longer than it can; other tenants do not wait', async (_title, perTenth, waited) => {
    const clock = new ManualClock();
    const events = new ReceiveEvents(new MemoryStore(clock), clock, 1_000);
    const come = () => Promise.all(Array.from({ length: perTenth / 3 }, (_, n) => events.receive(delivery(`k-${clock.now()}-${n}`))));
    for (let times = 0; times < 3; times++) await come();
    const began = clock.now();
    await events.calm('another', 10_000);
    expect(clock.now()).toBe(began);
    await events.calm('acme', 10_000);
    expect(clock.now() - began).toBeLessThanOrEqual(waited);
    expect(clock.now() - began >= 100).toBe(waited > 0);
    for (let times = 0; times < 3; times++) await come();
    const again = clock.now();
    await events.calm('acme', 30);
    expect(clock.now() - again).toBeLessThanOrEqual(50);
  });
});

/** Everything that can run without the gate has run. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
