import type { Answer, Outgoing, PushUpdate, WalletLane } from '#core';
import { heldPass, page, type Reply, Vendor } from './support.js';

describe('what The Wallet Crew answers', () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await Vendor.start({ timeoutMs: 200, requestsPerMinute: 20 });
  });
  afterEach(() => vendor.close());

  const update: PushUpdate = { do: 'push-update', identifiers: { email: 'ana@mail.example' }, additionalData: { points: 5 }, updateMetadata: false };
  const outgoing = (id: string): Outgoing => ({ id, attempts: 0, identity: {}, command: update });
  const say = (reply: Reply, attempts = 0): Promise<Answer> => {
    vendor.answer = () => reply;
    return vendor.carryOut(update, { attempts });
  };

  it('the call is The Wallet Crew\'s own, with its key and nothing but the documented fields', async () => {
    await say({ status: 200 });
    expect(vendor.heard).toMatchObject([{ method: 'POST', path: '/api/acme/webhooks/listeners/klaviyo/passes/pushUpdate', key: 'the-key', body: '{"identifiers":{"email":"ana@mail.example"},"additionalData":{"points":5},"updateMetadata":false}' }]);
  });

  it.each<[string, Reply, object]>([
    ['200 is done', { status: 200 }, { outcome: 'accepted' }],
    ['204 is done', { status: 204 }, { outcome: 'accepted' }],
    ['404 means there is no such pass', { status: 404 }, { outcome: 'refused', code: 'WALLET_CREW_PASS_MISSING', words: '404' }],
    ['400 tells the fields, without their values', { status: 400, body: '{"title":"One or more validation errors occurred.","detail":"ana@mail.example","errors":{"identifiers":["ana@mail.example is bad"]}}' }, { outcome: 'refused', code: 'WALLET_CREW_REFUSED', words: '400 One or more validation errors occurred. (identifiers)' }],
    ['401 waits for a better key', { status: 401 }, { outcome: 'later', code: 'WALLET_CREW_KEY_REFUSED', waitMs: 60_000 }],
    ['403 waits for the scope', { status: 403, body: '{"title":"Forbidden"}' }, { outcome: 'later', code: 'WALLET_CREW_KEY_REFUSED' }],
    ['a page with 403 is the network\'s', { status: 403, body: '<!DOCTYPE html>' }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['a page with 200 comes from somebody else', { status: 200, body: '<!DOCTYPE html>' }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['429 waits as long as it says', { status: 429, headers: { 'retry-after': '7' } }, { outcome: 'later', code: 'WALLET_CREW_BUSY', waitMs: 7_000 }],
    ['429 without a time waits a little', { status: 429 }, { outcome: 'later', code: 'WALLET_CREW_BUSY', waitMs: 5_000 }],
    ['500 is tried again', { status: 500 }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE', waitMs: 1_000 }],
    ['525 with a page is tried again', { status: 525, body: '<html>' }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['a redirect is not followed', { status: 302, headers: { location: 'http://127.0.0.1:9/' } }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['silence is given up', 'silence', { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE', words: 'No answer within 200 ms.' }],
    ['a broken connection is tried again', 'hang up', { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE', words: 'No connection.' }],
  ])('%s', async (_title, reply, expected) => {
    expect(await say(reply)).toMatchObject({ id: 'c-1', ...expected });
    expect(vendor.permits.open).toBe(0);
  });

  it('what fails again and again is tried less and less often', async () => {
    const waits: unknown[] = [];
    for (const attempts of [0, 1, 2, 5, 20]) {
      waits.push(((await say({ status: 503 }, attempts)) as { waitMs?: number }).waitMs);
      vendor.clock.at += 120_000;
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 32_000, 300_000]);
  });

  it('an account that fails is left alone for a while, and is well again with its first answer', async () => {
    await say({ status: 503 });
    expect(await vendor.platform.slot('acme', 'push-update', 5)).toEqual({ waitMs: expect.any(Number) as number });
    vendor.clock.at += 60_000;
    const probe = await vendor.leave('push-update', 5);
    expect(probe.items).toBe(1);
    vendor.answer = () => ({ status: 200 });
    await probe.send([outgoing('c-2')]);
    expect(vendor.permits.history.map(({ what }) => what)).toEqual(['failed', 'recovered']);
    vendor.clock.at += 2_000;
    expect((await vendor.leave('push-update', 5)).items).toBe(2);
  });

  it('a scope that is missing holds up only what needs it, and one command finds out when it is there', async () => {
    await say({ status: 403, body: '{"title":"Forbidden"}' });
    expect(await vendor.platform.slot('acme', 'push-update', 5)).toEqual({ waitMs: 60_000 });
    vendor.clock.at += 2_000;
    await (await vendor.leave('notify')).release();
    vendor.clock.at += 60_000;
    const probe = await vendor.leave('push-update', 5);
    expect(probe.items).toBe(1);
    vendor.answer = () => ({ status: 200 });
    await probe.send([outgoing('c-2')]);
    vendor.clock.at += 62_000;
    expect((await vendor.leave('push-update', 5)).items).toBe(2);
  });

  it('takes no more calls than the tenant allows, and gives back those it does not need', async () => {
    const slot = await vendor.leave('push-update', 50);
    expect(slot.items).toBe(2);
    await slot.release();
    const [one, two] = [await vendor.leave('push-update', 50), await vendor.platform.slot('acme', 'push-update', 50)];
    expect([one.items, two]).toEqual([2, { waitMs: expect.any(Number) as number }]);
    expect(await one.send([outgoing('c-9')])).toEqual([{ id: 'c-9', outcome: 'accepted' }]);
    expect(vendor.permits.open).toBe(0);
    expect(await vendor.platform.slot('nobody', 'push-update', 1)).toEqual({ waitMs: 300_000 });
  });
});

describe('what goes to The Wallet Crew in the background', () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await Vendor.start({ requestsPerMinute: 120 });
  });
  afterEach(() => vendor.close());

  const background = async (lane: WalletLane, waiting = 50) => vendor.platform.slot('acme', lane, waiting, true);
  const lookUp = (id: string): Outgoing => ({ id, attempts: 0, identity: {}, command: { do: 'look-up', profile: { email: 'ana@mail.example' }, by: [{ key: 'email', value: 'ana@mail.example' }] } });

  const push = (id: string): Outgoing => ({ id, attempts: 0, identity: {}, command: { do: 'push-update', identifiers: { email: 'ana@mail.example' }, updateMetadata: false } });

  it('leaves a live command its call in every second and minute', async () => {
    let taken = 0;
    const began = vendor.clock.at;
    while (vendor.clock.at < began + 60_000) {
      const slot = await background('push-update');
      if ('waitMs' in slot) vendor.clock.at += slot.waitMs;
      else taken += (await slot.send([push('c-1'), push('c-2')].slice(0, slot.items))).length;
      await (await vendor.leave('push-update')).release();
    }
    expect(taken).toBe(108);
  });

  it('keeps no live command waiting behind calls that wait for leave there', async () => {
    const slot = await background('look-up', 2);
    if ('waitMs' in slot) throw new Error('no leave');
    // Each has passes to list on a second page, for which it waits; the background has used its second.
    vendor.answer = ({ path }) => (path.endsWith('/passes') ? page([heldPass('P-1')], { 'x-pagination-total': '200' }) : { status: 200, body: '"token"' });
    while ('send' in (await background('look-up'))) { /* all leave of this second */ }
    const answered = slot.send([lookUp('c-1'), lookUp('c-2')]);
    await (await vendor.leave('push-update')).release();
    expect((await answered).map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted']);
  });
});
