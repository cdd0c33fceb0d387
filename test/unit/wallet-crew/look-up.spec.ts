import type { Answer, LookUp, Outgoing, WalletEvent } from '#core';
import { filtersOf, type HeardCall, heldPass, page, type Reply, Vendor } from './support.js';

const token = 'tok.en-of_ana';
const ana: LookUp = { do: 'look-up', profile: { klaviyoId: '01ANA', email: 'ana@mail.example' }, by: [{ key: 'customerId', value: 'C-42' }, { key: 'email', value: 'ana@mail.example' }] };
const isList = ({ path }: HeardCall) => path.endsWith('/passes');
const told = (answer: Answer): WalletEvent => answer.told!;

describe('a look-up of a customer', () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await Vendor.start();
  });
  afterEach(() => vendor.close());

  const world = (passesBy: Record<string, unknown[]>, authenticate: Reply = { status: 200, body: token }) => {
    vendor.answer = (call) => (isList(call) ? page(passesBy[call.query.get('filter[0].field')!] ?? []) : authenticate);
  };

  it('tells which passes there are, in which wallets, and brings a token that nobody can read', async () => {
    world({ 'identifiers.customerId': [heldPass('pass-0001'), heldPass('pass-0002', { passType: 'gift', providers: { apple: null, google: '2026-08-03T10:00:00' }, identifiers: { customerId: 'C-42', 'customerId.hmac': 'proof', 'y2.customerId': 7 } })] });
    const answer = await vendor.carryOut(ana);
    expect(answer).toEqual({
      id: 'c-1', outcome: 'accepted',
      told: {
        kind: 'looked-up', name: 'look-up', at: vendor.clock.at, profile: ana.profile, metadata: {}, answers: {}, attributes: {},
        identifiers: { 'customerId': 'C-42', 'email': 'ana@mail.example', 'y2.customerId': '7' },
        found: {
          passes: [
            { id: 'pass-0001', type: 'loyalty', createdAt: Date.UTC(2026, 7, 1, 9), installed: { Apple: Date.UTC(2026, 7, 2, 10) } },
            { id: 'pass-0002', type: 'gift', createdAt: Date.UTC(2026, 7, 1, 9), installed: { Google: Date.UTC(2026, 7, 3, 10) } },
          ],
          token: { sealed: vendor.vault.seal(token), at: vendor.clock.at },
        },
      },
    });
    expect(JSON.stringify(answer)).not.toContain(token);
    expect(vendor.heard.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/acme/passes', 'POST /api/acme/customer/authenticate']);
    expect(filtersOf(vendor.heard[0]!)).toEqual(['identifiers.customerId equals C-42']);
    expect(vendor.heard.map(({ key }) => key)).toEqual(['the-key', 'the-key']);
  });

  it('asks by one identifier after the other, until one finds somebody', async () => {
    world({ 'identifiers.email': [heldPass('pass-0001')] });
    expect(told(await vendor.carryOut(ana)).found!.passes).toHaveLength(1);
    expect(vendor.heard.filter(isList).map(filtersOf)).toEqual([['identifiers.customerId equals C-42'], ['identifiers.email equals ana@mail.example']]);
  });

  it('asks with every character of an identifier, whatever it means in an address', async () => {
    world({});
    await vendor.carryOut({ ...ana, by: [{ key: 'y2.customer&Id', value: 'a+b&c=d #ü' }] });
    expect(filtersOf(vendor.heard[0]!)).toEqual(['identifiers.y2.customer&Id equals a+b&c=d #ü']);
  });

  it('that finds nobody is an answer, and may still bring a token for the enrolment page', async () => {
    world({});
    expect(told(await vendor.carryOut(ana))).toMatchObject({ kind: 'looked-up', identifiers: {}, found: { passes: [], token: { sealed: vendor.vault.seal(token) } } });
  });

  it('reads every page, and counts a pass once that moved from one to the next', async () => {
    const all = Array.from({ length: 230 }, (_, n) => heldPass(`pass-${n}`));
    vendor.wantsTokens = false;
    vendor.answer = ({ query }) => page(all.slice(Number(query.get('pageIndex')) * 100 - (query.get('pageIndex') === '0' ? 0 : 1)).slice(0, 100), { 'x-pagination-total': '231' });
    expect(told(await vendor.carryOut(ana)).found!.passes.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
    expect(vendor.heard.map(({ query }) => query.get('pageIndex'))).toEqual(['0', '1', '2']);
  });

  it('needs no count of the passes to know when it has them all', async () => {
    vendor.wantsTokens = false;
    vendor.answer = ({ query }) => page(Array.from({ length: query.get('pageIndex') === '0' ? 100 : 3 }, (_, n) => heldPass(`pass-${query.get('pageIndex')}-${n}`)), {});
    expect(told(await vendor.carryOut(ana)).found!.passes).toHaveLength(103);
  });

  it('hands the event on that waits for the token', async () => {
    world({});
    const carries = { do: 'track' as const, uniqueId: 'u', metric: 'Wallet Registered', at: 1, properties: {}, backfill: false };
    expect(told(await vendor.carryOut({ ...ana, carries })).carried).toEqual(carries);
  });

  it('of a tenant without pass links asks for no token', async () => {
    vendor.wantsTokens = false;
    world({});
    expect(told(await vendor.carryOut(ana)).found).toEqual({ passes: [] });
    expect(vendor.heard.every(isList)).toBe(true);
  });

  describe('the token', () => {
    const asked = () => vendor.heard.filter((call) => !isList(call)).map(({ query, body }) => ({ provider: query.get('provider'), body: JSON.parse(body) as unknown }));

    it('is asked for by the identifiers of the passes, and where there are none by those of the profile', async () => {
      world({ 'identifiers.customerId': [heldPass('pass-0001', { identifiers: { customerId: 'C-42', phone: '+33600000000' } })] });
      await vendor.carryOut(ana);
      world({});
      await vendor.carryOut({ ...ana, by: [] });
      expect(asked()).toEqual([
        { provider: 'klaviyo', body: { identifiers: { email: 'ana@mail.example', phone: '+33600000000', customerId: 'C-42' } } },
        { provider: 'klaviyo', body: { identifiers: { email: 'ana@mail.example' } } },
      ]);
    });

    it('is asked for as the settings say', async () => {
      Object.assign(vendor.settings, { tokenProvider: 'loyalty api', tokenBody: { login: 'id:{y2.customerId}', by: ['{email}', '{phone}'], kind: 'customer', nested: { none: '{nothing}' } }, tenantId: 'acme-at-wc' });
      world({ 'identifiers.customerId': [heldPass('pass-0001', { identifiers: { 'y2.customerId': 'Y7' } })] });
      await vendor.carryOut(ana);
      expect(asked()).toEqual([{ provider: 'loyalty api', body: { login: 'id:Y7', by: ['ana@mail.example'], kind: 'customer' } }]);
      expect(vendor.heard[1]!.path).toBe('/api/acme-at-wc/customer/authenticate');
    });

    it('is not asked for when nothing would name the customer', async () => {
      vendor.settings.tokenBody = { id: '{customerId}', kind: 'customer' };
      world({});
      expect(await vendor.carryOut({ ...ana, by: [] })).toMatchObject({ outcome: 'accepted', words: 'LINK_TOKEN_MISSING: no identifier to ask with' });
      expect(asked()).toEqual([]);
    });

    it.each<[string, Reply, string | undefined]>([
      ['as text', { status: 200, body: token }, token],
      ['as JSON', { status: 200, body: JSON.stringify(token) }, token],
      ['as text with a line break', { status: 200, body: `${token}\n` }, token],
      ['not, but an empty text', { status: 200, body: '' }, undefined],
      ['not, but null', { status: 200, body: 'null' }, undefined],
      ['not, but an object', { status: 200, body: '{"token":"x"}' }, undefined],
      ['not, for the provider does not know the customer', { status: 422, body: '{"title":"Unprocessable Entity"}' }, undefined],
      ['not, for there is no such provider', { status: 400 }, undefined],
      ['not, for there is no such customer', { status: 404 }, undefined],
    ])('comes %s', async (_how, reply, expected) => {
      world({ 'identifiers.customerId': [heldPass('pass-0001')] }, reply);
      const answer = await vendor.carryOut(ana);
      expect(answer.outcome).toBe('accepted');
      expect(told(answer).found!.passes).toHaveLength(1);
      expect(told(answer).found!.token?.sealed).toBe(expected === undefined ? undefined : vendor.vault.seal(expected));
      expect(answer.words ?? 'nothing to say').toMatch(expected === undefined ? /^LINK_TOKEN_MISSING: / : /^nothing to say$/);
    });

    it.each<[string, Reply, object]>([
      ['its key is refused', { status: 403, body: '{"title":"Forbidden"}' }, { code: 'WALLET_CREW_KEY_REFUSED', waitMs: 60_000 }],
      ['its provider wants another key', { status: 401 }, { code: 'WALLET_CREW_KEY_REFUSED', waitMs: 60_000 }],
      ['The Wallet Crew is down', { status: 500 }, { code: 'WALLET_CREW_UNAVAILABLE' }],
      ['a page comes instead', { status: 200, body: '<html>' }, { code: 'WALLET_CREW_UNAVAILABLE' }],
      ['it is too busy', { status: 429, headers: { 'retry-after': '3' } }, { code: 'WALLET_CREW_BUSY', waitMs: 3_000 }],
    ])('is waited for when %s', async (_why, reply, expected) => {
      world({ 'identifiers.customerId': [heldPass('pass-0001')] }, reply);
      expect(await vendor.carryOut(ana)).toMatchObject({ outcome: 'later', ...expected });
      expect(vendor.permits.open).toBe(0);
    });

    it('that is refused holds up no other kind of call', async () => {
      world({}, { status: 401 });
      await vendor.carryOut(ana);
      expect(await vendor.platform.slot('acme', 'look-up', 1)).toEqual({ waitMs: 60_000 });
      expect((await vendor.leave('push-update')).items).toBe(1);
    });
  });

  it.each<[string, Reply, object]>([
    ['there is no such tenant', { status: 404 }, { outcome: 'refused', code: 'WALLET_CREW_REFUSED' }],
    ['the filter is refused', { status: 400 }, { outcome: 'refused', code: 'WALLET_CREW_REFUSED' }],
    ['the key lacks the scope', { status: 403, body: '{}' }, { outcome: 'later', code: 'WALLET_CREW_KEY_REFUSED' }],
    ['the answer is cut in half', { status: 200, body: '[{"id":"pass-0001"' }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['the answer is no list', { status: 200, body: '{"passes":[]}' }, { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
    ['nothing comes back', 'silence', { outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE' }],
  ])('never takes it for "nobody" when %s', async (_why, reply, expected) => {
    vendor.answer = () => reply;
    const answer = await vendor.carryOut(ana);
    expect(answer).toMatchObject(expected);
    expect(answer.told).toBeUndefined();
  });

  it.each<[string, object, object]>([
    ['without a date is there since it was made', { providers: { apple: true } }, { Apple: Date.UTC(2026, 7, 1, 9) }],
    ['with .NET\'s empty date is not there', { providers: { apple: '0001-01-01T00:00:00', google: null } }, {}],
    ['by another spelling is there', { providers: { AppleWallet: '2026-08-02T10:00:00Z', Google: '2026-08-02T10:00:00+02:00' } }, { Apple: Date.UTC(2026, 7, 2, 10), Google: Date.UTC(2026, 7, 2, 8) }],
    ['that nobody knows is left out', { providers: { samsung: '2026-08-02T10:00:00Z' } }, {}],
    ['nowhere is nowhere', { providers: undefined }, {}],
  ])('a pass in a wallet %s', async (_how, more, installed) => {
    world({ 'identifiers.customerId': [heldPass('pass-0001', more)] });
    expect(told(await vendor.carryOut(ana)).found!.passes[0]!.installed).toEqual(installed);
  });

  it('reads no pass that has no id, and no name that would change what it is copied into', async () => {
    vendor.answer = (call) => (isList(call) ? { status: 200, body: '[{"passType":"x"}, null, {"id":"pass-0001","identifiers":{"__proto__":"x","constructor":"y","email":"ana@mail.example"}}]' } : { status: 422 });
    expect(told(await vendor.carryOut(ana))).toMatchObject({ identifiers: { email: 'ana@mail.example' }, found: { passes: [{ id: 'pass-0001', installed: {} }] } });
  });
});

describe('the leave to call', () => {
  let vendor: Vendor;
  const starts: number[] = [];
  afterEach(() => vendor.close());

  async function open(requestsPerMinute: number, handler: Vendor['answer']): Promise<void> {
    vendor = await Vendor.start({ requestsPerMinute });
    starts.length = 0;
    vendor.answer = (call, index) => {
      starts.push(vendor.clock.at);
      return handler(call, index);
    };
  }

  /** Looks all of them up, three slots at a time, as the use case would. */
  async function lookUpAll(count: number, command: LookUp = ana): Promise<Answer[]> {
    const waiting: Outgoing[] = Array.from({ length: count }, (_, n) => ({ id: `c-${n}`, attempts: 0, identity: {}, command }));
    const done: Answer[] = [];
    const send = async () => {
      while (waiting.length > 0) {
        const slot = await vendor.platform.slot('acme', 'look-up', waiting.length);
        if ('waitMs' in slot) {
          await vendor.clock.wait(slot.waitMs);
          continue;
        }
        const taken = waiting.splice(0, slot.items);
        if (taken.length === 0) await slot.release();
        else done.push(...(await slot.send(taken)));
      }
    };
    await Promise.all([send(), send(), send()]);
    return done;
  }

  const most = (windowMs: number) => Math.max(...starts.map((from) => starts.filter((at) => at >= from && at < from + windowMs).length));

  it.each([10, 30, 120, 3_000])('of %i a minute is kept to by every call, not by every look-up', async (requestsPerMinute) => {
    await open(requestsPerMinute, (call) => (isList(call) ? page([]) : { status: 200, body: token }));
    const answers = await lookUpAll(40);
    expect(answers.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 40 }, () => 'accepted'));
    // Two identifiers and a token each, and not one call for nothing.
    expect(starts).toHaveLength(120);
    expect(most(60_000)).toBeLessThanOrEqual(requestsPerMinute);
    expect(most(1_000)).toBeLessThanOrEqual(Math.ceil(requestsPerMinute / 10));
    expect(vendor.permits.open).toBe(0);
    // As many minutes as they take, and no more.
    expect(starts.at(-1)! - starts[0]!).toBeLessThanOrEqual(60_000 * Math.ceil(120 / requestsPerMinute));
  });

  it('that is not needed goes back', async () => {
    await open(600, () => ({ status: 400 }));
    await lookUpAll(10);
    expect(starts).toHaveLength(10);
    expect(vendor.permits.open).toBe(0);
    // Of sixty in this second ten are spent.
    expect([(await vendor.leave('look-up', 100)).items, (await vendor.leave('look-up', 100)).items]).toEqual([20, 5]);
  });

  it('is asked for once for each call of a tenant without pass links', async () => {
    await open(600, () => page([heldPass('pass-0001')]));
    vendor.wantsTokens = false;
    await lookUpAll(50);
    expect(starts).toHaveLength(50);
    expect(vendor.permits.open).toBe(0);
  });

  it('that does not come in time puts the look-up back, and holds nothing meanwhile', async () => {
    const held = { ...ana, by: ['a', 'b', 'c'].map((key) => ({ key, value: '1' })) };
    const busy = { ...ana, by: [{ key: 'busy', value: '1' }] };
    await open(600, (call) => (filtersOf(call)[0]?.includes('busy') ? { status: 429, headers: { 'retry-after': '120' } } : page([])));
    const slot = await vendor.leave('look-up', 2);
    const answers = await slot.send([held, busy].map((command, n) => ({ id: `c-${n}`, attempts: 0, identity: {}, command })));
    expect(answers).toEqual([
      { id: 'c-0', outcome: 'later', code: 'WALLET_CREW_BUSY', waitMs: 120_000, words: 'No leave to call yet.' },
      { id: 'c-1', outcome: 'later', code: 'WALLET_CREW_BUSY', waitMs: 120_000, words: '429' },
    ]);
    expect(vendor.permits.open).toBe(0);
  });
});
