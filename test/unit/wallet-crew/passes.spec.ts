import type { NotNow, PassPage, Passes } from '#core';
import { heldPass, page, type Reply, Vendor } from './support.js';

describe('reading passes', () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await Vendor.start({ requestsPerMinute: 20 });
  });
  afterEach(() => {
    expect(vendor.permits.open).toBe(0);
    vendor.close();
  });
  const say = (reply: Reply) => {
    vendor.answer = () => reply;
    return vendor.passes();
  };

  it('asks for the pages by the documented fields, with the key', async () => {
    const passes = say(page([]));
    await passes.page('acme', 3, 'oldest-first');
    await passes.page('acme', 0, 'newest-change-first');
    await passes.find('acme', 'y2.customerId', 'C 42');
    expect(vendor.heard.map(({ method, path, key }) => [method, path, key])).toEqual(Array.from({ length: 3 }, () => ['GET', '/api/acme/passes', 'the-key']));
    expect(vendor.heard.map(({ query }) => Object.fromEntries(query))).toEqual([
      { pageIndex: '3', pageSize: '100', 'sortBy[0].field': 'creationDate', 'sortBy[0].direction': 'ASC' },
      { pageIndex: '0', pageSize: '100', 'sortBy[0].field': 'lastUpdateDate', 'sortBy[0].direction': 'DESC' },
      { pageIndex: '0', pageSize: '100', 'filter[0].field': 'identifiers.y2.customerId', 'filter[0].operator': 'equals', 'filter[0].value': 'C 42' },
    ]);
  });

  it('tells when a pass last changed, and how many there are only where that is said', async () => {
    const listed = [heldPass('p-1', { lastUpdateDate: '2026-08-03T09:00:00' }), heldPass('p-2', { lastUpdateDate: '0001-01-01T00:00:00' })];
    expect(await say(page(listed)).page('acme', 0, 'oldest-first')).toMatchObject({ total: 2, size: 100, passes: [{ id: 'p-1', changedAt: Date.UTC(2026, 7, 3, 9) }, { id: 'p-2', createdAt: Date.UTC(2026, 7, 1, 9) }] });
    for (const total of [undefined, '', 'many']) expect(await say(page(listed, total === undefined ? {} : { 'x-pagination-total': total })).page('acme', 0, 'oldest-first')).not.toHaveProperty('total');
  });

  it.each<[string, Reply, NotNow]>([
    ['429, as long as it says', { status: 429, headers: { 'retry-after': '7' } }, { waitMs: 7000 }],
    ['500', { status: 500 }, { waitMs: 5000 }],
    ['a page of somebody in between', { status: 403, body: '<!DOCTYPE html>' }, { waitMs: 5000 }],
    ['silence', 'silence', { waitMs: 5000 }],
    ['a broken connection', 'hang up', { waitMs: 5000 }],
    ['a list that was cut short', { status: 200, body: '[{"id":"p-1"' }, { waitMs: 5000 }],
    ['something that is no list', { status: 200, body: '{}' }, { waitMs: 5000 }],
  ])('waits after %s', async (_, reply, expected) => {
    const passes = say(reply);
    expect(await passes.page('acme', 0, 'oldest-first')).toEqual(expected);
    expect(vendor.heard).toHaveLength(1);
  });

  describe('several pages at once', () => {
    let quick: Vendor;
    beforeEach(async () => {
      quick = await Vendor.start({ requestsPerMinute: 600 });
    });
    afterEach(() => {
      expect(quick.permits.open).toBe(0);
      quick.close();
    });
    const read = (passes: Passes, first: number, most: number) => passes.pages('acme', first, most, 'oldest-first') as Promise<PassPage[]>;

    it('end before one that could not be had, and what was wrong is said when that one is asked for', async () => {
      quick.answer = ({ query }) => (query.get('pageIndex') === '2' ? { status: 503 } : page([heldPass(`p-${query.get('pageIndex')}`)]));
      const passes = quick.passes();
      expect((await read(passes, 0, 4)).map((one) => one.passes[0]!.id)).toEqual(['p-0', 'p-1']);
      expect(await read(passes, 2, 4)).toEqual({ waitMs: expect.any(Number) as number });
    });

    it('are no more than there is leave for', async () => {
      quick.answer = () => page([]);
      expect(await read(quick.passes(), 0, 40)).toHaveLength(14);
      expect(quick.heard.map(({ query }) => Number(query.get('pageIndex'))).toSorted((x, y) => x - y)).toEqual(Array.from({ length: 14 }, (_, n) => n));
    });
  });

  it.each<[string, Reply, string]>([
    ['401', { status: 401 }, 'WALLET_CREW_KEY_REFUSED'],
    ['403', { status: 403, body: '{"title":"Forbidden"}' }, 'WALLET_CREW_KEY_REFUSED'],
    ['400', { status: 400, body: '{"title":"One or more validation errors occurred.","errors":{"sortBy":["no"]}}' }, 'WALLET_CREW_REFUSED'],
    ['404', { status: 404 }, 'WALLET_CREW_REFUSED'],
    // Left out, it would make a full page look like the last one.
    ['a pass without an id', page([heldPass('p-1'), { passType: 'loyalty' }]), 'WALLET_CREW_UNAVAILABLE'],
  ])('ends after %s, because waiting mends nothing', async (_, reply, code) => {
    await expect(say(reply).page('acme', 0, 'oldest-first')).rejects.toMatchObject({ code });
  });

  it('uses nine tenths of the calls of a minute, and leaves the last to live commands', async () => {
    const passes = say(page([]));
    expect(passes.callsPerMinute('acme')).toBe(18);
    let read = 0;
    for (let answered = await passes.page('acme', 0, 'oldest-first'); !('waitMs' in answered); answered = await passes.page('acme', 0, 'oldest-first')) read++;
    expect(read).toBe(18);
    vendor.clock.at += 1000;
    const slot = await vendor.leave('push-update', 5);
    expect(slot.items).toBe(2);
    await slot.release();
  });

  it('of a tenant that is not configured is a mistake', async () => {
    await expect(vendor.passes().page('nobody', 0, 'oldest-first')).rejects.toMatchObject({ code: 'TENANT_UNKNOWN' });
  });
});
