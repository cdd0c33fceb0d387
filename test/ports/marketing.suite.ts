import type { Answer, Channel, Command, Identity, MarketingLane, Marketing, OptOuts, Outgoing, Slot } from '#core';

/** What a suite needs to know about the platform on the other side, in no vendor's words. */
export interface MarketingWorld {
  marketing: Marketing;
  tenant: string;
  /** Two lists the platform has. */
  lists: [string, string];
  /** The time both sides go by; waiting moves it. */
  now(): number;
  wait(ms: number): void;
  /** Resolves when the platform has applied all it accepted. */
  settle(): Promise<void>;
  /** What the platform holds of a person. */
  person(who: Identity): { id: string; identity: Identity; properties: Record<string, unknown>; lists: string[]; email: string; sms: string } | undefined;
  /** Somebody leaves a channel on the platform itself; of e-mail also because the marketer or the mailbox wants it so. */
  leaves(who: Identity, channel: Channel, how?: 'unsubscribes' | 'suppressed' | 'spam' | 'bounce'): void;
  events(who: Identity): { metric: string; uniqueId: string; at: number; backfill: boolean }[];
  /** What goes wrong next, `times` times. `lost`: applied, but the answer never arrives. */
  breaks(kind: 'hang' | 'reset' | 'page' | 'busy' | 'lost', times?: number): void;
  /** How often the platform had to refuse a call for its rate. */
  throttled(): number;
  /** Calls in flight that nobody accounted for. */
  unsettled(): number;
  close(): Promise<void>;
}

let serial = 0;
export const out = (command: Command, identity: Identity): Outgoing => ({ id: `c${++serial}`, attempts: 0, identity, command });

export async function send(world: MarketingWorld, lane: MarketingLane, commands: Outgoing[], waiting = commands.length): Promise<Answer[]> {
  const slot = await leave(world, lane, waiting);
  return slot.send(commands);
}

export async function leave(world: MarketingWorld, lane: MarketingLane, waiting: number): Promise<Slot> {
  for (;;) {
    const slot = await world.marketing.slot(world.tenant, lane, waiting);
    if ('send' in slot) return slot;
    world.wait(slot.waitMs);
  }
}

