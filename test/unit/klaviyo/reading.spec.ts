import { adapter, answer, errorBody, type Handler, type Received, vendor } from './fakes.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function against(handler: Handler, more = {}) {
  const server = await vendor(handler);
  const all = { ...adapter(server.url, more), received: server.received };
  closing.push(() => all.marketing.close(), server.close);
  return all;
}

const profile = (id: string, attributes: object = {}) => ({ type: 'profile', id, attributes: { created: '2026-08-01T10:00:00.131026+00:00', updated: '2026-08-02T10:00:00.999999+00:00', ...attributes } });
const says = (body: unknown, status = 200): Handler => (_, response) => answer(response, status, body);
const metric = (id: string, name: string, integration = 'API') => ({ type: 'metric', id, attributes: { name, integration: { name: integration } } });
const event = (uniqueId: string | undefined, datetime: string, metricId = 'M1') => ({
  type: 'event', id: `id-${datetime}`, attributes: { datetime, event_properties: uniqueId === undefined ? {} : { $event_id: uniqueId } }, relationships: { metric: { data: { type: 'metric', id: metricId } } },
});

describe('A page of profiles', () => {
  it('gives times in whole milliseconds, never rounded up', async () => {
    const { profiles } = await against(says({ data: [profile('P1')] }));
    expect(await profiles.page('shop', {})).toMatchObject({ profiles: [{ createdAt: Date.UTC(2026, 7, 1, 10, 0, 0, 131), updatedAt: Date.UTC(2026, 7, 2, 10, 0, 0, 999) }] });
  });

  it('is asked for by any name somebody may type', async () => {
    const { profiles, received } = await against(says({ data: [] }));
    await profiles.find('shop', { externalId: 'we"ird\\id,(x)\n\u0001' });
    expect(received[0]!.query.get('filter')).toBe('equals(external_id,"we\\"ird\\\\id,(x)\\n\\u0001")');
  });

  it('asks for at least the range that was meant when a bound is no whole millisecond', async () => {
    const { profiles, received } = await against(says({ data: [] }));
    const at = Date.UTC(2026, 7, 1);
    await profiles.page('shop', { createdAfter: at + 0.7, createdBefore: at + 1000.2 });
    expect(received[0]!.query.get('filter')).toBe('greater-than(created,2026-08-01T00:00:00.000Z),less-than(created,2026-08-01T00:00:01.001Z)');
  });

  it.each([
    ['no body', undefined],
    ['no data', {}],
    ['one thing instead of a list', { data: profile('P1') }],
    ['errors with status 200', { errors: [] }],
  ])('is never taken for an empty one when the answer has %s', async (_, body) => {
    const { profiles } = await against(says(body));
    expect(await profiles.page('shop', {})).toEqual({ waitMs: 60_000 });
    expect(await profiles.find('shop', { email: 'ada@shop.fr' })).toEqual({ waitMs: 60_000 });
    expect(await profiles.events('shop', 'Pass Installed', 0, 1)).toEqual({ waitMs: 60_000 });
    expect(await profiles.newestEvents('shop', 'P1')).toEqual({ waitMs: 60_000 });
  });

  it('tells consent with its time, and both kinds of opt-out at once', async () => {
    const subscriptions = {
      email: { marketing: { consent: 'SUBSCRIBED', consent_timestamp: '2026-08-01T10:00:00', suppression: [{ reason: 'HARD_BOUNCE', timestamp: '2026-08-05T10:00:00' }, { reason: 'USER_SUPPRESSED', timestamp: '2026-08-04T10:00:00' }] } },
      sms: { marketing: { consent: 'UNSUBSCRIBED', consent_timestamp: '2026-08-01T10:00:00', last_updated: '2026-08-03T10:00:00' } },
    };
    const { profiles } = await against(says({ data: [profile('P1', { email: 'ada@shop.fr', phone_number: '', subscriptions })] }));
    expect(await profiles.page('shop', {})).toMatchObject({
      profiles: [{
        name: { klaviyoId: 'P1', email: 'ada@shop.fr' },
        consents: { email: { says: 'subscribed', at: Date.UTC(2026, 7, 1, 10) }, sms: { says: 'unsubscribed', at: Date.UTC(2026, 7, 3, 10) } },
        optOuts: [{ channel: 'email', at: Date.UTC(2026, 7, 4, 10), name: 'klaviyo.email.suppressed' }, { channel: 'sms', at: Date.UTC(2026, 7, 3, 10), name: 'klaviyo.sms.unsubscribed' }],
      }],
    });
  });
});

