import fc from 'fast-check';
import { PollOptOuts, type Channel, type OptOuts, type WalletEvent } from '#core';
import { event } from '../../support/stories.js';
import { KeptLog, KeptQueue, ManualClock, MemoryStore, ToldMarketing } from './fakes.js';

const minute = 60_000;
const day = 24 * 60 * minute;

function polling(asked: Record<string, Channel[]> = { acme: ['email'] }) {
  const clock = new ManualClock();
  const store = new MemoryStore(clock);
  const marketing = new ToldMarketing();
  const queue = new KeptQueue();
  const poll = new PollOptOuts(store, queue, marketing, new Map(Object.entries(asked)), clock, new KeptLog());
  return { clock, store, marketing, queue, poll, now: clock.now() };
}

const optOut = (klaviyoId: string, at: number): WalletEvent => event('opted-out', { at, channel: 'email', profile: { klaviyoId, email: `${klaviyoId}@shop.fr` } });
const page = (events: WalletEvent[], more: Partial<OptOuts> = {}): OptOuts => ({ events, ...more });
const keysOf = (store: MemoryStore) => store.batches.flat().map(({ key }) => key);

describe('asking who opted out', () => {
  it('begins thirty days back and then goes on from where it was, five minutes overlapping', async () => {
    const { poll, marketing, clock, now } = polling();
    await poll.run('acme');
    clock.at += 5 * minute;
    await poll.run('acme');
    expect(marketing.askedForOptOuts).toEqual([{ tenant: 'acme', channel: 'email', since: now - 30 * day }, { tenant: 'acme', channel: 'email', since: now - 5 * minute }]);
  });

  it('reads every page and keeps each opt-out under a key of its own', async () => {
    const { poll, marketing, store, now } = polling();
    marketing.pages = [page([optOut('A', now - 9), optOut('B', now - 8)], { next: 'page-2' }), page([optOut('C', now - 7)])];
    await poll.run('acme');
    expect(marketing.askedForOptOuts.map(({ next }) => next)).toEqual([undefined, 'page-2']);
    expect(keysOf(store)).toEqual([`klaviyo:opt-out:A:email:${now - 9}`, `klaviyo:opt-out:B:email:${now - 8}`, `klaviyo:opt-out:C:email:${now - 7}`]);
    expect(store.batches[0]![0]).toMatchObject({ tenant: 'acme', receivedAt: now, event: { kind: 'opted-out', profile: { klaviyoId: 'A' } } });
  });

  it('that Klaviyo cannot answer now takes up again where it came to, and forgets nobody', async () => {
    const { poll, marketing, store, now } = polling();
    marketing.pages = [page([optOut('A', now - day)], { next: 'page-2', toldUntil: now - day }), { waitMs: 1000 }];
    await poll.run('acme');
    await poll.run('acme');
    expect(marketing.askedForOptOuts.map(({ since }) => since)).toEqual([now - 30 * day, now - 30 * day, now - day]);
    expect(keysOf(store)).toHaveLength(1);
  });

  it('that fails at once stays where it was', async () => {
    const { poll, marketing, store } = polling();
    marketing.pages = [{ waitMs: 1000 }];
    await poll.run('acme');
    expect(store.watermarks.size).toBe(0);
  });

  it('does not go on when what was heard could not be put on disk', async () => {
    const { poll, marketing, store, now } = polling();
    store.beforeWrite = () => Promise.reject(new Error('disk full'));
    marketing.pages = [page([optOut('A', now)])];
    await expect(poll.run('acme')).rejects.toThrow('disk full');
    expect(store.watermarks.size).toBe(0);
  });

  it('stops after two minutes and reads the rest at the next look', async () => {
    const { poll, marketing, clock, now } = polling();
    let pages = 0;
    marketing.optOuts = async (_tenant, _channel, since) => {
      clock.at += minute;
      return page([], { next: `page-${++pages}`, toldUntil: since + minute });
    };
    await poll.run('acme');
    expect(pages).toBe(2);
    const since: number[] = [];
    marketing.optOuts = async (_tenant, _channel, from) => (since.push(from), page([]));
    await poll.run('acme');
    expect(since).toEqual([now - 30 * day + minute]);
  });

  it('never takes a time that is still overlapping for told, however new the last opt-out was', async () => {
    const { poll, marketing, store, now } = polling();
    marketing.pages = [page([], { next: 'page-2', toldUntil: now }), { waitMs: 1000 }];
    await poll.run('acme');
    expect([...store.watermarks.values()]).toEqual([now - 5 * minute]);
  });

  it('is done for each channel that a form asks consent for, and each has a time of its own', async () => {
    const { poll, marketing, store } = polling({ acme: ['email', 'sms'] });
    await poll.run('acme');
    expect(marketing.askedForOptOuts.map(({ channel }) => channel)).toEqual(['email', 'sms']);
    expect([...store.watermarks.keys()]).toEqual(['acme opt-outs:email', 'acme opt-outs:sms']);
  });

  it('gives every tenant a job of its own, and is not done for those that Klaviyo tells by itself', async () => {
    const { poll, marketing, queue } = polling({ acme: ['email'], globex: ['sms'] });
    await poll.run();
    expect(queue.sent).toEqual([{ queue: 'poll-opt-outs', data: { tenant: 'acme' } }, { queue: 'poll-opt-outs', data: { tenant: 'globex' } }]);
    await poll.run('initech');
    expect(marketing.askedForOptOuts).toEqual([]);
  });

  it('misses nobody, whenever Klaviyo fails and however late, up to five minutes, it shows what happened', async () => {
    const happens = fc.record({ afterMs: fc.integer({ min: 0, max: 10 * minute }), shownAfterMs: fc.integer({ min: 0, max: 5 * minute - 1 }) });
    const step = fc.record({ happened: fc.array(happens, { maxLength: 4 }), fails: fc.array(fc.boolean(), { maxLength: 6 }), callMs: fc.integer({ min: 0, max: 45_000 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const { poll, marketing, store, clock } = polling();
        const all: { at: number; shownAt: number }[] = [];
        const look = async (fails: boolean[], callMs: number) => {
          marketing.optOuts = async (_tenant, _channel, since, next) => {
            clock.at += callMs;
            if (fails.shift()) return { waitMs: 1000 };
            const after = next === undefined ? since : Number(next);
            const shown = all.filter(({ at, shownAt }) => at > after && shownAt <= clock.at).sort((a, b) => a.at - b.at).slice(0, 3);
            const last = shown.at(-1)?.at;
            return page(shown.slice(0, 2).map(({ at }) => optOut(`P${at}`, at)), { ...(shown.length > 2 ? { next: String(shown[1]!.at) } : {}), ...(last === undefined ? {} : { toldUntil: shown.slice(0, 2).at(-1)!.at }) });
          };
          await poll.run('acme');
        };
        for (const { happened, fails, callMs } of steps) {
          let at = clock.at;
          for (const { afterMs, shownAfterMs } of happened) all.push({ at: (at += afterMs + 1), shownAt: at + shownAfterMs });
          clock.at = at;
          await look(fails, callMs);
        }
        // Once Klaviyo is well, some looks bring the rest.
        for (let more = 0; more < 30; more++) {
          clock.at += 5 * minute;
          await look([], 0);
        }
        expect(new Set(keysOf(store))).toEqual(new Set(all.map((one) => `klaviyo:opt-out:P${one.at}:email:${one.at}`)));
      }),
      { numRuns: 200 },
    );
  });
});
