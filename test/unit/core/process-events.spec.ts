import { ConnectorError, ProcessEvents, type Delivery, type WalletEvent } from '#core';
import { aCustomer, event, rules, start } from '../../support/stories.js';
import { KeptLog, KeptMeter, KeptQueue, ManualClock, MemoryStore, noPlugins } from './fakes.js';

const email = 'ana@example.com';
const deliver = (...events: WalletEvent[]): Delivery[] => events.map((happened, i) => ({ id: `d-${i}`, receivedAt: start, event: happened }));
const unreadable = (body: string): Delivery => ({ id: 'd-u', receivedAt: start, event: event('unknown', { name: 'unreadable' }), body });

function processing(rule = rules(), read: (body: string) => WalletEvent = () => { throw new ConnectorError('EVENT_UNREADABLE'); }) {
  const clock = new ManualClock(start + 60_000);
  const store = new MemoryStore(clock);
  const [queue, log, meter] = [new KeptQueue(), new KeptLog(), new KeptMeter()];
  const events = new ProcessEvents(store, queue, { calm: async () => undefined }, (tenant) => (tenant === 'acme' ? rule : undefined), noPlugins, read, clock, log, meter);
  const run = async (...deliveries: Delivery[]) => {
    store.undecided = deliveries;
    await events.run('acme');
    return store.saved.flatMap(({ outcomes }) => outcomes);
  };
  return { store, queue, log, meter, events, run };
}

describe('deciding about what waits', () => {
  it('decides every waiting delivery and saves all of it together', async () => {
    const { store, run } = processing();
    const outcomes = await run(...deliver(...aCustomer('C-42').enrolled({ email, consents: { consents_email: true } }).installed('apple').events));
    expect(outcomes).toMatchObject([{ id: 'd-0', status: 'processed' }, { id: 'd-1', status: 'processed' }]);
    expect(store.saved).toHaveLength(1);
    expect(store.saved[0]!.persons).toHaveLength(1);
    expect(store.saved[0]!.commands.map(({ deliveryId, command }) => `${deliveryId} ${command.do}`)).toEqual(['d-0 track', 'd-0 subscribe', 'd-1 track', 'd-1 upsert-profile']);
  });

  it('says of a profile update that was folded into a later one', async () => {
    const outcomes = await processing().run(...deliver(...aCustomer('C-42').enrolled({ email }).installed('apple').events));
    expect(outcomes[1]!.notes.map(({ by }) => by)).toEqual(['profile']);
  });

  it('says of each delivery whom it turned out to be about, also where that came out later in the batch', async () => {
    const { store, run } = processing();
    const installed = event('pass-installed', { pass: { id: 'P-1' }, wallet: 'Apple', at: start + 5 });
    const created = event('pass-created', { identifiers: { email }, pass: { id: 'P-1' }, at: start + 6 });
    const outcomes = await run(...deliver(...aCustomer('C-42').enrolled({ email }).events, installed, created, event('unknown')));
    const [ana] = [...store.persons.keys()];
    expect(store.persons.size).toBe(1);
    expect(outcomes.map((outcome) => 'personId' in outcome && outcome.personId)).toEqual([ana, ana, ana, false]);
  });

  it('goes on until nothing waits, in batches of bounded size', async () => {
    const { store, run } = processing();
    const outcomes = await run(...deliver(...Array.from({ length: 450 }, (_, i) => aCustomer(`C-${i}`).enrolled().events[0]!)));
    expect(outcomes).toHaveLength(450);
    expect(store.saved.map((changes) => changes.outcomes.length)).toEqual([200, 200, 50]);
  });

  it('remembers within a batch what it has just learned', async () => {
    const { store, run } = processing();
    await run(...deliver(...aCustomer('C-42').enrolled({ email }).events, event('pass-installed', { identifiers: { email }, pass: { id: 'P-1' }, wallet: 'Apple', at: start + 5 }), event('pass-uninstalled', { pass: { id: 'P-1' }, wallet: 'Apple', at: start + 6 })));
    expect(store.persons.size).toBe(1);
  });

  it('leaves the deliveries of a tenant that is not configured in the inbox', async () => {
    const { store, events, log } = processing();
    store.undecided = deliver(event('registered', { identifiers: { email } }));
    await events.run('gone');
    expect(store.undecided).toHaveLength(1);
    expect(log.lines[0]).toMatch(/^warn .*gone/);
  });

  it('does nothing when nothing waits', async () => {
    const { store, queue, run } = processing();
    await run();
    expect([store.saved, queue.sent]).toEqual([[], []]);
  });
});