/** The promises of the marketing port, over any implementation of it. */
export function marketingSuite(name: string, open: () => Promise<MarketingWorld>): void {
  describe(`Marketing over ${name}`, () => {
    let world: MarketingWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(async () => {
      expect(world.unsettled()).toBe(0);
      await world.close();
    });

    const track = (uniqueId: string, more: object = {}): Command => ({ do: 'track', uniqueId, metric: 'Pass Installed', at: world.now() - 5000, properties: { 'neostore.passKind': 'loyaltyCard' }, backfill: false, ...more });
    const update = (properties: Record<string, string> = { 'neostore.wallet.loyaltyCard.Apple': 'Installed' }): Command => ({ do: 'upsert-profile', attributes: {}, properties });
    const subscribe = (more: object = {}): Command => ({ do: 'subscribe', listId: world.lists[0], channel: 'email', consentedAt: world.now() - 1000, field: 'newsletter', historical: false, ...more });
    const unsubscribe = (more: object = {}): Command => ({ do: 'unsubscribe', listId: world.lists[0], channel: 'email', withdrawnAt: world.now(), field: 'newsletter', ...more });
    const ada = { email: 'ada@shop.fr' };
    const outcomes = (answers: Answer[]) => answers.map((answer) => ('code' in answer ? `${answer.outcome} ${answer.code}` : answer.outcome));

    async function subscribed(who: Identity, more: object = {}): Promise<void> {
      expect(outcomes(await send(world, 'subscribe', [out(subscribe(more), who)]))).toEqual(['accepted']);
      await world.settle();
    }

    describe('events', () => {
      it('arrive with their time to the second, and history says that it is history', async () => {
        await send(world, 'track', [out(track('live'), ada), out(track('old', { backfill: true, at: world.now() - 86_400_000 }), ada)]);
        await world.settle();
        const held = world.events(ada);
        expect(held).toContainEqual({ metric: 'Pass Installed', uniqueId: 'live', at: Math.floor((world.now() - 5000) / 1000) * 1000, backfill: false });
        expect(held).toContainEqual(expect.objectContaining({ uniqueId: 'old', backfill: true }));
      });

      it('sent again after a lost answer are counted once', async () => {
        world.breaks('lost', 1);
        const event = out(track('once'), ada);
        expect(outcomes(await send(world, 'track', [event]))).toEqual(['later KLAVIYO_UNAVAILABLE']);
        expect(outcomes(await send(world, 'track', [event]))).toEqual(['accepted']);
        await world.settle();
        expect(world.events(ada)).toHaveLength(1);
      });

      it('of a thousand people arrive in one batch, but for the one that is broken', async () => {
        const batch = Array.from({ length: 1000 }, (_, index) => out(track(`u${index}`), { email: index === 617 ? 'not an address' : `p${index}@shop.fr` }));
        const answers = await send(world, 'track', batch);
        expect(answers.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(999);
        expect(answers[617]).toMatchObject({ outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM' });
        expect(answers[617]?.words).not.toContain('not an address');
        await world.settle();
        expect([world.events({ email: 'p0@shop.fr' }), world.events({ email: 'p999@shop.fr' })].map((held) => held.length)).toEqual([1, 1]);
      });

      it('can be read back', async () => {
        await send(world, 'track', [out(track('u1'), ada)]);
        await world.settle();
        const seen = (uniqueId: string, metric = 'Pass Installed', who: Identity = ada) => world.marketing.seen(world.tenant, who, { metric, uniqueId });
        expect(await seen('u1')).toBe(true);
        expect(await seen('u2')).toBe(false);
        expect(await seen('u1', 'Pass Removed')).toBe(false);
        expect(await seen('u1', 'Pass Installed', { email: 'nobody@shop.fr' })).toBe(false);
        world.breaks('page', 1);
        expect(await seen('u1')).toBeUndefined();
      });
    });

    describe('profiles', () => {
      it('are created and then updated, and the answer tells their id', async () => {
        const [first] = await send(world, 'upsert-profile', [out(update({ 'neostore.authenticationToken': 't1' }), { ...ada, phone: '+33600000001' })]);
        const [second] = await send(world, 'upsert-profile', [out(update({ other: 'x' }), ada)]);
        const held = world.person(ada);
        expect(first).toMatchObject({ outcome: 'accepted', klaviyoId: held?.id });
        expect(second).toMatchObject({ outcome: 'accepted', klaviyoId: held?.id });
        expect(held?.properties).toEqual({ 'neostore.authenticationToken': 't1', other: 'x' });
        expect(held?.identity.phone).toBe('+33600000001');
      });

      it('whose phone belongs to another profile keep it as a property, and a merge is suggested', async () => {
        await send(world, 'upsert-profile', [out(update(), { email: 'owner@shop.fr', phone: '+33600000002' })]);
        await send(world, 'upsert-profile', [out(update(), ada)]);
        const [answer] = await send(world, 'upsert-profile', [out(update({ a: '1' }), { ...ada, phone: '+33600000002' })]);
        expect(answer).toMatchObject({ outcome: 'accepted', withheld: 'phone', klaviyoId: world.person(ada)?.id });
        expect([world.person(ada)?.id, world.person({ email: 'owner@shop.fr' })?.id]).toContain((answer as { duplicateOf?: string }).duplicateOf);
        expect(world.person(ada)?.properties).toMatchObject({ a: '1', 'neostore.withheld.phone': '+33600000002' });
      });

      it('whose e-mail and phone belong to two others are still updated, under the strongest identifier', async () => {
        await send(world, 'upsert-profile', [out(update(), { externalId: 'X1' }), out(update(), { email: 'b@shop.fr' }), out(update(), { phone: '+33600000003' })]);
        const [answer] = await send(world, 'upsert-profile', [out(update({ a: '1' }), { externalId: 'X1', email: 'b@shop.fr', phone: '+33600000003' })]);
        expect(answer).toMatchObject({ outcome: 'accepted', klaviyoId: world.person({ externalId: 'X1' })?.id });
        expect(world.person({ externalId: 'X1' })?.properties).toMatchObject({ 'neostore.withheld.email': 'b@shop.fr', 'neostore.withheld.phone': '+33600000003' });
      });

      it('with an unusable phone go on without it', async () => {
        const [answer] = await send(world, 'upsert-profile', [out(update({ a: '1' }), { ...ada, phone: '0600' })]);
        expect(answer).toMatchObject({ outcome: 'accepted', withheld: 'phone' });
        expect(world.person(ada)?.properties).toMatchObject({ a: '1' });
      });

      it('with nothing but an unusable phone are refused', async () => {
        const [answer] = await send(world, 'upsert-profile', [out(update(), { phone: '0600' })]);
        expect(answer).toMatchObject({ outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM' });
        expect(answer?.words).not.toContain('0600');
      });

      it('that were merged away are found by their other identifiers', async () => {
        await send(world, 'upsert-profile', [out(update(), ada)]);
        const [answer] = await send(world, 'upsert-profile', [out(update({ a: '1' }), { ...ada, klaviyoId: '01HZZZZZZZZZZZZZZZZZZZZZZZ' })]);
        expect(answer).toMatchObject({ outcome: 'accepted', klaviyoId: world.person(ada)?.id });
      });

      it('by the hundred are imported, and every import error finds its profile', async () => {
        const bad = [3, 250, 499];
        const batch = Array.from({ length: 500 }, (_, index) => out(update({ n: String(index) }), { email: bad.includes(index) ? `bad ${index}` : `p${index}@shop.fr` }));
        const answers = await send(world, 'upsert-profile', batch);
        const receipts = new Set(answers.map((answer) => (answer.outcome === 'importing' ? answer.receipt : '')));
        expect(receipts.size).toBe(1);
        expect(answers.map((answer) => (answer.outcome === 'importing' ? answer.position : -1))).toEqual(batch.map((_, index) => index));
        const [receipt] = receipts;
        expect(await world.marketing.importProgress(world.tenant, receipt!)).toMatchObject({ done: false });
        await world.settle();
        const end = await world.marketing.importProgress(world.tenant, receipt!);
        expect(end).toMatchObject({ done: true, lost: false });
        const { refused } = end as Extract<typeof end, { done: true }>;
        expect(refused.map(({ position }) => position)).toEqual(bad);
        expect(JSON.stringify(refused)).not.toMatch(/bad \d/);
        expect(world.person({ email: 'p0@shop.fr' })?.properties).toEqual({ n: '0' });
      });

      it('of an import with more errors than one page holds are all named', async () => {
        const batch = Array.from({ length: 250 }, (_, index) => out(update(), { email: `bad ${index}` }));
        const [answer] = await send(world, 'upsert-profile', batch);
        await world.settle();
        const end = await world.marketing.importProgress(world.tenant, (answer as { receipt: string }).receipt);
        expect((end as { refused: unknown[] }).refused).toHaveLength(250);
      });

      it('of an import that the platform forgot go out again', async () => {
        expect(await world.marketing.importProgress(world.tenant, 'Zm9yZ290dGVu')).toEqual({ done: true, lost: true, refused: [] });
      });
    });

    describe('consent', () => {
      it('subscribes to the list, with its source', async () => {
        await subscribed(ada);
        expect(world.person(ada)).toMatchObject({ email: 'SUBSCRIBED', lists: [world.lists[0]] });
      });

      it('that is old never brings back somebody who left since', async () => {
        const yes = world.now() - 3_600_000;
        await subscribed(ada);
        world.wait(60_000);
        await send(world, 'unsubscribe', [out(unsubscribe(), ada)]);
        await world.settle();
        expect(world.person(ada)?.lists).toEqual([]);
        world.wait(600_000);
        expect(outcomes(await send(world, 'subscribe', [out(subscribe({ consentedAt: yes, historical: true }), ada)]))).toEqual(['skipped KLAVIYO_NEWER_OPT_OUT']);
        await world.settle();
        expect(world.person(ada)?.lists).toEqual([]);
      });

      it('that is newer than the opt-out does subscribe again', async () => {
        await subscribed(ada);
        await send(world, 'unsubscribe', [out(unsubscribe(), ada)]);
        await world.settle();
        world.wait(5000);
        const yes = world.now();
        world.wait(120_000);
        expect(outcomes(await send(world, 'subscribe', [out(subscribe({ consentedAt: yes }), ada)]))).toEqual(['accepted']);
        await world.settle();
        expect(world.person(ada)?.lists).toEqual([world.lists[0]]);
      });

      it('of the past is imported with its date', async () => {
        await subscribed(ada, { historical: true, consentedAt: world.now() - 86_400_000 });
        expect(world.person(ada)).toMatchObject({ email: 'SUBSCRIBED' });
      });

      it('of many people does not fail for one bad phone', async () => {
        const answers = await send(world, 'subscribe', [
          out(subscribe({ channel: 'sms' }), { phone: '+33600000001' }),
          out(subscribe({ channel: 'sms' }), { phone: '0600' }),
          out(subscribe(), { email: 'b@shop.fr' }),
        ]);
        expect(outcomes(answers)).toEqual(['accepted', 'refused KLAVIYO_REFUSED_ITEM', 'accepted']);
        await world.settle();
        expect(world.person({ phone: '+33600000001' })?.sms).toBe('SUBSCRIBED');
      });

      it('of hundreds of people that is old is checked page by page', async () => {
        const people = Array.from({ length: 230 }, (_, index) => ({ email: `p${index}@shop.fr` }));
        const answers = await send(world, 'subscribe', people.map((who) => out(subscribe({ consentedAt: world.now() - 3_600_000, historical: true }), who)));
        expect(new Set(outcomes(answers))).toEqual(new Set(['accepted']));
      });
    });

    describe('a withdrawal', () => {
      it('concerns the list and nothing else', async () => {
        await subscribed(ada);
        await subscribed(ada, { listId: world.lists[1] });
        world.wait(2000);
        expect(outcomes(await send(world, 'unsubscribe', [out(unsubscribe(), ada)]))).toEqual(['accepted']);
        await world.settle();
        expect(world.person(ada)).toMatchObject({ lists: [world.lists[1]], email: 'SUBSCRIBED' });
      });

      it('of somebody who is not on the list never becomes a global one', async () => {
        await subscribed(ada, { listId: world.lists[1] });
        world.wait(2000);
        expect(outcomes(await send(world, 'unsubscribe', [out(unsubscribe(), ada), out(unsubscribe(), { email: 'nobody@shop.fr' })]))).toEqual(['skipped KLAVIYO_NOT_A_MEMBER', 'skipped KLAVIYO_NOT_A_MEMBER']);
        await world.settle();
        expect(world.person(ada)).toMatchObject({ lists: [world.lists[1]], email: 'SUBSCRIBED' });
      });

      it('older than a consent that the platform holds is not carried out', async () => {
        const no = world.now() - 3_600_000;
        await subscribed(ada);
        expect(outcomes(await send(world, 'unsubscribe', [out(unsubscribe({ withdrawnAt: no }), ada)]))).toEqual(['skipped KLAVIYO_NEWER_CONSENT']);
        await world.settle();
        expect(world.person(ada)?.lists).toEqual([world.lists[0]]);
      });

      it('is carried out when our own older consent was held up and applied after it', async () => {
        const no = world.now() - 3_600_000;
        await subscribed(ada);
        world.wait(10_000);
        const late = { ...out(unsubscribe({ withdrawnAt: no }), ada), oppositeAt: no - 1000, sinceOppositeMs: 10_000 };
        expect(outcomes(await send(world, 'unsubscribe', [late]))).toEqual(['accepted']);
        await world.settle();
        expect(world.person(ada)?.lists).toEqual([]);
      });

      it('that a newer consent of ours overtook is not carried out', async () => {
        await subscribed(ada);
        const late = { ...out(unsubscribe({ withdrawnAt: world.now() - 3_600_000 }), ada), oppositeAt: world.now() - 1000, sinceOppositeMs: 10_000 };
        expect(outcomes(await send(world, 'unsubscribe', [late]))).toEqual(['skipped KLAVIYO_NEWER_CONSENT']);
      });

      it('finds a member whatever the case of the address', async () => {
        await subscribed({ email: 'Ada.Lovelace@Shop.fr' });
        world.wait(2000);
        expect(outcomes(await send(world, 'unsubscribe', [out(unsubscribe(), { email: 'ada.lovelace@shop.fr' })]))).toEqual(['accepted']);
      });
    });

    describe('opt-outs', () => {
      const told = async (channel: Channel, since: number, next?: string): Promise<OptOuts> => {
        const page = await world.marketing.optOuts(world.tenant, channel, since, next);
        if ('waitMs' in page) throw new Error('cannot be asked');
        return page;
      };
      const all = async (channel: Channel, since: number) => {
        const pages: OptOuts[] = [];
        do pages.push(await told(channel, since, pages.at(-1)?.next));
        while (pages.at(-1)!.next !== undefined);
        return pages;
      };
      const emails = ({ events }: OptOuts) => events.map(({ profile }) => profile?.email);

      it('are told with who it was and when, the same each time', async () => {
        const since = world.now();
        world.wait(60_000);
        world.leaves(ada, 'email');
        const at = world.now();
        world.wait(60_000);
        const first = await told('email', since);
        expect(first.events).toEqual([expect.objectContaining({ kind: 'opted-out', channel: 'email', profile: { klaviyoId: world.person(ada)!.id, email: ada.email } })]);
        expect(Math.abs(first.events[0]!.at - at)).toBeLessThan(1000);
        expect(await told('email', since)).toEqual(first);
      });

      it('of SMS are told although the platform cannot be asked for them alone', async () => {
        const phone = '+33600000001';
        await subscribed({ ...ada, phone }, { channel: 'sms' });
        const since = world.now();
        world.wait(60_000);
        await send(world, 'upsert-profile', [out(update(), { email: 'b@shop.fr' })]);
        world.leaves({ phone }, 'sms');
        world.wait(60_000);
        const { events } = await told('sms', since);
        expect(events).toEqual([expect.objectContaining({ kind: 'opted-out', channel: 'sms', profile: { klaviyoId: world.person(ada)!.id, email: ada.email, phone } })]);
        expect((await told('email', since)).events).toEqual([]);
      });

      it.each([['suppressed', 1], ['spam', 1], ['bounce', 0]] as const)('(%s) count as far as they are somebody\'s will', async (how, count) => {
        const since = world.now() - 1000;
        world.leaves(ada, 'email', how);
        expect((await told('email', since)).events).toHaveLength(count);
      });

      it('from before are not told again, and neither is who came back', async () => {
        world.leaves(ada, 'email');
        world.wait(60_000);
        const since = world.now();
        world.wait(1000);
        world.leaves({ email: 'b@shop.fr' }, 'email');
        world.wait(120_000);
        await subscribed({ email: 'b@shop.fr' });
        world.leaves({ email: 'c@shop.fr' }, 'email');
        expect(emails(await told('email', since))).toEqual(['c@shop.fr']);
      });

      it.each(['email', 'sms'] as const)('of hundreds of people (%s) come page by page, nobody left out however early one stops', async (channel) => {
        const since = world.now() - 1000;
        const people = Array.from({ length: 230 }, (_, index) => ({ email: `p${index}@shop.fr`, phone: `+336000${String(index).padStart(5, '0')}` }));
        for (const who of people) {
          world.wait(1000);
          world.leaves(who, channel);
        }
        const pages = await all(channel, since);
        expect(pages).toHaveLength(3);
        expect(pages.flatMap(emails)).toEqual(people.map(({ email }) => email));
        const resumed = await all(channel, pages[0]!.toldUntil!);
        const heard = new Set([...emails(pages[0]!), ...resumed.flatMap(emails)]);
        expect(heard.size).toBe(230);
        expect(resumed.flatMap(emails).length).toBeLessThan(140);
      });

      it.each(['hang', 'reset', 'page', 'busy'] as const)('are asked for again later while the platform is in trouble (%s)', async (kind) => {
        world.leaves(ada, 'email');
        world.breaks(kind, 1);
        expect(await world.marketing.optOuts(world.tenant, 'email', 0)).toEqual({ waitMs: expect.any(Number) as unknown });
        world.wait(60_000);
        expect((await told('email', 0)).events).toHaveLength(1);
      });
    });

    describe('what goes in the background', () => {
      it('leaves every live event its call at once, however much of it waits', async () => {
        const ask = (waiting: number, background?: boolean) => world.marketing.slot(world.tenant, 'track', waiting, background);
        let sent = 0;
        for (let n = 0; n < 40; n++) {
          const slot = await ask(20_000, true);
          if ('send' in slot) expect(outcomes(await slot.send([out(track(`background${sent++}`), ada)]))).toEqual(['accepted']);
          else world.wait(slot.waitMs);
          const live = await ask(1);
          if (!('send' in live)) throw new Error(`a live event waits ${live.waitMs} ms`);
          expect(outcomes(await live.send([out(track(`live${n}`), ada)]))).toEqual(['accepted']);
        }
        await world.settle();
        expect(sent).toBeGreaterThan(10);
        expect(world.events(ada)).toHaveLength(40 + sent);
        expect(world.throttled()).toBe(0);
      });

      it('imports profiles, and looks how that fares', async () => {
        const slot = await world.marketing.slot(world.tenant, 'upsert-profile', 40, true);
        if (!('send' in slot)) throw new Error(`waits ${slot.waitMs} ms`);
        const [first] = await slot.send(Array.from({ length: 40 }, (_, index) => out(update(), { email: `p${index}@shop.fr` })));
        if (first?.outcome !== 'importing') throw new Error(`not importing but ${first?.outcome}`);
        await world.settle();
        expect(await world.marketing.importProgress(world.tenant, first.receipt, true)).toEqual({ done: true, lost: false, refused: [] });
      });
    });

    describe('trouble', () => {
      it.each([
        ['hang', 'KLAVIYO_UNAVAILABLE'],
        ['reset', 'KLAVIYO_UNAVAILABLE'],
        ['page', 'KLAVIYO_UNAVAILABLE'],
        ['busy', 'KLAVIYO_BUSY'],
      ] as const)('(%s) loses nothing in any lane, and when it is over everything goes', async (kind, code) => {
        await subscribed(ada);
        world.wait(2000);
        const lanes: [MarketingLane, () => Command][] = [['track', () => track('u1')], ['upsert-profile', update], ['subscribe', subscribe], ['unsubscribe', unsubscribe]];
        for (const [lane, command] of lanes) {
          await world.settle();
          world.wait(2000);
          const once = out(command(), ada);
          world.breaks(kind, 1);
          expect(outcomes(await send(world, lane, [once]))).toEqual([`later ${code}`]);
          expect(['accepted', 'importing']).toContain((await send(world, lane, [once]))[0]?.outcome);
        }
      });

      it('says so when asked for the state of health', async () => {
        expect(await world.marketing.ping(world.tenant)).toMatchObject({ ok: true });
        world.wait(60_000);
        world.breaks('page', 1);
        expect(await world.marketing.ping(world.tenant)).toMatchObject({ ok: false });
      });

      it('in one batch of profiles sends every one of them later', async () => {
        world.breaks('reset', 1);
        const batch = Array.from({ length: 40 }, (_, index) => out(update(), { email: `p${index}@shop.fr` }));
        expect(new Set(outcomes(await send(world, 'upsert-profile', batch)))).toEqual(new Set(['later KLAVIYO_UNAVAILABLE']));
      });
    });
  });
}
