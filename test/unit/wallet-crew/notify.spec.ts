import fc from 'fast-check';
import type { Answer, Notify } from '#core';
import { startWalletCrew, type FaultRule, type WalletCrewEmulator } from '#emulators';
import { filtersOf, type HeardCall, heldPass, page, type Reply, Vendor } from './support.js';

const hello: Notify = { do: 'notify', identifiers: { customerId: 'C-42', email: 'ana@mail.example' }, message: 'Hello "Ana" 🎉' };
const isList = ({ method }: HeardCall) => method === 'GET';
const onGoogle = { providers: { google: '2026-08-02T10:00:00Z' } };

describe('a notification', () => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await Vendor.start();
  });
  afterEach(() => vendor.close());

  const world = (passes: unknown[], notified: Reply = { status: 200 }) => {
    vendor.answer = (call) => (isList(call) ? page(passes) : notified);
  };
  const sent = () => vendor.heard.filter((call) => !isList(call));

  it('goes to the pass that all identifiers name, and is told as sent', async () => {
    world([heldPass('pass-0001')]);
    expect(await vendor.carryOut({ ...hello, passType: 'loyalty' })).toEqual({
      id: 'c-1', outcome: 'accepted',
      told: { kind: 'notification-sent', name: 'passes/notify', at: vendor.clock.at, identifiers: hello.identifiers, pass: { id: 'pass-0001', type: 'loyalty' }, metadata: {}, answers: {}, attributes: {} },
    });
    expect(filtersOf(vendor.heard[0]!)).toEqual(['identifiers.customerId equals C-42', 'identifiers.email equals ana@mail.example', 'passType equals loyalty']);
    expect(sent()).toMatchObject([{ method: 'POST', path: '/api/acme/passes/pass-0001/notifications', key: 'the-key', body: JSON.stringify({ content: hello.message }) }]);
    expect(vendor.permits.open).toBe(0);
  });

  it('in several languages goes as such', async () => {
    world([heldPass('pass-0001')]);
    await vendor.carryOut({ do: 'notify', identifiers: { email: 'ana@mail.example' }, localizedMessage: { fr: 'Bonjour', en: 'Hello' } });
    expect(sent().map(({ body }) => JSON.parse(body) as unknown)).toEqual([{ localizedContent: { fr: 'Bonjour', en: 'Hello' } }]);
  });

  it('goes where and as the settings say', async () => {
    Object.assign(vendor.settings, { tenantId: 'acme-at-wc', notifyPath: '/api/{tenantId}/push/{passId}', notifyBody: { text: '{message}', by: 'connector' } });
    world([heldPass('pass-0001')]);
    await vendor.carryOut(hello);
    expect(sent()).toMatchObject([{ path: '/api/acme-at-wc/push/pass-0001', body: JSON.stringify({ text: hello.message, by: 'connector' }) }]);
  });

  it('goes to the pass that was installed last, when there are several', async () => {
    const passes = [heldPass('pass-old', { providers: { apple: '2026-01-01T00:00:00Z' } }), heldPass('pass-new', { providers: { apple: '2025-01-01T00:00:00Z', google: '2026-06-01T00:00:00Z' } }), heldPass('pass-off', { providers: {} })];
    world(passes);
    expect((await vendor.carryOut(hello)).told!.pass!.id).toBe('pass-new');
  });

  it.each([
    ['there is no such pass', [], 'no-pass', 'WALLET_CREW_PASS_MISSING', undefined],
    ['the pass is in no wallet', [heldPass('pass-0001', { providers: {} })], 'no-device', 'NOTIFICATION_WITHOUT_DEVICE', { id: 'pass-0001', type: 'loyalty' }],
  ])('that cannot be seen because %s is told as not sent', async (_why, passes, reason, words, pass) => {
    world(passes);
    const answer = await vendor.carryOut(hello);
    expect(answer).toMatchObject({ outcome: 'accepted', words, told: { kind: 'notification-not-sent', identifiers: hello.identifiers, reason } });
    expect(answer.told!.pass).toEqual(pass);
    expect(sent()).toEqual([]);
    expect(vendor.notifications.notes.size).toBe(0);
    expect(vendor.permits.open).toBe(0);
  });

  it('of a pass on Google goes out three times in 24 hours and then again after them', async () => {
    world([heldPass('pass-0001', onGoogle)]);
    const outcomes: unknown[] = [];
    for (let n = 1; n <= 5; n++) {
      outcomes.push((await vendor.carryOut(hello, { id: `c-${n}` })).told!.reason ?? 'sent');
      vendor.clock.at += 3_600_000;
    }
    vendor.clock.at += 20 * 3_600_000;
    outcomes.push((await vendor.carryOut(hello, { id: 'c-6' })).told!.reason ?? 'sent');
    expect(outcomes).toEqual(['sent', 'sent', 'sent', 'over-quota', 'over-quota', 'sent']);
    expect(sent()).toHaveLength(4);
  });

  it('of a pass on Apple alone has no such limit', async () => {
    world([heldPass('pass-0001')]);
    for (let n = 1; n <= 5; n++) expect((await vendor.carryOut(hello, { id: `c-${n}` })).told!.kind).toBe('notification-sent');
  });

  it.each<[string, Reply, object]>([
    ['429', { status: 429, headers: { 'retry-after': '7' } }, { code: 'WALLET_CREW_BUSY', waitMs: 7_000 }],
    ['503', { status: 503 }, { code: 'WALLET_CREW_UNAVAILABLE' }],
    ['401', { status: 401 }, { code: 'WALLET_CREW_KEY_REFUSED' }],
    ['403 for a missing scope', { status: 403, body: '{"title":"Forbidden"}' }, { code: 'WALLET_CREW_KEY_REFUSED' }],
    ['403 with a page of the network', { status: 403, body: '<html>' }, { code: 'WALLET_CREW_UNAVAILABLE' }],
    ['521: the server behind the network refused the connection', { status: 521, body: '<html>' }, { code: 'WALLET_CREW_UNAVAILABLE' }],
    ['522', { status: 522, body: '<html>' }, { code: 'WALLET_CREW_UNAVAILABLE' }],
    ['523', { status: 523, body: '<html>' }, { code: 'WALLET_CREW_UNAVAILABLE' }],
    ['525', { status: 525, body: '<html>' }, { code: 'WALLET_CREW_UNAVAILABLE' }],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' } }, { code: 'WALLET_CREW_UNAVAILABLE' }],
  ])('answered by %s was certainly not sent: it is tried again, and then sent once', async (_title, reply, expected) => {
    world([heldPass('pass-0001')], reply);
    expect(await vendor.carryOut(hello)).toMatchObject({ outcome: 'later', ...expected });
    expect(vendor.notifications.notes.size).toBe(0);
    vendor.clock.at += 120_000;
    world([heldPass('pass-0001')]);
    expect(await vendor.carryOut(hello, { attempts: 1 })).toMatchObject({ outcome: 'accepted', told: { kind: 'notification-sent' } });
  });

  it('for which no connection could be made was certainly not sent', async () => {
    vendor.answer = (call) => {
      if (isList(call)) vendor.refuseConnections();
      return isList(call) ? page([heldPass('pass-0001')]) : { status: 200 };
    };
    expect(await vendor.carryOut(hello)).toMatchObject({ outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE', words: 'No connection.' });
    expect(vendor.notifications.notes.size).toBe(0);
    await vendor.acceptConnections();
    vendor.clock.at += 120_000;
    world([heldPass('pass-0001')]);
    expect(await vendor.carryOut(hello, { attempts: 1 })).toMatchObject({ outcome: 'accepted', told: { kind: 'notification-sent' } });
    expect(sent()).toHaveLength(1);
  });

  it.each<[string, Reply]>([
    ['500', { status: 500 }],
    ['502', { status: 502, body: '<html>' }],
    ['504', { status: 504, body: '<html>' }],
    ['520', { status: 520, body: '<html>' }],
    ['524: the server behind the network took too long', { status: 524, body: '<html>' }],
    ['408', { status: 408 }],
    ['a page with 200', { status: 200, body: '<!DOCTYPE html>' }],
    ['silence', 'silence'],
    ['a connection that breaks after it was sent', 'hang up'],
  ])('answered by %s may have been sent: it is parked and not sent again by itself', async (_title, reply) => {
    world([heldPass('pass-0001')], reply);
    expect(await vendor.carryOut(hello)).toMatchObject({ outcome: 'refused', code: 'WALLET_CREW_NOTIFICATION_UNCERTAIN' });
    vendor.clock.at += 120_000;
    world([heldPass('pass-0001')]);
    expect(await vendor.carryOut(hello, { attempts: 1 })).toMatchObject({ outcome: 'refused', code: 'WALLET_CREW_NOTIFICATION_UNCERTAIN' });
    expect(sent()).toHaveLength(1);
    expect(vendor.permits.open).toBe(0);
  });

  it.each<[string, Reply, string]>([
    ['400', { status: 400, body: '{"title":"Bad content","errors":{"content":["Hello Ana"]}}' }, '400 Bad content (content)'],
    ['404, for the pass was there a moment ago', { status: 404 }, '404'],
  ])('refused for good by %s is parked with its words, and may be tried again by hand', async (_title, reply, words) => {
    world([heldPass('pass-0001')], reply);
    expect(await vendor.carryOut(hello)).toEqual({ id: 'c-1', outcome: 'refused', code: 'WALLET_CREW_REFUSED', words });
    expect(vendor.notifications.notes.size).toBe(0);
  });

  it('whose process died on the way is not sent by the next one', async () => {
    world([heldPass('pass-0001')]);
    await vendor.notifications.begin('acme', 'c-1', 'pass-0001');
    expect(await vendor.carryOut(hello)).toMatchObject({ outcome: 'refused', code: 'WALLET_CREW_NOTIFICATION_UNCERTAIN' });
    expect(sent()).toEqual([]);
  });

  it.each(['begin', 'takeBack'] as const)('is not lost when the database fails at "%s"', async (step) => {
    world([heldPass('pass-0001')], { status: 503 });
    vendor.notifications[step] = async () => {
      throw new Error('connection to 10.0.0.5 lost');
    };
    expect(await vendor.carryOut(hello)).toMatchObject({ outcome: 'later' });
    expect(vendor.log.lines.join()).not.toContain('10.0.0.5');
    expect(vendor.permits.open).toBe(0);
  });
});

