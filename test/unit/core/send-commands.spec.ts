import { AllowNotifications, bareEvent, FollowImport, ReadBack, SendCommands, type Answer, type Outgoing } from '#core';
import { Gate, KeptLog, KeptMeter, KeptQueue, ManualClock, MemoryStore, noPlugins, ToldMarketing, ToldWallet } from './fakes.js';

const track = (id: string): Outgoing => ({ id, attempts: 0, identity: { email: 'ana@example.com' }, command: { do: 'track', uniqueId: `u-${id}`, metric: 'Wallet Pass Installed', at: 0, properties: {}, backfill: false } });
const unsubscribe = (id: string, own: Partial<Outgoing> = {}): Outgoing => ({ id, attempts: 0, identity: { email: 'ana@example.com' }, command: { do: 'unsubscribe', listId: 'NEWS', channel: 'email', withdrawnAt: 0, field: 'consents_email' }, ...own });
const many = (count: number) => Array.from({ length: count }, (_, i) => track(`c-${String(i).padStart(6, '0')}`));
const settled = () => new Promise((resolve) => setImmediate(resolve));

function sending() {
  const clock = new ManualClock();
  const store = new MemoryStore(clock);
  const [queue, marketing, wallet, log, meter] = [new KeptQueue(), new ToldMarketing(), new ToldWallet(), new KeptLog(), new KeptMeter()];
  return { clock, store, queue, marketing, wallet, log, meter, commands: new SendCommands(store, queue, marketing, wallet, new AllowNotifications(noPlugins, store, () => undefined, clock), clock, log, meter) };
}