describe('Reading', () => {
  it('is given leave for the next page ahead, and does not use it before its time', async () => {
    const { profiles, permits, clock, received } = await against(says({ data: [] }));
    let asked = 0;
    permits.take = async (_account, _operation, _want, _limit, { spacingMs = 0, aheadMs = 0 } = {}) => {
      asked += 1;
      expect(aheadMs).toBeGreaterThanOrEqual(spacingMs);
      return { permits: [String(asked)], waitMs: 300, failures: 0 };
    };
    const waited: [ms: number, received: number][] = [];
    clock.wait = async (ms) => void waited.push([ms, received.length]);
    await profiles.page('shop', {});
    expect(waited).toEqual([[300, 0]]);
    expect([asked, received.length]).toEqual([1, 1]);
  });

  it('asks once for each call when several wait for the limit', async () => {
    const { profiles, permits, clock } = await against(says({ data: [] }));
    let asked = 0;
    const waited: number[] = [];
    const letIn: (() => void)[] = [];
    permits.take = async () => (++asked % 2 === 1 ? { permits: [], waitMs: 700, failures: 0 } : { permits: [String(asked)], waitMs: 0, failures: 0 });
    clock.wait = (ms) => new Promise((resolve) => { waited.push(ms); letIn.push(resolve); });
    const pages = Promise.all([1, 2, 3].map(() => profiles.page('shop', {})));
    for (let n = 0; n < 3; n++) {
      while (letIn.length === 0) await clock.nextTurn();
      // Only the first in line waits.
      expect({ asked, waiting: letIn.length }).toEqual({ asked: 2 * n + 1, waiting: 1 });
      letIn.pop()!();
    }
    await pages;
    expect({ asked, waited }).toEqual({ asked: 6, waited: [700, 700, 700] });
  });

  it.each<[string, Handler, string]>([
    ['a scope that is missing', says(errorBody(403, 'permission_denied', undefined), 403), 'KLAVIYO_SCOPE_MISSING'],
    ['a key that is refused', says(errorBody(401, 'not_authenticated', undefined), 401), 'KLAVIYO_KEY_REFUSED'],
    ['a revision that is retired', says(errorBody(410, 'gone', undefined), 410), 'KLAVIYO_REVISION_RETIRED'],
    ['a question that Klaviyo refuses', says(errorBody(400, 'invalid', undefined, 'ada@shop.fr is no filter.'), 400), 'KLAVIYO_REFUSED_ITEM'],
  ])('ends with its code for %s, because waiting mends nothing', async (_, handler, code) => {
    const { profiles, permits } = await against(handler);
    // With Klaviyo's words, and nobody's address.
    await expect(profiles.page('shop', {})).rejects.toMatchObject({ code, detail: expect.stringMatching(/^get_profiles: ((?!ada@shop\.fr).)+$/) as string });
    expect(permits.open).toBe(0);
  });

  it.each<[string, Handler, number | undefined]>([
    ['is throttled, as long as it says', (_, response) => answer(response, 429, {}, { 'retry-after': '7' }), 7000],
    ['has an outage', says('', 503), undefined],
    ['is hidden by a page', (_, response) => answer(response, 403, '<!DOCTYPE html>', { 'content-type': 'text/html' }), 60_000],
    ['breaks off', (_, response) => response.destroy(), undefined],
  ])('waits while Klaviyo %s', async (_, handler, waitMs) => {
    const { profiles } = await against(handler);
    const answered = await profiles.page('shop', {});
    expect(answered).toEqual({ waitMs: waitMs ?? 60_000 });
  });

  it('of a name that Klaviyo refuses in a filter finds nobody by it, and goes on with the others', async () => {
    const refusesEmail = ({ query }: Received) => query.get('filter')!.startsWith('equals(email');
    const { profiles } = await against((request, response) => (refusesEmail(request) ? answer(response, 400, errorBody(400, 'invalid', undefined)) : answer(response, 200, { data: [profile('P1')] })));
    expect(await profiles.find('shop', { email: 'no address', phone: '+33639980001' })).toMatchObject([{ name: { klaviyoId: 'P1' } }]);
  });

  it('takes one permit for a page, spreads a minute\'s pages over the minute, and leaves the last tenth of it to live traffic', async () => {
    const { profiles, marketing, received, clock } = await against((request, response) => answer(response, 200, { data: request.path === '/api/profiles' ? [] : {} }), { quotaShare: 0.04 });
    // 4 % of 750 are 30, and nine tenths of those 27.
    expect(profiles.pagesPerMinute('shop')).toBe(27);
    const times: number[] = [];
    while (times.length < 60) {
      const answered = await profiles.page('shop', {});
      if ('waitMs' in answered) await clock.wait(answered.waitMs);
      else times.push(clock.now());
    }
    expect(received).toHaveLength(60);
    // No minute holds more, and none is spent in its first seconds.
    for (const [n, at] of times.slice(27).entries()) expect(at - times[n]!).toBeGreaterThanOrEqual(60_000);
    for (const [n, at] of times.slice(1).entries()) expect(at - times[n]!).toBeGreaterThanOrEqual((0.85 * 60_000) / 27);
    // Somebody who waits to be asked about is asked about.
    expect(await marketing.seen('shop', { email: 'ada@shop.fr' }, { metric: 'Pass Installed', uniqueId: 'u1' })).toBe(false);
    expect(received).toHaveLength(61);
  });

  it('does not keep opt-outs from being asked for, and these leave half of a minute to who waits to be subscribed', async () => {
    const { profiles, marketing, clock } = await against(says({ data: [] }));
    const spent = async (work: () => Promise<unknown>) => {
      const before = clock.now();
      expect(await work()).not.toHaveProperty('waitMs');
      return clock.now() - before;
    };
    await profiles.page('shop', {});
    expect(await spent(() => marketing.optOuts('shop', 'email', 0))).toBe(0);
    await profiles.page('shop', {});
    // 750 calls a minute are one every 80 ms.
    expect(await spent(() => marketing.optOuts('shop', 'email', 0, 'bmV4dA=='))).toBe(160);
  });

  it('pages side by side is one call each', async () => {
    const { profiles, received, permits } = await against(says({ data: [] }));
    const cursors = Array.from({ length: 8 }, (_, n) => `cursor-${n}`);
    expect(await Promise.all(cursors.map((next) => profiles.page('shop', {}, next)))).toEqual(cursors.map(() => ({ profiles: [] })));
    expect(received.map(({ query }) => query.get('page[cursor]')).sort()).toEqual(cursors);
    expect(permits.open).toBe(0);
  });
});