describe('whatever goes wrong at The Wallet Crew', () => {
  let walletCrew: WalletCrewEmulator;
  beforeAll(async () => {
    walletCrew = await startWalletCrew({ tenants: { acme: { apiKeys: { 'the-key': ['*'] } } } });
  });
  afterAll(() => walletCrew.close());

  const fault = fc.oneof(
    fc.constantFrom(400, 401, 403, 404, 408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524).map((status): FaultRule => ({ kind: 'status', status, times: 1 })),
    fc.constantFrom<FaultRule>({ kind: 'reset', times: 1 }, { kind: 'drop', times: 1 }, { kind: 'hang', times: 1 }, { kind: 'malformed', times: 1 }),
  );

  it('nobody gets a notification twice, and what is told as sent was sent', async () => {
    const vendor = await Vendor.start({ timeoutMs: 150, requestsPerMinute: 100_000 });
    vendor.settings.baseUrl = walletCrew.url;
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { maxLength: 4 }), fc.array(fc.constantFrom('list_passes', 'notify_pass'), { minLength: 4, maxLength: 4 }), async (faults, where) => {
        walletCrew.reset();
        vendor.notifications.notes.clear();
        walletCrew.hold([{ kind: 'Pass:Installed', at: '2026-08-02T10:00:00Z', identifiers: hello.identifiers, passId: 'pass-0001', passType: 'loyalty', device: 'google' }]);
        walletCrew.faults.set(faults.map((rule, n) => ({ ...rule, operation: where[n]! })));
        let answer: Answer | undefined;
        for (let attempts = 0; attempts < 10 && answer?.outcome !== 'accepted' && answer?.outcome !== 'refused'; attempts++) {
          vendor.clock.at += 400_000;
          answer = await vendor.carryOut(hello, { attempts });
        }
        const received = walletCrew.notifications().length;
        expect(received).toBeLessThanOrEqual(1);
        if (answer!.outcome === 'accepted') expect([answer!.told!.kind, received]).toEqual(['notification-sent', 1]);
        else expect(answer).toMatchObject({ outcome: 'refused' });
        if (received === 1 && answer!.outcome === 'refused') expect(answer!.code).toBe('WALLET_CREW_NOTIFICATION_UNCERTAIN');
        expect(vendor.permits.open).toBe(0);
      }),
      { numRuns: 60 },
    );
    vendor.close();
  });
});
