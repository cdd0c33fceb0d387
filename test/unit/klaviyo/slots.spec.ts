import type { Outgoing, Slot } from '#core';
import { adapter, answer, consent, errorBody, type Handler, outgoing, track, update, vendor, withdrawal } from './fakes.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function against(handler: Handler = (_, response) => answer(response, 202), more = {}) {
  const server = await vendor(handler);
  const all = { ...adapter(server.url, more), received: server.received };
  closing.push(() => all.marketing.close(), server.close);
  return all;
}

function isSlot(slot: Slot | { waitMs: number }): Slot {
  if (!('send' in slot)) throw new Error(`no slot for ${slot.waitMs} ms`);
  return slot;
}

const events = (count: number): Outgoing[] => Array.from({ length: count }, (_, index) => outgoing(track(`u${index}`)));
const paths = (received: { path: string }[]) => [...new Set(received.map(({ path }) => path))];

describe('Events', () => {
  it('go one by one while they are few', async () => {
    const { marketing, received } = await against();
    const slot = isSlot(await marketing.slot('shop', 'track', 3));
    expect(slot.items).toBe(3);
    const answers = await slot.send(events(3));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(received.map(({ path }) => path)).toEqual(['/api/events', '/api/events', '/api/events']);
  });

  it('go in bulk when more wait than single calls can carry', async () => {
    const { marketing, received } = await against();
    const slot = isSlot(await marketing.slot('shop', 'track', 59));
    expect(slot.items).toBe(1000);
    await slot.send(events(59));
    expect(paths(received)).toEqual(['/api/event-bulk-create-jobs']);
  });

  it('go in bulk when the single calls of this second are spent', async () => {
    // Two per cent of 350 a second.
    const { marketing } = await against(undefined, { quotaShare: 0.02 });
    for (let call = 0; call < 7; call++) expect(isSlot(await marketing.slot('shop', 'track', 1)).items).toBe(1);
    expect(isSlot(await marketing.slot('shop', 'track', 1)).items).toBe(1000);
  });

  it('that do not fill a batch leave at least 400 ms between batches', async () => {
    const { marketing, clock } = await against();
    isSlot(await marketing.slot('shop', 'track', 999));
    expect(await marketing.slot('shop', 'track', 999)).toEqual({ waitMs: 400 });
    clock.at += 400;
    isSlot(await marketing.slot('shop', 'track', 999));
    // A full batch waits for nothing.
    expect(isSlot(await marketing.slot('shop', 'track', 5000)).items).toBe(1000);
  });

  it('that are the same are sent once and accepted together', async () => {
    const { marketing, received } = await against();
    const slot = isSlot(await marketing.slot('shop', 'track', 1000));
    const answers = await slot.send([outgoing(track('same')), outgoing(track('same')), outgoing(track('other'))]);
    expect(answers.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(answers[1]?.words).toContain('counts it once');
    expect(received[0]?.text.match(/"unique_id":"same"/g)).toHaveLength(1);
  });

  it('too large for Klaviyo are refused here and do not take the batch down', async () => {
    const { marketing, received } = await against();
    const slot = isSlot(await marketing.slot('shop', 'track', 1000));
    const answers = await slot.send([outgoing(track('long', { properties: { text: 'é'.repeat(50_001) } })), outgoing(track('many', { properties: Object.fromEntries(Array.from({ length: 401 }, (_, index) => [`p${index}`, 1])) })), outgoing(track('fine'))]);
    expect(answers.map((one) => ('code' in one ? one.code : one.outcome))).toEqual(['KLAVIYO_ITEM_TOO_LARGE', 'KLAVIYO_ITEM_TOO_LARGE', 'accepted']);
    expect(received[0]?.text).not.toContain('"long"');
  });

  it('that Klaviyo holds already count as accepted', async () => {
    const { marketing } = await against((_, response) => answer(response, 400, errorBody(400, 'duplicate', '/data/attributes/events-bulk-create/data/0/attributes/events/data/0/attributes/unique_id', 'The unique_id was already used.')));
    const slot = isSlot(await marketing.slot('shop', 'track', 1000));
    expect(await slot.send(events(1))).toMatchObject([{ outcome: 'accepted', words: 'Klaviyo holds this event already.' }]);
  });

  it('of somebody nothing identifies wait', async () => {
    const { marketing, received, permits } = await against();
    const slot = isSlot(await marketing.slot('shop', 'track', 1));
    expect(await slot.send([outgoing(track('u1'), {})])).toMatchObject([{ outcome: 'later', code: 'PERSON_NOT_REACHABLE' }]);
    expect([received.length, permits.open]).toEqual([0, 0]);
  });
});

describe('Leave to send', () => {
  it('that is given back costs nothing', async () => {
    const { marketing, permits } = await against();
    await isSlot(await marketing.slot('shop', 'track', 10)).release();
    expect(permits.open).toBe(0);
  });

  it('is used once', async () => {
    const { marketing, received } = await against();
    const slot = isSlot(await marketing.slot('shop', 'track', 1));
    await slot.send(events(1));
    expect(await slot.send(events(1))).toMatchObject([{ outcome: 'later', waitMs: 0 }]);
    await slot.release();
    expect(received).toHaveLength(1);
  });

  it('that was not needed is given back', async () => {
    const { marketing, permits } = await against();
    await isSlot(await marketing.slot('shop', 'track', 10)).send(events(2));
    expect(permits.open).toBe(0);
  });

  it('answers more commands than it was for with "later"', async () => {
    const { marketing } = await against();
    const answers = await isSlot(await marketing.slot('shop', 'track', 1)).send(events(3));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['accepted', 'later', 'later']);
  });

  it('is refused for an unknown tenant', async () => {
    const { marketing } = await against();
    await expect(marketing.slot('nobody', 'track', 1)).rejects.toMatchObject({ code: 'TENANT_UNKNOWN' });
  });

  it('for an account that failed is for one item, whoever noticed the failure', async () => {
    const { marketing, permits, clock } = await against((_, response, index) => answer(response, index === 0 ? 502 : 202));
    await isSlot(await marketing.slot('shop', 'track', 1)).send(events(1));
    expect(await marketing.slot('shop', 'subscribe', 500)).toEqual({ waitMs: 1000 });
    clock.at += 1000;
    const probe = isSlot(await marketing.slot('shop', 'track', 5000));
    expect(probe.items).toBe(1);
    await probe.send(events(1));
    expect(permits.history.map(({ what }) => what)).toEqual(['failed', 'recovered']);
    expect(isSlot(await marketing.slot('shop', 'track', 5000)).items).toBe(1000);
  });

  it('is lost once, not once per call, when calls fail together', async () => {
    const { marketing, permits } = await against((_, response) => answer(response, 500, 'down'));
    await isSlot(await marketing.slot('shop', 'track', 20)).send(events(20));
    expect(permits.history).toEqual([expect.objectContaining({ what: 'failed' })]);
  });

  it('pauses for one operation as long as Retry-After says', async () => {
    const { marketing, permits, clock, meter } = await against((_, response) => answer(response, 429, errorBody(429, 'throttled', '/data'), { 'retry-after': '7' }));
    expect(await isSlot(await marketing.slot('shop', 'upsert-profile', 1)).send([outgoing(update())])).toMatchObject([{ outcome: 'later', code: 'KLAVIYO_BUSY', waitMs: 7000 }]);
    expect(permits.history).toEqual([expect.objectContaining({ what: 'pause', operation: 'create_or_update_profile', ms: 7000 })]);
    expect(meter.counted).toContain('klaviyo_429_total create_or_update_profile');
    isSlot(await marketing.slot('shop', 'track', 1));
    clock.at += 7000;
    isSlot(await marketing.slot('shop', 'upsert-profile', 1));
  });

  it('follows the limits that Klaviyo names in its answers', async () => {
    const { marketing } = await against((_, response) => answer(response, 202, undefined, { 'ratelimit-limit': '2, 2;w=1, 600;w=60' }));
    await isSlot(await marketing.slot('shop', 'track', 1)).send(events(1));
    expect(isSlot(await marketing.slot('shop', 'track', 2)).items).toBe(1000);
  });
});