describe('Events', () => {
  const account = (metrics: unknown[]): Handler => ({ path, query }, response) => {
    if (path !== '/api/metrics') return answer(response, 200, { data: [event('u1', '2026-08-01T10:00:00+00:00')] });
    const first = query.get('page[cursor]') === null;
    return answer(response, 200, { data: first ? metrics.slice(0, 1) : metrics.slice(1), links: { next: first && metrics.length > 1 ? 'https://a.klaviyo.com/api/metrics/?page%5Bcursor%5D=bmV4dA' : null } });
  };
  const asked = (received: Received[], path: string) => received.filter((request) => request.path === path);

  it('are asked for by the id of their metric, which is looked up on all pages and kept', async () => {
    const { profiles, received } = await against(account([metric('M0', 'Other'), metric('M1', 'Pass Installed')]));
    for (let n = 0; n < 3; n++) expect(await profiles.events('shop', 'Pass Installed', 0, Date.UTC(2027, 0))).toEqual({ events: [{ metric: 'Pass Installed', uniqueId: 'u1', at: Date.UTC(2026, 7, 1, 10) }] });
    expect(asked(received, '/api/metrics')).toHaveLength(2);
    expect(asked(received, '/api/events').map(({ query }) => query.get('filter')!.split(',')[1])).toEqual(['"M1")', '"M1")', '"M1")']);
  });

  it('of a metric that other integrations count too are those that came through the API', async () => {
    const { profiles, received } = await against(account([metric('M1', 'Pass Installed'), metric('M2', 'Pass Installed', 'Shopify')]));
    await profiles.events('shop', 'Pass Installed', 0, 1);
    expect(asked(received, '/api/events')[0]!.query.get('filter')).toContain('equals(metric_id,"M1")');
  });

  it('of a metric that is unknown are none, and its name is asked for again after a minute at the earliest', async () => {
    const { profiles, received, clock } = await against(account([metric('M0', 'Other')]));
    for (let n = 0; n < 3; n++) expect(await profiles.events('shop', 'Pass Installed', 0, 1)).toEqual({ events: [] });
    expect(received).toHaveLength(1);
    clock.at += 60_000;
    await profiles.events('shop', 'Pass Installed', 0, 1);
    expect(received).toHaveLength(2);
  });

  it('of a profile that Klaviyo itself recorded have no id of ours and are shown all the same', async () => {
    const { profiles } = await against(says({ data: [event(undefined, '2026-08-01T10:00:00+00:00', 'M7')], included: [metric('M7', 'Opened Email')] }));
    expect(await profiles.newestEvents('shop', 'P1')).toEqual([{ metric: 'Opened Email', uniqueId: 'id-2026-08-01T10:00:00+00:00', at: Date.UTC(2026, 7, 1, 10) }]);
  });
});