describe('sending what waits', () => {
  it('sends all that is due and writes every answer down', async () => {
    const { store, marketing, commands, meter } = sending();
    store.put('track', ...many(25));
    await commands.run('acme', 'track');
    expect(marketing.sent.map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect(store.settled.flatMap(({ answers }) => answers.map(({ id }) => id)).sort()).toEqual(many(25).map(({ id }) => id));
    expect(meter.counted.filter((line) => line === 'connector_commands_total acme track accepted')).toHaveLength(25);
  });

  it('touches only its own lane', async () => {
    const { store, marketing, commands } = sending();
    store.put('unsubscribe', unsubscribe('c-1'));
    await commands.run('acme', 'track');
    expect(marketing.sent).toEqual([]);
  });

  it('does not pile up calls without end: ten are on their way at the most', async () => {
    const { store, marketing, commands } = sending();
    marketing.items = 1;
    const gates: Gate[] = [];
    let [now, most] = [0, 0];
    marketing.beforeAnswer = async () => {
      most = Math.max(most, ++now);
      const gate = new Gate();
      gates.push(gate);
      await gate.opened;
      now--;
    };
    store.put('track', ...many(30));
    const run = commands.run('acme', 'track');
    while (gates.length < 30) {
      await settled();
      for (const gate of gates) gate.open();
    }
    await run;
    expect(most).toBe(10);
    expect(marketing.sent).toHaveLength(30);
  });

  it('what is put back for later goes out when its time has come', async () => {
    const { clock, store, queue, marketing, commands } = sending();
    store.put('track', track('c-000001'));
    marketing.answer = ({ id }) => ({ id, outcome: 'later', code: 'KLAVIYO_BUSY', waitMs: 7_000 });
    await commands.run('acme', 'track');
    expect(queue.sent).toEqual([{ queue: 'send-commands', data: { tenant: 'acme', lane: 'track' }, afterMs: 7_000 }]);
    clock.at += 7_000;
    marketing.answer = ({ id }) => ({ id, outcome: 'accepted' });
    await commands.run('acme', 'track');
    expect(store.commands[0]!.state).toBe('done');
  });

  it('a refused command is reported by id and code only', async () => {
    const { store, marketing, commands, log } = sending();
    store.put('track', track('c-000001'));
    marketing.answer = ({ id }) => ({ id, outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM', words: 'ana@example.com is not valid' });
    await commands.run('acme', 'track');
    expect(log.lines).toEqual([expect.stringMatching(/c-000001.*KLAVIYO_REFUSED_ITEM/)]);
    expect(log.lines.join()).not.toContain('@');
  });
});

describe('waiting for Klaviyo\'s limits', () => {
  it('a short wait is waited out on the spot', async () => {
    const { clock, store, queue, marketing, commands } = sending();
    store.put('track', track('c-000001'));
    marketing.waits = [300, 1_000];
    await commands.run('acme', 'track');
    expect(clock.waits).toEqual([300, 1_000]);
    expect(queue.sent).toEqual([]);
    expect(marketing.sent).toHaveLength(1);
  });

  it('a long wait goes back to the queue, so that nobody stands in line meanwhile', async () => {
    const { clock, store, queue, marketing, commands } = sending();
    store.put('track', track('c-000001'));
    marketing.waits = [1_001];
    await commands.run('acme', 'track');
    expect(clock.waits).toEqual([]);
    expect(queue.sent).toEqual([{ queue: 'send-commands', data: { tenant: 'acme', lane: 'track' }, afterMs: 1_001 }]);
    expect(marketing.sent).toEqual([]);
  });

  it('many short waits in a row give way to other tenants after ten seconds', async () => {
    const { clock, store, queue, marketing, commands } = sending();
    store.put('track', track('c-000001'));
    marketing.waits = Array.from({ length: 20 }, () => 1_000);
    const began = clock.now();
    await commands.run('acme', 'track');
    expect(clock.now() - began).toBeLessThanOrEqual(11_000);
    expect(queue.sent).toEqual([{ queue: 'send-commands', data: { tenant: 'acme', lane: 'track' }, afterMs: 0 }]);
  });

  it('leave to send that finds nothing to send is given back', async () => {
    const { store, queue, marketing, commands } = sending();
    store.put('track', track('c-000001'));
    store.claim = async () => [];
    await commands.run('acme', 'track');
    expect(marketing.released).toBe(1);
    expect(queue.sent).toMatchObject([{ afterMs: 1_000 }]);
  });

  it('leave to send is given back when the database fails, and the failure is the queue\'s to repeat', async () => {
    const { store, marketing, commands } = sending();
    store.put('track', track('c-000001'));
    store.beforeClaim = () => Promise.reject(new Error('connection lost'));
    await expect(commands.run('acme', 'track')).rejects.toThrow('connection lost');
    expect(marketing.released).toBe(1);
  });

  it('answers that cannot be written down end the turn loudly, after all others are written', async () => {
    const { store, marketing, commands } = sending();
    marketing.items = 1;
    store.put('track', ...many(3));
    const settle = store.settle.bind(store);
    store.settle = (tenant, answers, jobs) => (answers[0]!.id === 'c-000000' ? Promise.reject(new Error('connection lost')) : settle(tenant, answers, jobs));
    await expect(commands.run('acme', 'track')).rejects.toThrow('connection lost');
    expect(store.settled.length).toBe(marketing.sent.length - 1);
  });
});

describe('one sender per lane', () => {
  it('a second call while the first runs starts no second sender, and nothing that came meanwhile is forgotten', async () => {
    const { store, marketing, commands } = sending();
    const gate = new Gate();
    marketing.beforeAnswer = () => gate.opened;
    store.put('track', track('c-000001'));
    const first = commands.run('acme', 'track');
    await settled();
    store.put('track', track('c-000002'));
    await commands.run('acme', 'track');
    gate.open();
    await first;
    expect(store.commands.map(({ state }) => state)).toEqual(['done', 'done']);
  });

  it('a command that comes just as the sender finds nothing more is not left lying', async () => {
    const { store, commands } = sending();
    const gate = new Gate();
    const waiting = store.waiting.bind(store);
    store.waiting = async (tenant, lane) => {
      const seen = await waiting(tenant, lane);
      await gate.opened;
      return seen;
    };
    const first = commands.run('acme', 'track');
    await settled();
    store.put('track', track('c-000001'));
    await commands.run('acme', 'track');
    gate.open();
    await first;
    expect(store.commands.map(({ state }) => state)).toEqual(['done']);
  });

  it('stopping finishes what is in hand, takes nothing new and leaves word for the next replica', async () => {
    const { store, queue, marketing, commands } = sending();
    const gate = new Gate();
    marketing.items = 1;
    marketing.beforeAnswer = () => gate.opened;
    store.put('track', ...many(30));
    let ended = false;
    const run = commands.run('acme', 'track').then(() => (ended = true));
    await settled();
    commands.stop();
    await settled();
    expect(ended).toBe(false);
    const inHand = store.commands.filter(({ state }) => state === 'in hand').length;
    expect(inHand).toBe(10);
    gate.open();
    await run;
    expect(store.commands.filter(({ state }) => state === 'in hand')).toEqual([]);
    expect(store.commands.filter(({ state }) => state === 'done').length).toBeLessThanOrEqual(inHand + 1);
    expect(queue.sent).toEqual([{ queue: 'send-commands', data: { tenant: 'acme', lane: 'track' }, afterMs: 1_000 }]);
  });

  it.each([
    ['stopping', ({ commands }: ReturnType<typeof sending>) => commands.stop()],
    ['whose turn is over', ({ clock }: ReturnType<typeof sending>) => void (clock.at += 10_001)],
  ])('a sender %s leaves word that counts even if its own process is the first to hear it', async (_title, end) => {
    const of = sending();
    const gate = new Gate();
    of.marketing.items = 1;
    of.marketing.beforeAnswer = () => gate.opened;
    of.store.put('track', ...many(30));
    const run = of.commands.run('acme', 'track');
    await settled();
    end(of);
    let heard: Promise<void> | undefined;
    of.queue.send = async (job) => {
      of.queue.sent.push(job);
      heard ??= of.commands.run('acme', 'track');
    };
    await settled();
    gate.open();
    await run;
    await heard;
    const words = of.queue.sent.length;
    expect(heard).toBeDefined();
    expect(of.store.commands.every(({ state }) => state === 'done') || words === 2).toBe(true);
  });
});

describe('what goes in the background', () => {
  it('is a lane of its own: neither sends what belongs to the other, nor asks for its leave', async () => {
    const { store, marketing, commands } = sending();
    store.put('track', track('c-000001'));
    store.putInBackground('track', track('c-000002'));
    await commands.run('acme', 'track');
    expect([store.commands.map(({ state }) => state), marketing.askedInBackground]).toEqual([['done', 'waiting'], [false]]);
    await commands.run('acme', 'track', true);
    expect([store.commands.map(({ state }) => state), marketing.askedInBackground]).toEqual([['done', 'done'], [false, true]]);
  });

  it('keeps nothing live waiting while its requests are on their way, three at the most', async () => {
    const { store, marketing, commands } = sending();
    const gate = new Gate();
    marketing.items = 1;
    marketing.beforeAnswer = () => (marketing.sent.at(-1)![0]!.id.startsWith('c-b') ? gate.opened : Promise.resolve());
    store.putInBackground('track', ...Array.from({ length: 9 }, (_, i) => track(`c-b0000${i}`)));
    const background = commands.run('acme', 'track', true);
    await settled();
    expect(marketing.sent).toHaveLength(3);
    store.put('track', track('c-000001'));
    await commands.run('acme', 'track');
    expect(store.commands.map(({ state }) => state)).toEqual([...Array<string>(3).fill('in hand'), ...Array<string>(6).fill('waiting'), 'done']);
    gate.open();
    await background;
    expect(store.commands.every(({ state }) => state === 'done')).toBe(true);
  });

  it('comes back in the background, and so does the look at its imports', async () => {
    const { store, queue, marketing, commands, log } = sending();
    store.putInBackground('upsert-profile', track('c-000001'));
    marketing.waits = [5_000];
    await commands.run('acme', 'upsert-profile', true);
    expect(queue.sent).toEqual([{ queue: 'send-commands', data: { tenant: 'acme', lane: 'upsert-profile', background: true }, afterMs: 5_000 }]);
    marketing.answer = ({ id }) => ({ id, outcome: 'importing', receipt: 'job-1', position: 0 });
    await commands.run('acme', 'upsert-profile', true);
    expect(store.settled.flatMap(({ jobs }) => jobs)).toEqual([{ queue: 'follow-import', data: { tenant: 'acme', receipt: 'job-1', background: true }, afterMs: 2_000 }]);
    marketing.progress = { done: false, waitMs: 4_000 };
    await new FollowImport(store, queue, marketing, log).run('acme', 'job-1', true);
    expect(queue.sent.at(-1)).toEqual({ queue: 'follow-import', data: { tenant: 'acme', receipt: 'job-1', background: true }, afterMs: 4_000 });
    expect(marketing.askedInBackground).toEqual([true, true, true]);
  });

  it.each([
    ['a few updates wait while a run finds more of them', 'upsert-profile', 1_999, true, 0],
    ['so many that they are worth a call go at once', 'upsert-profile', 2_000, true, 2_000],
    ['what is asked of The Wallet Crew goes at once', 'look-up', 1, true, 1],
    ['they go when the run finds no more', 'upsert-profile', 1_999, false, 1_999],
  ] as const)('goes together, for each call costs something: %s', async (_title, lane, count, gathers, sent) => {
    const { store, queue, marketing, wallet, commands } = sending();
    marketing.items = 2_000;
    store.gathers = gathers;
    store.putInBackground(lane, ...many(count));
    await commands.run('acme', lane, true);
    expect([...marketing.sent, ...wallet.sent].flat()).toHaveLength(sent);
    // It looks again soon.
    if (sent === 0) expect(queue.sent).toEqual([{ queue: 'send-commands', data: { tenant: 'acme', lane, background: true }, afterMs: 2_000 }]);
  });

  it('is not read back one by one: the next run reads all events', async () => {
    const { store, commands } = sending();
    store.putInBackground('track', track('c-000000'));
    await commands.run('acme', 'track', true);
    expect(store.settled.flatMap(({ jobs }) => jobs)).toEqual([]);
  });

  it.each([
    ['by reconciliation is told as found out afterwards', { backfill: true as const }, true],
    ['by a flow is news', {}, undefined],
  ])('a look-up that was asked for %s', async (_who, own, backfill) => {
    const { store, wallet, commands } = sending();
    wallet.answer = ({ id }) => ({ id, outcome: 'accepted', told: bareEvent({ kind: 'looked-up', name: 'look-up', at: 0 }) });
    store.putInBackground('look-up', { id: 'c-1', attempts: 0, identity: {}, command: { do: 'look-up', profile: { email: 'ana@example.com' }, by: [], ...own } });
    await commands.run('acme', 'look-up', true);
    expect(store.settled[0]!.answers[0]!.told!.backfill).toBe(backfill);
  });
});

describe('"not a member" of a list', () => {
  const notAMember = ({ id }: Outgoing): Answer => ({ id, outcome: 'skipped', code: 'KLAVIYO_NOT_A_MEMBER' });

  it.each([
    ['just after our own subscription is looked at again', 10_000, 'later'],
    ['five minutes after our own subscription is looked at again', 300_000, 'later'],
    ['long after our own subscription is believed', 300_001, 'skipped'],
    ['without a subscription of ours is believed', undefined, 'skipped'],
  ])('%s', async (_title, sinceOppositeMs, outcome) => {
    const { store, marketing, commands } = sending();
    marketing.answer = notAMember;
    store.put('unsubscribe', unsubscribe('c-1', sinceOppositeMs === undefined ? {} : { sinceOppositeMs }));
    await commands.run('acme', 'unsubscribe');
    expect(store.settled.flatMap(({ answers }) => answers)).toMatchObject([{ outcome, code: 'KLAVIYO_NOT_A_MEMBER' }]);
  });

  it('another reason to skip is never second-guessed', async () => {
    const { store, marketing, commands } = sending();
    marketing.answer = ({ id }) => ({ id, outcome: 'skipped', code: 'KLAVIYO_NEWER_CONSENT' });
    store.put('unsubscribe', unsubscribe('c-1', { sinceOppositeMs: 1 }));
    await commands.run('acme', 'unsubscribe');
    expect(store.settled[0]!.answers).toMatchObject([{ outcome: 'skipped' }]);
  });
});

describe('what follows an answer', () => {
  it('one look per import, however many profiles it holds', async () => {
    const { store, marketing, commands } = sending();
    marketing.answer = ({ id }) => ({ id, outcome: 'importing', receipt: 'job-1', position: 0 });
    store.put('upsert-profile', track('c-1'), track('c-2'));
    await commands.run('acme', 'upsert-profile');
    expect(store.settled.flatMap(({ jobs }) => jobs)).toEqual([{ queue: 'follow-import', data: { tenant: 'acme', receipt: 'job-1' }, afterMs: 2_000 }]);
  });

  it('one accepted event in a hundred is read back, the same ones on every retry', async () => {
    const { store, commands } = sending();
    store.put('track', ...Array.from({ length: 300 }, (_, i) => track(`c-${i.toString(16).padStart(6, '0')}`)));
    await commands.run('acme', 'track');
    expect(store.settled.flatMap(({ jobs }) => jobs).map(({ data }) => data)).toEqual([0, 100, 200].map((i) => ({ tenant: 'acme', commandId: `c-${i.toString(16).padStart(6, '0')}`, tries: 0 })));
  });

  it('an import that is not done is looked at again, and nothing is settled', async () => {
    const { store, queue, marketing, log } = sending();
    marketing.progress = { done: false, waitMs: 4_000 };
    await new FollowImport(store, queue, marketing, log).run('acme', 'job-1');
    expect(store.imports).toEqual([]);
    expect(queue.sent).toEqual([{ queue: 'follow-import', data: { tenant: 'acme', receipt: 'job-1' }, afterMs: 4_000 }]);
  });

  it.each([
    ['finished', { done: true, lost: false, refused: [] }, 0],
    ['finished with refused profiles', { done: true, lost: false, refused: [{ position: 3, code: 'KLAVIYO_REFUSED_ITEM', words: 'ana@example.com is bad' }] }, 1],
    ['lost', { done: true, lost: true, refused: [] }, 1],
  ] as const)('an import that is %s is settled', async (_how, progress, warnings) => {
    const { store, queue, marketing, log } = sending();
    marketing.progress = { ...progress, refused: [...progress.refused] };
    await new FollowImport(store, queue, marketing, log).run('acme', 'job-1');
    expect(store.imports).toEqual([{ receipt: 'job-1', ...progress }]);
    expect(queue.sent).toEqual([]);
    expect(log.lines).toHaveLength(warnings);
    expect(log.lines.join()).not.toContain('@');
  });

  it.each([
    ['an event Klaviyo shows is marked as seen', true, 0, [['c-1', true]], 0, 0],
    ['an event Klaviyo does not show yet is looked for again', false, 0, [], 1, 0],
    ['a look that could not be made is made again', undefined, 3, [], 1, 0],
    ['an event that stays away is reported after five looks', false, 4, [['c-1', false]], 0, 1],
    ['an event that could never be looked for is reported neither way', undefined, 4, [], 0, 0],
  ] as const)('%s', async (_title, shows, tries, marks, again, warnings) => {
    const { store, queue, marketing, log } = sending();
    store.put('track', track('c-1'));
    marketing.shows = shows;
    await new ReadBack(store, queue, marketing, log).run('acme', 'c-1', tries);
    expect(store.seenMarks).toEqual(marks);
    expect(queue.sent.map(({ data }) => data)).toEqual(again ? [{ tenant: 'acme', commandId: 'c-1', tries: tries + 1 }] : []);
    expect(log.lines).toHaveLength(warnings);
  });

  it('only events are read back', async () => {
    const { store, queue, marketing, log } = sending();
    store.put('unsubscribe', unsubscribe('c-1'));
    await new ReadBack(store, queue, marketing, log).run('acme', 'c-1', 0);
    await new ReadBack(store, queue, marketing, log).run('acme', 'gone', 0);
    expect([store.seenMarks, queue.sent]).toEqual([[], []]);
  });
});
