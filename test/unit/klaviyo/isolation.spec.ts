import fc from 'fast-check';
import { type Account, type Outcome, aWhile } from '../../../libs/klaviyo/src/account.js';
import { problemOfAnswer } from '../../../libs/klaviyo/src/errors.js';
import { culprits, sendIsolated, type Verdict } from '../../../libs/klaviyo/src/isolation.js';
import { errorBody } from './fakes.js';

interface Item {
  name: number;
  bad: boolean;
  bytes: number;
}

const itemsOf = (bad: boolean[]): Item[] => bad.map((isBad, name) => ({ name, bad: isBad, bytes: 100 }));
const refusal = (body: unknown, status = 400): Outcome => ({ ok: false, problem: problemOfAnswer({ status, data: body, headers: {} }, 0) });

/** Klaviyo's way: one bad item and nothing of the batch is taken. */
function klaviyo(pointing: 'all' | 'first' | 'none') {
  const taken: number[] = [];
  const calls: number[] = [];
  const call = async (items: Item[]): Promise<Outcome> => {
    calls.push(items.length);
    const bad = items.flatMap((item, index) => (item.bad ? [index] : []));
    if (bad.length === 0) {
      taken.push(...items.map(({ name }) => name));
      return { ok: true, data: undefined };
    }
    if (pointing === 'none') return refusal(errorBody(400, 'invalid', '/data'));
    const named = pointing === 'first' ? bad.slice(0, 1) : bad;
    return refusal({ errors: named.map((index) => ({ code: 'invalid', title: 'Bad', detail: 'Bad', source: { pointer: `/data/attributes/profiles/data/${index}/attributes/email` } })) });
  };
  return { taken, calls, call };
}

function accountWith(permits: number): Account {
  let left = permits;
  const account = {
    takeOne: async () => (left-- > 0 ? { permit: `p${left}` } : { waitMs: 700 }),
    giveBack: async () => undefined,
  };
  return account as unknown as Account;
}

const run = (items: Item[], vendor: { call(items: Item[]): Promise<Outcome> }, permits = 1000): Promise<Map<Item, Verdict>> =>
  sendIsolated({ account: accountWith(permits), operation: 'bulk_create_events', items, permit: 'first', patience: aWhile(), call: vendor.call });

describe('A batch with bad items', () => {
  it.each(['all', 'first', 'none'] as const)('sends every good item once and refuses every bad one, when Klaviyo points at %s of them', async (pointing) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean().map((flag) => flag), { minLength: 1, maxLength: 12 }), async (bad) => {
        const items = itemsOf(bad);
        const vendor = klaviyo(pointing);
        const verdicts = await run(items, vendor);
        expect([...vendor.taken].sort((a, b) => a - b)).toEqual(items.filter((item) => !item.bad).map(({ name }) => name));
        for (const item of items) expect(verdicts.get(item)?.is).toBe(item.bad ? 'refused' : 'taken');
      }),
    );
  });

  it('needs one more call when all culprits are named', async () => {
    const vendor = klaviyo('all');
    await run(itemsOf([true, false, true, false]), vendor);
    expect(vendor.calls).toEqual([4, 2]);
  });

  it('finds one culprit among a thousand without pointers in a dozen of calls', async () => {
    const vendor = klaviyo('none');
    await run(itemsOf(Array.from({ length: 1000 }, (_, index) => index === 713)), vendor);
    expect(vendor.taken).toHaveLength(999);
    expect(vendor.calls.length).toBeLessThanOrEqual(22);
  });

  it('sends the rest later when there is no leave for another call', async () => {
    const items = itemsOf([true, false, false]);
    const verdicts = await run(items, klaviyo('all'), 0);
    expect(items.map((item) => verdicts.get(item)?.is)).toEqual(['refused', 'later', 'later']);
    expect(verdicts.get(items[1]!)).toMatchObject({ waitMs: 700 });
  });

  it('stops at the first sign that Klaviyo is busy, and blames no item for it', async () => {
    const items = itemsOf([false, false]);
    const verdicts = await run(items, { call: async () => refusal('', 429) });
    expect(items.map((item) => verdicts.get(item)?.is)).toEqual(['later', 'later']);
  });

  it('does not halve for what is wrong with the whole request', async () => {
    const calls: number[] = [];
    const items = itemsOf([false, false, false]);
    const verdicts = await run(items, {
      call: async (part) => {
        calls.push(part.length);
        return refusal(errorBody(400, 'invalid', '/data/attributes/custom_source'));
      },
    });
    expect(calls).toEqual([3]);
    expect(items.every((item) => verdicts.get(item)?.is === 'refused')).toBe(true);
  });

  it('ends even when everything in it is bad', async () => {
    const items = itemsOf(Array.from({ length: 1000 }, () => true));
    const vendor = klaviyo('none');
    const verdicts = await run(items, vendor);
    expect(vendor.calls.length).toBeLessThanOrEqual(40);
    expect(verdicts.size).toBe(1000);
  });

  it('goes in as many requests as its bytes ask for', async () => {
    const items = Array.from({ length: 9 }, (_, name) => ({ name, bad: false, bytes: 1_000_000 }));
    const vendor = klaviyo('all');
    await run(items, vendor);
    expect(vendor.calls).toEqual([4, 4, 1]);
  });
});

describe('A pointer of Klaviyo', () => {
  const named = (pointer: string, length = 10) => [...culprits({ errors: [{ code: 'x', words: 'x', pointer }] }, length).keys()];

  it('names the item by its index, in events and in profiles', () => {
    expect(named('/data/attributes/events-bulk-create/data/7/attributes/events/data/0/attributes/time')).toEqual([7]);
    expect(named('/data/attributes/profiles/data/0')).toEqual([0]);
  });

  it('is not believed when it leads nowhere', () => {
    expect(named('/data/attributes/profiles/data/12/attributes/email')).toEqual([]);
    expect(named('/data/attributes/profiles/data')).toEqual([]);
    expect(named('')).toEqual([]);
  });
});