describe('a delivery that cannot be decided', () => {
  const fine = aCustomer('C-42').enrolled({ email }).events[0]!;

  it('is parked with its code, and the others go on', async () => {
    const { store, run, log, meter } = processing();
    const outcomes = await run(...deliver(fine, event('customer-updated'), aCustomer('C-43').enrolled().events[0]!));
    expect(outcomes).toMatchObject([{ status: 'processed' }, { id: 'd-1', status: 'parked', code: 'EVENT_WITHOUT_PERSON', notes: [{ code: 'EVENT_WITHOUT_PERSON' }] }, { status: 'processed' }]);
    expect(store.saved[0]!.persons).toHaveLength(2);
    expect(log.lines).toEqual([expect.stringMatching(/^error delivery parked .*"delivery":"d-1","code":"EVENT_WITHOUT_PERSON"/)]);
    expect(meter.counted).toContain('connector_parked_total acme EVENT_WITHOUT_PERSON');
  });

  it.each([
    ['while it is decided', () => ({ ...fine, identifiers: { customerId: 'C-9' }, pass: { id: 'P-1' }, wallet: 'Apple' as const, kind: 'pass-installed' as const, at: NaN })],
    ['even before, while its person is looked up', () => ({ ...fine, identifiers: { phone: 'poison' } })],
  ])('is parked when it makes our own code fail %s, and the others go on', async (_when, poison) => {
    const rule = rules({ toE164: (number) => { if (number === 'poison') throw new TypeError('ana@example.com broke it'); return undefined; } });
    const { run, log } = processing(rule);
    const outcomes = await run(...deliver(fine, poison(), aCustomer('C-43').enrolled().events[0]!));
    expect(outcomes).toMatchObject([{ status: 'processed' }, { id: 'd-1', status: 'parked', code: 'PROCESSING_FAILED' }, { status: 'processed' }]);
    expect(JSON.stringify([outcomes, log.lines])).not.toContain('@');
  });

  it('is parked when what follows from it cannot be saved, and the others go on', async () => {
    const { store, run } = processing();
    store.refuses = ({ persons }) => persons.some(({ identifiers }) => identifiers['customerId']?.some(({ value }) => value === 'C-poison'));
    const outcomes = await run(...deliver(fine, aCustomer('C-poison').enrolled().events[0]!, aCustomer('C-43').enrolled().events[0]!));
    expect(outcomes).toMatchObject([{ status: 'processed' }, { id: 'd-1', status: 'parked', code: 'PROCESSING_FAILED' }, { status: 'processed' }]);
    expect(store.undecided).toEqual([]);
  });

  it('parks nothing while the database is away: everything waits for it', async () => {
    const { store, run } = processing();
    store.refuses = () => { throw new ConnectorError('DATABASE_UNAVAILABLE'); };
    await expect(run(...deliver(fine))).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(store.undecided).toHaveLength(1);
  });

  it('leaves no trace of half a decision', async () => {
    const { store, run } = processing();
    await run(...deliver({ ...fine, kind: 'pass-installed', pass: { id: 'P-1' }, wallet: 'Apple', at: NaN }));
    expect(store.saved[0]).toMatchObject({ persons: [], commands: [], absorbed: [] });
  });
});

describe('repairs of a run', () => {
  const live = (count: number) => Array.from({ length: count }, (_, i): Delivery => ({ id: `live-${i}`, receivedAt: start, event: aCustomer(`L-${i}`).enrolled().events[0]! }));
  const repairs = (count: number) => Array.from({ length: count }, (_, i): Delivery => ({ id: `repair-${i}`, receivedAt: start, event: aCustomer(`R-${i}`).enrolled().events[0]!, background: true }));
  const sizes = ({ store }: ReturnType<typeof processing>) => store.saved.map(({ outcomes }) => `${outcomes.length} ${outcomes[0]!.id.split('-')[0]}`);
  const runWith = async (of: ReturnType<typeof processing>, background: boolean, ...deliveries: Delivery[]) => {
    of.store.undecided = deliveries;
    await of.events.run('acme', background);
  };

  it('are left alone by who decides live events, however many wait', async () => {
    const of = processing();
    await runWith(of, false, ...repairs(3), ...live(2));
    expect(sizes(of)).toEqual(['2 live']);
    expect(of.queue.sent).toEqual([]);
    expect(of.store.undecided).toHaveLength(3);
  });

  it('wait for live events that came after them, and go in small batches of their own', async () => {
    const of = processing();
    await runWith(of, true, ...repairs(120), ...live(250));
    expect(sizes(of)).toEqual(['200 live', '50 live', '50 repair', '50 repair', '20 repair']);
    expect(of.store.undecided).toEqual([]);
    expect(of.queue.sent).toEqual([]);
  });

  it('let a live event that comes meanwhile go next', async () => {
    const of = processing();
    of.store.refuses = () => {
      if (of.store.saved.length === 1) of.store.undecided.push(...live(1));
      return false;
    };
    await runWith(of, true, ...repairs(130));
    expect(sizes(of)).toEqual(['50 repair', '50 repair', '1 live', '30 repair']);
  });

  it('go back to the queue after a few batches, so that a live tenant gets its turn', async () => {
    const of = processing();
    await runWith(of, true, ...repairs(400));
    expect(sizes(of)).toEqual(Array.from({ length: 5 }, () => '50 repair'));
    expect(of.queue.sent).toEqual([{ queue: 'process-events', data: { tenant: 'acme', background: true } }]);
  });

  it('that cannot be saved are parked, and never a live event that came just then in their place', async () => {
    const of = processing();
    let failures = 0;
    of.store.refuses = ({ persons }) => {
      const isPoison = persons.some(({ identifiers }) => identifiers['customerId']?.some(({ value }) => value === 'R-1'));
      // The batch, and twice alone; then a live event comes.
      if (isPoison && ++failures === 3) of.store.undecided.unshift(...live(1));
      return isPoison;
    };
    await runWith(of, true, ...repairs(3));
    const ended = of.store.saved.flatMap(({ outcomes }) => outcomes.map(({ id, status }) => `${id} ${status}`));
    expect(ended.toSorted()).toEqual(['live-0 processed', 'repair-0 processed', 'repair-1 parked', 'repair-2 processed']);
  });
});