describe('An address that leads nowhere', () => {
  it.each(['track', 'upsert-profile'] as const)('parks nothing of lane %s, because a missing route is an outage or a wrong setting', async (lane) => {
    const { marketing, clock } = await against((_, response) => answer(response, 404, errorBody(404, 'not_found', '/data', 'There is nothing at this path.')));
    for (const waiting of [1, 100]) {
      const slot = isSlot(await marketing.slot('shop', lane, waiting));
      expect(await slot.send([outgoing(lane === 'track' ? track('u1') : update())])).toMatchObject([{ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE' }]);
      clock.at += 60_000;
    }
  });
});

describe('Bookkeeping that fails', () => {
  it('does not make an accepted event an unaccepted one, and throws nothing', async () => {
    const { marketing, permits, log } = await against();
    const slot = isSlot(await marketing.slot('shop', 'track', 2));
    permits.settle = () => Promise.reject(new Error('database is gone'));
    permits.giveBack = () => Promise.reject(new Error('database is gone'));
    expect(await slot.send(events(1))).toMatchObject([{ outcome: 'accepted' }]);
    expect(log.lines.join()).toContain('DATABASE_UNAVAILABLE');
  });
});

describe('Profiles', () => {
  it('go one by one up to twelve, and in bulk beyond', async () => {
    const { marketing } = await against();
    expect(isSlot(await marketing.slot('shop', 'upsert-profile', 12)).items).toBe(12);
    expect(isSlot(await marketing.slot('shop', 'upsert-profile', 13)).items).toBe(10_000);
  });

  it('above 100 KB are refused', async () => {
    const { marketing, received } = await against();
    const slot = isSlot(await marketing.slot('shop', 'upsert-profile', 1));
    expect(await slot.send([outgoing(update({ text: 'x'.repeat(100_001) }))])).toMatchObject([{ outcome: 'refused', code: 'KLAVIYO_ITEM_TOO_LARGE' }]);
    expect(received).toHaveLength(0);
  });

  it('are imported with the job as receipt and their place in it as position', async () => {
    const { marketing } = await against((_, response) => answer(response, 202, { data: { type: 'profile-bulk-import-job', id: 'am9iLTE=', attributes: { status: 'queued' } } }));
    const slot = isSlot(await marketing.slot('shop', 'upsert-profile', 100));
    const answers = await slot.send(Array.from({ length: 3 }, (_, index) => outgoing(update(), { email: `p${index}@shop.fr` })));
    expect(answers).toMatchObject([0, 1, 2].map((position) => ({ outcome: 'importing', receipt: 'am9iLTE=', position })));
  });

  it('go out again when Klaviyo takes an import and names no job', async () => {
    const { marketing } = await against((_, response) => answer(response, 202, { data: {} }));
    const slot = isSlot(await marketing.slot('shop', 'upsert-profile', 100));
    expect(await slot.send([outgoing(update())])).toMatchObject([{ outcome: 'later', code: 'KLAVIYO_IMPORT_LOST' }]);
  });
});

describe('Consents', () => {
  it('without the address of their channel are refused', async () => {
    const { marketing, received } = await against();
    const slot = isSlot(await marketing.slot('shop', 'subscribe', 1));
    expect(await slot.send([outgoing(consent({ channel: 'sms' }))])).toMatchObject([{ outcome: 'refused', code: 'CONSENT_WITHOUT_IDENTIFIER' }]);
    expect(received).toHaveLength(0);
  });

  it('that differ in list, source or history go in requests of their own', async () => {
    const { marketing, received, permits } = await against();
    const slot = isSlot(await marketing.slot('shop', 'subscribe', 4));
    const answers = await slot.send([consent(), consent({ field: 'club' }), consent({ listId: 'LIST02' }), consent({ historical: true })].map((command) => outgoing(command)));
    expect(answers.every(({ outcome }) => outcome === 'accepted')).toBe(true);
    expect([received.length, permits.open]).toEqual([4, 0]);
  });

  it('that are old are not sent while Klaviyo cannot say what it holds', async () => {
    const { marketing, received } = await against((_, response) => answer(response, 503));
    const slot = isSlot(await marketing.slot('shop', 'subscribe', 1));
    expect(await slot.send([outgoing(consent({ consentedAt: 0 }))])).toMatchObject([{ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE' }]);
    expect(received.map(({ method }) => method)).toEqual(['GET']);
  });

  it('that are old are not sent when the answer holds no profiles at all', async () => {
    const { marketing, received } = await against((_, response) => answer(response, 200, {}));
    const slot = isSlot(await marketing.slot('shop', 'subscribe', 1));
    expect(await slot.send([outgoing(consent({ consentedAt: 0 }))])).toMatchObject([{ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE' }]);
    expect(received.map(({ method }) => method)).toEqual(['GET']);
  });

  it('that are old are read and sent once the account answers again', async () => {
    const { marketing, clock } = await against((request, response, index) => (index === 0 ? answer(response, 502) : request.method === 'GET' ? answer(response, 200, { data: [], links: {} }) : answer(response, 202)));
    const send = async () => isSlot(await marketing.slot('shop', 'subscribe', 1)).send([outgoing(consent({ consentedAt: 0 }))]);
    expect(await send()).toMatchObject([{ outcome: 'later' }]);
    clock.at += 60_000;
    expect(await send()).toMatchObject([{ outcome: 'accepted' }]);
  });

  it('that are old do not wait for ever because Klaviyo does not accept one address in a question', async () => {
    const { marketing, received } = await against((request, response) => {
      if (request.method !== 'GET') answer(response, 202);
      else if (request.query.get('filter')?.includes('odd')) answer(response, 400, { errors: [{ code: 'invalid', title: 'Invalid input.', detail: 'Invalid filter.', source: { parameter: 'filter' } }] });
      else answer(response, 200, { data: [], links: {} });
    });
    const people = ['a@shop.fr', 'b@shop.fr', 'odd@shop.fr', 'c@shop.fr'];
    const slot = isSlot(await marketing.slot('shop', 'subscribe', 4));
    const answers = await slot.send(people.map((email) => outgoing(consent({ consentedAt: 0 }), { email })));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'refused', 'accepted']);
    expect(received.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('for a list that Klaviyo does not know wait for the settings', async () => {
    const { marketing } = await against((_, response) => answer(response, 404, errorBody(404, 'not_found', '/data/relationships/list/data/id')));
    const slot = isSlot(await marketing.slot('shop', 'subscribe', 1));
    expect(await slot.send([outgoing(consent())])).toMatchObject([{ outcome: 'later', code: 'KLAVIYO_LIST_MISSING' }]);
  });
});

describe('Withdrawals', () => {
  it('without a list are refused, because sent they would be global', async () => {
    const { marketing, received } = await against();
    const slot = isSlot(await marketing.slot('shop', 'unsubscribe', 1));
    expect(await slot.send([outgoing(withdrawal({ listId: undefined }))])).toMatchObject([{ outcome: 'refused', code: 'KLAVIYO_UNSUBSCRIBE_WITHOUT_LIST' }]);
    expect(received).toHaveLength(0);
  });

  it('without a list of their own concern the list of the tenant', async () => {
    const { marketing, received } = await against((_, response) => answer(response, 200, { data: [], links: {} }), { listId: 'LIST09' });
    const slot = isSlot(await marketing.slot('shop', 'unsubscribe', 1));
    expect(await slot.send([outgoing(withdrawal({ listId: undefined }))])).toMatchObject([{ outcome: 'skipped', code: 'KLAVIYO_NOT_A_MEMBER' }]);
    expect(received.map(({ path }) => path)).toEqual(['/api/lists/LIST09/profiles']);
  });

  it('are not sent while membership cannot be read', async () => {
    const { marketing, received, permits } = await against((_, response) => answer(response, 500));
    const slot = isSlot(await marketing.slot('shop', 'unsubscribe', 1));
    expect(await slot.send([outgoing(withdrawal())])).toMatchObject([{ outcome: 'later', code: 'KLAVIYO_UNAVAILABLE' }]);
    expect([received.map(({ method }) => method), permits.open]).toEqual([['GET'], 0]);
  });
});

describe('What goes in the background', () => {
  const background = (marketing: Awaited<ReturnType<typeof against>>['marketing'], lane: 'track' | 'upsert-profile' | 'subscribe', waiting: number) => marketing.slot('shop', lane, waiting, true);

  it('leaves a live event its call in every window, however much of it waits', async () => {
    const { marketing, clock } = await against();
    const began = clock.at;
    let batches = 0;
    while (clock.at < began + 60_000) {
      const slot = await background(marketing, 'track', 20_000);
      if ('waitMs' in slot) {
        clock.at += slot.waitMs;
        continue;
      }
      batches++;
      await slot.send([outgoing(track(`u${batches}`))]);
      // One by one, and in bulk.
      for (const waiting of [1, 1000]) await isSlot(await marketing.slot('shop', 'track', waiting)).release();
    }
    expect(batches).toBeLessThanOrEqual(135);
    expect(batches).toBeGreaterThan(125);
  });

  it('finds no room while live traffic uses its part', async () => {
    const { marketing } = await against(undefined, { quotaShare: 0.05 });
    // Seven bulk calls a minute are ours, six of them in the background; full batches wait for nothing.
    const live = () => marketing.slot('shop', 'track', 5000);
    isSlot(await live());
    expect(await background(marketing, 'track', 5000)).toEqual({ waitMs: expect.any(Number) as number });
  });

  it('goes in bulk and evenly, also when it is little', async () => {
    const { marketing, clock } = await against();
    expect(isSlot(await background(marketing, 'track', 3)).items).toBe(1000);
    expect(await background(marketing, 'track', 20_000)).toEqual({ waitMs: 445 });
    // Little gathers for longer.
    expect(await background(marketing, 'track', 3)).toEqual({ waitMs: 4 * 445 });
    clock.at += 445;
    expect(isSlot(await background(marketing, 'track', 20_000)).items).toBe(1000);
  });

  it('gathers profiles for few imports, because each is looked after by several calls, and for smaller ones where few wait', async () => {
    const { marketing, clock } = await against();
    // Also when it is little: what trickles in for hours would be a call each.
    for (const waiting of [3, 1_999]) {
      const slot = isSlot(await background(marketing, 'upsert-profile', waiting));
      expect(slot.items).toBe(500);
      await slot.release();
    }
    expect(isSlot(await background(marketing, 'upsert-profile', 2_000)).items).toBe(2_000);
    expect(await background(marketing, 'upsert-profile', 20_000)).toEqual({ waitMs: 1780 });
    expect(isSlot(await marketing.slot('shop', 'upsert-profile', 20_000)).items).toBe(10_000);
    clock.at += 1780;
    expect(isSlot(await background(marketing, 'upsert-profile', 20_000)).items).toBe(2_000);
  });

  it('keeps to its part also for the calls that a send needs on its way', async () => {
    const { marketing, permits } = await against((request, response) => answer(response, request.path.includes('subscription') ? 202 : 200, { data: [] }));
    const asked: [string, number][] = [];
    const take = permits.take.bind(permits);
    permits.take = (account, operation, want, limit, pacing) => {
      asked.push([operation, limit.steady]);
      return take(account, operation, want, limit, pacing);
    };
    await isSlot(await background(marketing, 'subscribe', 1)).send([outgoing(consent({ consentedAt: 0 }))]);
    await isSlot(await marketing.slot('shop', 'subscribe', 1)).send([outgoing(consent({ consentedAt: 0 }))]);
    expect(asked).toEqual([['bulk_subscribe_profiles', 675], ['get_profiles', 675], ['bulk_subscribe_profiles', 750], ['get_profiles', 750]]);
  });
});
