import type { HeldProfile, NotNow, ProfilePage, ProfileRange, Profiles } from '#core';

export interface Seed {
  email?: string;
  phone?: string;
  externalId?: string;
  properties?: Record<string, unknown>;
  createdAt: number;
  updatedAt?: number;
}

/** What the suite needs to know about the platform that is read. */
export interface ProfilesWorld {
  profiles: Profiles;
  tenant: string;
  /** The time both sides go by. */
  now(): number;
  hold(seeds: Seed[]): void;
  /** Events of the profile with this address. */
  holdEvents(email: string, events: { metric: string; uniqueId: string; at: number }[]): void;
  optsOut(email: string, channel: 'email' | 'sms'): void;
  /** The next call gets no answer; afterwards all is well. */
  failsOnce(): void;
  lacksScope(): void;
  /** Calls that nobody accounted for. */
  unsettled(): number;
  close(): Promise<void>;
}

export function answered<T extends object>(answer: T | NotNow): T {
  if ('waitMs' in answer) throw new Error(`no answer for ${answer.waitMs} ms`);
  return answer;
}

/** The promises of the profiles port, over any implementation of it. */
export function profilesSuite(name: string, open: () => Promise<ProfilesWorld>): void {
  describe(`Profiles over ${name}`, () => {
    let world: ProfilesWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(async () => {
      expect(world.unsettled()).toBe(0);
      await world.close();
    });

    const hourMs = 3_600_000;
    const page = async (range: ProfileRange, next?: string): Promise<ProfilePage> => answered(await world.profiles.page(world.tenant, range, next));
    const emails = (profiles: HeldProfile[]) => profiles.map((profile) => profile.name.email);

    async function all(range: ProfileRange): Promise<HeldProfile[]> {
      const found: HeldProfile[] = [];
      for (let next: string | undefined, first = true; first || next !== undefined; first = false) {
        const one: ProfilePage = await page(range, next);
        found.push(...one.profiles);
        next = one.next;
      }
      return found;
    }

    function crowd(count: number): string[] {
      const begin = world.now() - 100 * hourMs;
      const seeds = Array.from({ length: count }, (_, n) => ({ email: `p${n}@shop.fr`, createdAt: begin + n * 1000 }));
      // Held in any order: what counts is when they were created.
      world.hold(seeds.toSorted((a, b) => (a.email < b.email ? -1 : 1)));
      return seeds.map(({ email }) => email);
    }

    it('come page by page, a hundred each, the oldest first and each once', async () => {
      const everybody = crowd(250);
      const first = await page({});
      expect(first.profiles).toHaveLength(100);
      expect(emails(await all({}))).toEqual(everybody);
    });

    it('may be read side by side, and a page that was read may be read again', async () => {
      const everybody = crowd(150);
      const { next } = await page({});
      const pages = await Promise.all([page({}), page({}, next), page({}, next), page({})]);
      expect(pages.map(({ profiles }) => emails(profiles))).toEqual([everybody.slice(0, 100), everybody.slice(100), everybody.slice(100), everybody.slice(0, 100)]);
      expect(pages[1]!.next).toBeUndefined();
    });

    it('of two ranges that meet at any millisecond are all there, whatever fraction of it they were created in', async () => {
      const at = world.now() - hourMs;
      const seeds = [-2, -1, 0, 1, 2].flatMap((ms) => Array.from({ length: 3 }, (_, n) => ({ email: `at${ms}-${n}@shop.fr`, createdAt: at + ms })));
      world.hold(seeds);
      for (const meeting of [at - 1, at, at + 1]) {
        const below = await all({ createdBefore: meeting });
        const above = await all({ createdAfter: meeting - 1, createdBefore: at + hourMs });
        expect(new Set(emails([...below, ...above]))).toEqual(new Set(seeds.map(({ email }) => email)));
        expect(below.filter(({ createdAt }) => createdAt >= meeting)).toEqual([]);
        expect(above.filter(({ createdAt }) => createdAt < meeting - 1)).toEqual([]);
      }
    });

    it('can be only those that changed lately, the oldest change first', async () => {
      const since = world.now() - hourMs;
      world.hold([
        { email: 'late@shop.fr', createdAt: since - 50_000, updatedAt: since + 3000 },
        { email: 'never@shop.fr', createdAt: since - 40_000 },
        { email: 'early@shop.fr', createdAt: since - 30_000, updatedAt: since + 1000 },
        { email: 'new@shop.fr', createdAt: since + 2000 },
      ]);
      const changed = await all({ changedAfter: since });
      expect(emails(changed)).toEqual(['early@shop.fr', 'new@shop.fr', 'late@shop.fr']);
      expect(changed.map(({ updatedAt }) => updatedAt)).toEqual([since + 1000, since + 2000, since + 3000]);
      expect(emails(await all({ changedAfter: since, createdBefore: since }))).toEqual(['early@shop.fr', 'late@shop.fr']);
    });

    it('say who they are, what is written on them and when they were created and changed', async () => {
      const createdAt = world.now() - hourMs;
      world.hold([{ email: 'ada@shop.fr', phone: '+33639980001', externalId: 'C-1', properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed', tags: ['a'] }, createdAt, updatedAt: createdAt + 5000 }]);
      expect((await page({})).profiles).toEqual([{
        name: { klaviyoId: expect.any(String) as string, email: 'ada@shop.fr', phone: '+33639980001', externalId: 'C-1' },
        createdAt, updatedAt: createdAt + 5000,
        properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed', tags: ['a'] },
        consents: { email: { says: 'never' }, sms: { says: 'never' } },
        optOuts: [],
      }]);
    });

    it('say who opted out of which channel, and since when', async () => {
      world.hold([{ email: 'ada@shop.fr', phone: '+33639980001', createdAt: world.now() - hourMs }, { email: 'ben@shop.fr', phone: '+33639980002', createdAt: world.now() - hourMs + 1 }]);
      world.optsOut('ada@shop.fr', 'email');
      world.optsOut('ben@shop.fr', 'sms');
      const [ada, ben] = (await page({})).profiles;
      const at = world.now();
      expect(ada).toMatchObject({ consents: { email: { says: 'unsubscribed', at }, sms: { says: 'never' } }, optOuts: [{ kind: 'opted-out', channel: 'email', at, profile: ada!.name }] });
      expect(ben).toMatchObject({ consents: { email: { says: 'never' }, sms: { says: 'unsubscribed', at } }, optOuts: [{ kind: 'opted-out', channel: 'sms', at, profile: ben!.name }] });
    });

    it('are found by any of their names, and duplicates together', async () => {
      const createdAt = world.now() - hourMs;
      world.hold([{ email: 'ada@shop.fr', externalId: 'C-1', createdAt }, { phone: '+33639980001', createdAt: createdAt + 1 }, { email: 'ben@shop.fr', createdAt: createdAt + 2 }]);
      const find = async (who: object) => answered(await world.profiles.find(world.tenant, who));
      const [ada] = await find({ email: 'ada@shop.fr' });
      expect(ada!.name).toMatchObject({ email: 'ada@shop.fr', externalId: 'C-1' });
      expect(await find({ externalId: 'C-1' })).toEqual([ada]);
      expect(await find({ klaviyoId: ada!.name.klaviyoId })).toEqual([ada]);
      expect((await find({ klaviyoId: ada!.name.klaviyoId, externalId: 'C-1', email: 'ada@shop.fr', phone: '+33639980001' })).map(({ name: { email, phone } }) => email ?? phone)).toEqual(['ada@shop.fr', '+33639980001']);
      expect(await find({ email: 'nobody@shop.fr' })).toEqual([]);
      expect(await find({})).toEqual([]);
    });

    describe('their events', () => {
      const at = () => Math.floor(world.now() / 1000) * 1000 - hourMs;
      beforeEach(() => world.hold([{ email: 'ada@shop.fr', createdAt: world.now() - 2 * hourMs }]));

      it('of one metric come by the time they happened, to the second, from the first moment up to the last', async () => {
        const from = at() + 250;
        world.holdEvents('ada@shop.fr', [
          { metric: 'Installed', uniqueId: 'before', at: from - 1000 },
          { metric: 'Installed', uniqueId: 'later', at: from + 5000 },
          { metric: 'Installed', uniqueId: 'first', at: from },
          { metric: 'Uninstalled', uniqueId: 'other', at: from + 1000 },
          { metric: 'Installed', uniqueId: 'end', at: from + 9750 },
        ]);
        const read = answered(await world.profiles.events(world.tenant, 'Installed', from, from + 9750));
        expect(read).toEqual({ events: [{ metric: 'Installed', uniqueId: 'first', at: at() }, { metric: 'Installed', uniqueId: 'later', at: at() + 5000 }] });
      });

      it('of a metric that has none are none', async () => {
        expect(answered(await world.profiles.events(world.tenant, 'Never counted', 0, world.now()))).toEqual({ events: [] });
      });

      it('come a thousand a page', async () => {
        world.holdEvents('ada@shop.fr', Array.from({ length: 1200 }, (_, n) => ({ metric: 'Installed', uniqueId: `u${n}`, at: at() + n * 1000 })));
        const first = answered(await world.profiles.events(world.tenant, 'Installed', at(), at() + 2 * hourMs));
        const second = answered(await world.profiles.events(world.tenant, 'Installed', at(), at() + 2 * hourMs, first.next));
        expect([first.events.length, second.events.length, second.next]).toEqual([1000, 200, undefined]);
        expect([...first.events, ...second.events].map(({ uniqueId }) => uniqueId)).toEqual(Array.from({ length: 1200 }, (_, n) => `u${n}`));
      });

      it('of one profile are the newest fifty, whatever their metric', async () => {
        world.holdEvents('ada@shop.fr', Array.from({ length: 60 }, (_, n) => ({ metric: n % 2 ? 'Installed' : 'Uninstalled', uniqueId: `u${n}`, at: at() + n * 1000 })));
        const [ada] = answered(await world.profiles.find(world.tenant, { email: 'ada@shop.fr' }));
        const newest = answered(await world.profiles.newestEvents(world.tenant, ada!.name.klaviyoId));
        expect(newest).toEqual(Array.from({ length: 50 }, (_, n) => ({ metric: (59 - n) % 2 ? 'Installed' : 'Uninstalled', uniqueId: `u${59 - n}`, at: at() + (59 - n) * 1000 })));
      });
    });

    const questions: [string, (read: Profiles, tenant: string) => Promise<object>][] = [
      ['a page', (read, tenant) => read.page(tenant, {})],
      ['a name', (read, tenant) => read.find(tenant, { email: 'ada@shop.fr' })],
      ['events', (read, tenant) => read.events(tenant, 'Installed', 0, 1)],
      ['the newest events', (read, tenant) => read.newestEvents(tenant, 'someone')],
    ];

    it.each(questions)('that cannot be had now are to be asked for later: %s', async (_, ask) => {
      crowd(1);
      world.failsOnce();
      const answer = await ask(world.profiles, world.tenant);
      expect(answer).toEqual({ waitMs: expect.any(Number) as number });
      expect((answer as NotNow).waitMs).toBeGreaterThan(0);
    });

    it.each(questions)('that need a scope which the key lacks end the reading: %s', async (_, ask) => {
      world.lacksScope();
      await expect(ask(world.profiles, world.tenant)).rejects.toMatchObject({ code: 'KLAVIYO_SCOPE_MISSING' });
    });

    it('have a pace that is ours', () => {
      expect(world.profiles.pagesPerMinute(world.tenant)).toBeGreaterThan(0);
    });
  });
}