describe('a body we could not read', () => {
  it('is read again when it is replayed, and then counts', async () => {
    const { store, run } = processing(rules(), (body) => event('registered', { identifiers: { customerId: body } }));
    expect(await run(unreadable('C-42'))).toMatchObject([{ status: 'processed' }]);
    expect([...store.persons.values()][0]!.identifiers['customerId']![0]!.value).toBe('C-42');
  });

  it('is parked again with its code when it still cannot be read: it must not disappear from the operator\'s list', async () => {
    expect(await processing().run(unreadable('{}'))).toMatchObject([{ id: 'd-u', status: 'parked', code: 'EVENT_UNREADABLE' }]);
  });

  it('an event we have no meaning for is kept, visible and without effect', async () => {
    const { store, run } = processing(rules(), () => event('unknown', { name: 'Redirect:Redirected' }));
    expect(await run(unreadable('{}'))).toMatchObject([{ status: 'ignored', notes: [{ says: expect.stringContaining('Redirect:Redirected') }] }]);
    expect(store.saved[0]).toMatchObject({ persons: [], commands: [] });
  });
});

describe('persons who become one within a batch', () => {
  const card = event('registered', { at: start + 1, identifiers: { customerId: 'C-42' }, answers: { consents_email: true } });
  const mail = event('registered', { at: start, identifiers: { email }, attributes: { firstName: 'Ana' } });
  const link = event('customer-updated', { at: start + 2, identifiers: { customerId: 'C-42', email } });

  it.each([
    ['the one with the e-mail first', [mail, card, link]],
    ['the one with the e-mail second', [card, mail, link]],
  ])('get all their commands, and none is left waiting: %s', async (_order, events) => {
    const { store, run } = processing();
    await run(...deliver(...events));
    const [{ persons, absorbed, commands }] = store.saved as [(typeof store.saved)[0]];
    expect(persons).toHaveLength(1);
    expect(absorbed).toEqual([{ from: expect.any(String), into: persons[0]!.id }]);
    expect(commands.map(({ personId, goes }) => [personId, goes])).toEqual(commands.map(() => [persons[0]!.id, 'at-once']));
    expect(commands.map(({ command }) => command.do).sort()).toEqual(['subscribe', 'track', 'track', 'upsert-profile']);
  });

  it('are found again as one in the next batch', async () => {
    const { store, run } = processing();
    await run(...deliver(card, mail, link));
    await run(...deliver(event('customer-updated', { at: start + 9, identifiers: { customerId: 'C-42' }, attributes: { firstName: 'Anne' } })));
    expect(store.persons.size).toBe(1);
    expect(store.saved[1]!.commands).toMatchObject([{ command: { do: 'upsert-profile', attributes: { firstName: 'Anne' } } }]);
  });

  it('an identifier learned last serves the first command of the batch too', async () => {
    const { store, run } = processing();
    await run(...deliver(...aCustomer('C-42').passCreated().updated({ email }).events));
    expect(store.saved[0]!.commands.map(({ goes }) => goes)).toEqual(['at-once', 'at-once']);
  });

  it('a person nobody can reach keeps the commands waiting', async () => {
    const { store, run } = processing();
    await run(...deliver(...aCustomer('C-42').passCreated().events));
    expect(store.saved[0]!.commands.map(({ goes }) => goes)).toEqual(['when-reachable', 'when-reachable']);
  });
});
