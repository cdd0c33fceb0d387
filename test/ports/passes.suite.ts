import type { ListedPass, NotNow, Passes } from '#core';
import { answered } from './profiles.suite.js';

export interface PassesWorld {
  passes: Passes;
  tenant: string;
  hold(passes: ListedPass[]): void;
  delete(id: string): void;
  /** The next call gets no answer; afterwards all is well. */
  failsOnce(): void;
  /** The key is refused from now on. */
  refusesKey(): void;
  /** Calls that nobody accounted for. */
  unsettled(): number;
  close(): Promise<void>;
}

/** The promises of the passes port, over any implementation of it. */
export function passesSuite(name: string, open: () => Promise<PassesWorld>): void {
  describe(`Passes over ${name}`, () => {
    let world: PassesWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(async () => {
      expect(world.unsettled()).toBe(0);
      await world.close();
    });

    const begin = Date.UTC(2025, 0, 10, 9);
    const pass = (n: number, more: Partial<ListedPass> = {}): ListedPass => ({ id: `pass-${String(n).padStart(4, '0')}`, type: 'loyalty', createdAt: begin + n * 1000, changedAt: begin + n * 1000, installed: {}, identifiers: { customerId: `C-${n}` }, ...more });
    const page = async (index: number, order: 'oldest-first' | 'newest-change-first' = 'oldest-first') => answered(await world.passes.page(world.tenant, index, order));

    it('come page by page, the oldest first, with how many there are', async () => {
      const all = Array.from({ length: 250 }, (_, n) => pass(n));
      world.hold(all.toReversed());
      const pages = await Promise.all([0, 1, 2, 3].map((index) => page(index)));
      expect(pages.map(({ passes, total, size }) => [passes.length, total, size])).toEqual([[100, 250, 100], [100, 250, 100], [50, 250, 100], [0, 250, 100]]);
      expect(pages.flatMap(({ passes }) => passes)).toEqual(all);
    });

    it('come several pages at once where that is asked for, at least one and never with a gap', async () => {
      const all = Array.from({ length: 450 }, (_, n) => pass(n));
      world.hold(all);
      const several = async (first: number, most: number) => answered(await world.passes.pages(world.tenant, first, most, 'oldest-first')).flatMap(({ passes }) => passes);
      expect(await several(1, 3)).toEqual(all.slice(100, 400));
      expect(await several(3, 4)).toEqual(all.slice(300));
      world.failsOnce();
      const rest = await world.passes.pages(world.tenant, 0, 3, 'oldest-first');
      if ('waitMs' in rest) expect(rest.waitMs).toBeGreaterThan(0);
      else expect(rest.flatMap(({ passes }) => passes)).toEqual(all.slice(0, rest.length * 100));
    });

    it('say in which wallets they are since when, and to whom they belong', async () => {
      const held = pass(1, { changedAt: begin + 90_000, installed: { Apple: begin + 60_000, Google: begin + 90_000 }, identifiers: { customerId: 'C-42', email: 'ana@mail.example', 'y2.customerId': '7' } });
      world.hold([held, pass(2)]);
      expect((await page(0)).passes).toEqual([held, pass(2)]);
    });

    it('come with the newest change first, where only changes are of interest', async () => {
      world.hold([pass(1, { changedAt: begin + 70_000 }), pass(2), pass(3, { changedAt: begin + 90_000 })]);
      expect((await page(0, 'newest-change-first')).passes.map(({ id }) => id)).toEqual(['pass-0003', 'pass-0001', 'pass-0002']);
    });

    it('move up when one of them is deleted, and the number of all tells it', async () => {
      const all = Array.from({ length: 120 }, (_, n) => pass(n));
      world.hold(all);
      expect((await page(0)).total).toBe(120);
      world.delete('pass-0005');
      const second = await page(1);
      expect(second.total).toBe(119);
      expect(second.passes).toEqual(all.slice(101));
    });

    it('are found by an identifier, exactly as it is written', async () => {
      world.hold([pass(1, { identifiers: { email: 'ana@mail.example' } }), pass(2, { identifiers: { email: 'ana@mail.example' } }), pass(3, { identifiers: { email: 'ANA@mail.example' } })]);
      const find = async (key: string, value: string) => answered(await world.passes.find(world.tenant, key, value)).map(({ id }) => id).sort();
      expect(await find('email', 'ana@mail.example')).toEqual(['pass-0001', 'pass-0002']);
      expect(await find('customerId', 'ana@mail.example')).toEqual([]);
    });

    const questions: [string, (read: Passes, tenant: string) => Promise<object>][] = [
      ['a page', (read, tenant) => read.page(tenant, 0, 'oldest-first')],
      ['an identifier', (read, tenant) => read.find(tenant, 'email', 'ana@mail.example')],
    ];

    it.each(questions)('that cannot be had now are to be asked for later: %s', async (_, ask) => {
      world.failsOnce();
      const answer = await ask(world.passes, world.tenant);
      expect(answer).toEqual({ waitMs: expect.any(Number) as number });
      expect((answer as NotNow).waitMs).toBeGreaterThan(0);
    });

    it.each(questions)('that are refused for the key end the reading: %s', async (_, ask) => {
      world.refusesKey();
      await expect(ask(world.passes, world.tenant)).rejects.toMatchObject({ code: 'WALLET_CREW_KEY_REFUSED' });
    });

    it('have a pace that is ours', () => {
      expect(world.passes.callsPerMinute(world.tenant)).toBeGreaterThan(0);
    });
  });
}
