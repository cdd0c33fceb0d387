import fc from 'fast-check';
import { ConnectorError, type WalletEvent } from '#core';
import { readDelivery } from '#wallet-crew';

const now = Date.UTC(2026, 0, 5, 12);
const at = Date.UTC(2026, 0, 5, 9);
const iso = '2026-01-05T09:00:00Z';
const read = (body: unknown, receivedAt = now) => readDelivery(JSON.stringify(body), receivedAt);
const event = (body: unknown) => read(body).event;
const code = (body: string) => {
  try {
    readDelivery(body, now);
  } catch (error) {
    return error instanceof ConnectorError ? error.code : error;
  }
  return undefined;
};

const installed: Partial<WalletEvent> = { kind: 'pass-installed', at, identifiers: { customerId: 'C-42' }, pass: { id: 'P-1', type: 'loyalty' }, wallet: 'Apple' };
const facts = { passId: 'P-1', passType: 'loyalty', device: 'apple', identifiers: { customerId: 'C-42' } };

describe('the envelope of a webhook', () => {
  it.each<[string, unknown]>([
    ['event and data', { event: 'Pass:Installed', timestamp: iso, data: facts }],
    ['eventType and data', { eventType: 'Pass:Installed', timestamp: iso, data: facts }],
    ['event_type and payload', { event_type: 'Pass:Installed', timestamp: iso, payload: facts }],
    ['eventName and eventData', { eventName: 'Pass:Installed', timestamp: iso, eventData: facts }],
    ['type and content', { type: 'Pass:Installed', timestamp: iso, content: facts }],
    ['topic and body', { topic: 'pass.installed', timestamp: iso, body: facts }],
    ['name', { name: 'wallet_installed', timestamp: iso, data: facts }],
    ['everything flat', { event: 'Pass:Installed', timestamp: iso, ...facts }],
    ['the time inside the data', { event: 'Pass:Installed', data: { ...facts, timestamp: iso } }],
    ['a pass inside the data', { event: 'Pass:Installed', timestamp: iso, data: { pass: { id: 'P-1', passType: 'loyalty', identifiers: { customerId: 'C-42' } }, device: 'apple' } }],
    ['a pass inside a flat body', { event: 'Pass:Installed', timestamp: iso, pass: { id: 'P-1', passType: 'loyalty', identifiers: { customerId: 'C-42' } }, device: 'apple' }],
    ['a pass with a serial number', { event: 'Pass:Installed', timestamp: iso, data: { pass: { serialNumber: 'P-1', passType: 'loyalty' }, provider: 'apple', identifiers: { customerId: 'C-42' } } }],
    ['pass_id and identifier_… keys as the sibling connector writes them', { event: 'wallet_installed', timestamp: iso, pass_id: 'P-1', pass_type: 'loyalty', platform: 'ios', identifier_customerId: 'C-42' }],
    ['the id of the data as id of the pass', { event: 'Pass:Installed', timestamp: iso, data: { id: 'P-1', passType: 'loyalty', device: 'apple', identifiers: { customerId: 'C-42' } } }],
  ])('is read with %s', (_shape, body) => {
    expect(event(body)).toMatchObject(installed);
  });

  it.each([
    ['Pass:Installed', 'pass-installed'],
    ['pass:installed', 'pass-installed'],
    ['pass.installed', 'pass-installed'],
    ['PASS.INSTALLED', 'pass-installed'],
    ['Pass/Installed', 'pass-installed'],
    ['wallet_installed', 'pass-installed'],
    ['OnPassInstalled', 'pass-installed'],
    [' Pass:Installed ', 'pass-installed'],
    ['Pass:Uninstalled', 'pass-uninstalled'],
    ['pass.removed', 'pass-uninstalled'],
    ['wallet_uninstalled', 'pass-uninstalled'],
    ['Pass:Created', 'pass-created'],
    ['wallet_created', 'pass-created'],
    ['Pass:Updated', 'pass-updated'],
    ['Customer:Registered', 'registered'],
    ['customer.created', 'registered'],
    ['Customer:Upserted', 'registered'],
    ['Customer:Enrolled', 'registered'],
    ['customer.updated', 'customer-updated'],
    ['Redirect:Redirected', 'unknown'],
    ['Pass:Scanned', 'unknown'],
    ['wallet_scanned', 'unknown'],
    ['constructor', 'unknown'],
    ['__proto__', 'unknown'],
  ])('names the event "%s", which is %s', (name, kind) => {
    expect(event({ event: name, timestamp: iso, data: facts })).toMatchObject({ kind, name: name.trim() });
  });

  it('does not take the type or name of something else for an event', () => {
    expect(code(JSON.stringify({ type: 'loyalty', name: 'Ana Lee', data: facts }))).toBe('EVENT_UNREADABLE');
  });

  it('is kept with its name, its time and its people when the event is one we do not know', () => {
    expect(event({ event: 'Store:Opened', timestamp: iso, data: { identifiers: { storeId: 'S-1' }, metadata: { city: 'Paris' } } })).toEqual({ kind: 'unknown', name: 'Store:Opened', at, identifiers: { storeId: 'S-1' }, metadata: { city: 'Paris' }, answers: {}, attributes: {} });
  });
});

describe('the time of an event', () => {
  it.each<[string, unknown, number]>([
    ['ISO 8601 in UTC', iso, at],
    ['ISO 8601 with an offset', '2026-01-05T10:00:00+01:00', at],
    ['ISO 8601 without a zone, which is UTC', '2026-01-05T09:00:00', at],
    ['a date and a time with a space between', '2026-01-05 09:00:00', at],
    ['fractions as .NET writes them', '2026-01-05T09:00:00.1234567Z', at + 123],
    ['fractions without a zone', '2026-01-05T09:00:00.5', at + 500],
    ['epoch milliseconds', at, at],
    ['epoch seconds', at / 1000, at],
    ['epoch seconds with a fraction', at / 1000 + 0.25, at + 250],
    ['epoch milliseconds as text', String(at), at],
    ['epoch seconds as text', String(at / 1000), at],
    ['a clock that runs ahead by some hours', '2026-01-05T20:00:00Z', at + 11 * 3_600_000],
    ['nothing, which is the time of arrival', undefined, now],
    ['null, which is the time of arrival', null, now],
  ])('is read from %s', (_how, timestamp, expected) => {
    expect(event({ event: 'Pass:Installed', timestamp, data: facts }).at).toBe(expected);
  });

  it.each<[unknown]>(['yesterday', '', '0001-01-01T00:00:00Z', '1999-12-31T23:59:59Z', '2026-01-06T12:00:01Z', 0, -1, 12345, 1e20, true, {}, { toString: 1 }, [], ['x'], [iso]].map((said) => [said]))('%j is refused, instead of being taken for another time', (timestamp) => {
    expect(code(JSON.stringify({ event: 'Pass:Installed', timestamp, data: facts }))).toBe('EVENT_TIME_UNUSABLE');
  });

  it('without a zone is UTC on a machine of any time zone', () => {
    // What is parsed must name its zone; a test machine on UTC would not notice.
    const { parse } = Date;
    const parsed: string[] = [];
    Date.parse = (text) => (parsed.push(text), parse(text));
    try {
      for (const timestamp of ['2026-01-05T09:00:00', '2026-01-05 09:00:00', '2026-01-05T09:00', '2026-01-05T09:00:00.5']) event({ event: 'Pass:Installed', timestamp, data: facts });
    } finally {
      Date.parse = parse;
    }
    expect(parsed).toEqual(['2026-01-05T09:00:00Z', '2026-01-05T09:00:00Z', '2026-01-05T09:00Z', '2026-01-05T09:00:00.5Z']);
  });

  it.each(['timestamp', 'occurredAt', 'occurred_at', 'time', 'date', 'eventDate', 'createdAt', 'created_at'])('may be called %s', (name) => {
    expect(event({ event: 'Pass:Installed', [name]: iso, data: facts }).at).toBe(at);
  });

  it('is not the day on which the pass or the customer was created', () => {
    const created = '2024-03-01T00:00:00Z';
    expect(event({ event: 'Pass:Installed', timestamp: iso, data: { pass: { id: 'P-1', createdAt: created }, device: 'apple', identifiers: { customerId: 'C-42' } } }).at).toBe(at);
    expect(event({ event: 'Pass:Installed', timestamp: iso, data: { ...facts, createdAt: created } }).at).toBe(at);
    expect(event({ event: 'Customer:Updated', timestamp: iso, data: { account: { customerId: 'C-42', created_at: created } } }).at).toBe(at);
  });
});

describe('what a webhook says about the person', () => {
  it.each<[string, unknown]>([
    ['a map of identifiers', { identifiers: { customerId: 'C-42', email: 'ana@example.com', phone: '+33612345678' } }],
    ['flat identifier_ keys', { identifier_customerId: 'C-42', identifier_email: 'ana@example.com', identifier_phone: '+33612345678' }],
    ['the fields of an account', { account: { customerId: 'C-42', email: 'ana@example.com', phone: '+33612345678' } }],
    ['the fields of a customer', { customer: { customerId: 'C-42', email: 'ana@example.com', phone: '+33612345678' } }],
    ['the fields themselves', { customerId: 'C-42', email: 'ana@example.com', phone: '+33612345678' }],
    ['a mixture', { identifiers: { customerId: 'C-42' }, account: { email: 'ana@example.com' }, identifier_phone: '+33612345678' }],
  ])('identifiers from %s', (_shape, data) => {
    expect(event({ event: 'Customer:Registered', timestamp: iso, data }).identifiers).toEqual({ customerId: 'C-42', email: 'ana@example.com', phone: '+33612345678' });
  });

  it('numbers and namespaced keys are identifiers, proofs and empty values are none', () => {
    expect(event({ event: 'Customer:Registered', timestamp: iso, data: { identifiers: { 'y2.customerId': 4711, 'customerId': ' C-42 ', 'customerId.hmac': 'abc', 'email.secret': 'x', 'empty': '', 'nothing': null, 'odd': { a: 1 } } } }).identifiers).toEqual({ 'y2.customerId': '4711', 'customerId': 'C-42' });
  });

  it.each<[string, unknown]>([
    ['flat', { consents_email: true, consents_sms: false }],
    ['as text', { consents_email: 'true', consents_sms: 'false' }],
    ['in an account', { account: { consents_email: true, consents_sms: false } }],
    ['nested under their channel', { consents: { email: true, sms: false } }],
    ['nested under their full name', { consents: { consents_email: true, consents_sms: false } }],
    ['in the metadata', { metadata: { consents_email: true, consents_sms: false } }],
    ['in the additional data', { additionalData: { consents_email: true, consents_sms: false } }],
  ])('consents %s', (_shape, data) => {
    expect(event({ event: 'Customer:Registered', timestamp: iso, data: { identifiers: { customerId: 'C-42' }, ...(data as object) } }).answers).toMatchObject({ consents_email: true, consents_sms: false });
  });

  it.each<[unknown]>([null, '', 'maybe', 'yes', 1, 0, [], {}, [true], 'TRUE'].map((said) => [said]))('%j is no answer', (value) => {
    expect(event({ event: 'Customer:Registered', timestamp: iso, data: { customerId: 'C-42', consents_email: value, consents: { sms: value } } }).answers).toEqual({});
  });

  it.each([
    [{ firstName: 'Ana', lastName: 'Lee', locale: 'fr-FR' }, { firstName: 'Ana', lastName: 'Lee', locale: 'fr-FR' }],
    [{ first_name: 'Ana', lastname: 'Lee', language: 'fr' }, { firstName: 'Ana', lastName: 'Lee', locale: 'fr' }],
    [{ firstname: ' Ana ', lang: 'fr_FR' }, { firstName: 'Ana', locale: 'fr-FR' }],
    [{ firstName: '', locale: 'French' }, {}],
    [{ firstName: null, locale: 'a; drop table' }, {}],
  ])('names and language from %j', (account, attributes) => {
    expect(event({ event: 'Customer:Registered', timestamp: iso, data: { account: { customerId: 'C-42', ...account } } }).attributes).toEqual(attributes);
  });
});

describe('what a webhook says about the pass', () => {
  it.each([
    ['apple', 'Apple'],
    ['Apple Wallet', 'Apple'],
    ['iOS', 'Apple'],
    ['google', 'Google'],
    ['GOOGLE_WALLET', 'Google'],
    ['android', 'Google'],
  ])('"%s" is the %s wallet', (device, wallet) => {
    for (const name of ['device', 'provider', 'wallet', 'platform']) expect(event({ event: 'Pass:Installed', timestamp: iso, passId: 'P-1', [name]: device }).wallet).toBe(wallet);
  });

  it.each([
    ['beside the pass', { activeRegistrationCount: 1, totalRegistrationCount: 3, tags: ['store'], medium: 'qr', origin: 'https://shop.example' }],
    ['as text', { activeRegistrationCount: '1', totalRegistrationCount: '3', tags: ['store', 7], medium: 'qr', origin: 'https://shop.example' }],
    ['in additionalInformation', { additionalInformation: { activeRegistrationCount: 1, totalRegistrationCount: 3, tags: ['store'], utm_medium: 'qr', origin: 'https://shop.example' } }],
    ['in additionalInformation with a source of its own', { additionalInformation: { activeRegistrationCount: 1, totalRegistrationCount: 3, source: { tags: ['store'], medium: 'qr', origin: 'https://shop.example' } } }],
  ])('counts and source %s', (_where, own) => {
    expect(event({ event: 'Pass:Uninstalled', timestamp: iso, data: { ...facts, ...own } })).toMatchObject({ activeRegistrations: 1, totalRegistrations: 3, source: { tags: ['store'], medium: 'qr', origin: 'https://shop.example' } });
  });

  it('a count of zero is a count', () => {
    expect(event({ event: 'Pass:Uninstalled', timestamp: iso, data: { ...facts, activeRegistrationCount: 0 } }).activeRegistrations).toBe(0);
    expect(event({ event: 'Pass:Uninstalled', timestamp: iso, data: facts })).not.toHaveProperty('activeRegistrations');
  });

  it('metadata of the pass, plain values only', () => {
    expect(event({ event: 'Pass:Created', timestamp: iso, data: { pass: { id: 'P-1', passKind: 'giftCard', metadata: { tier: 'Gold', points: 12, vip: true, deep: { a: 1 }, none: null } } } })).toMatchObject({ pass: { id: 'P-1', kind: 'giftCard' }, metadata: { tier: 'Gold', points: 12, vip: true } });
  });
});

describe('a body that says too little', () => {
  it.each([
    ['', 'BODY_NOT_JSON'],
    ['hello', 'BODY_NOT_JSON'],
    ['{"event":', 'BODY_NOT_JSON'],
    ['[]', 'BODY_NOT_JSON'],
    ['null', 'BODY_NOT_JSON'],
    ['"Pass:Installed"', 'BODY_NOT_JSON'],
    ['{}', 'EVENT_UNREADABLE'],
    ['{"event":""}', 'EVENT_UNREADABLE'],
    ['{"event":{"name":"Pass:Installed"}}', 'EVENT_UNREADABLE'],
    ['{"event":"Pass:Installed","device":"apple"}', 'EVENT_WITHOUT_PASS'],
    ['{"event":"Pass:Installed","passId":"P-1"}', 'WALLET_UNKNOWN'],
    ['{"event":"Pass:Uninstalled","passId":"P-1","device":"samsung"}', 'WALLET_UNKNOWN'],
    ['{"event":"Pass:Created","data":[]}', 'EVENT_WITHOUT_PASS'],
  ])('%s gets a coded answer: %s', (body, expected) => {
    expect(code(body)).toBe(expected);
  });

  it('an answer never repeats what the body said', () => {
    for (const body of ['{"secret-of-ana": ', '{"event":"Pass:Installed","timestamp":"secret-of-ana"}', '{"x":"secret-of-ana"}', '{"event":"Pass:Installed","passId":"P-1","device":"secret-of-ana"}']) {
      expect(() => readDelivery(body, now)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret-of-ana') }));
    }
  });

  it('whatever is sent, nothing but a coded error comes of it', () => {
    const names = fc.constantFrom('Pass:Installed', 'pass.updated', 'Customer:Registered', 'wallet_uninstalled', 'X:Y', 'constructor', 'toString', '__proto__', '');
    const keys = fc.constantFrom('event', 'eventType', 'type', 'id', 'timestamp', 'createdAt', 'data', 'payload', 'pass', 'passId', 'passType', 'device', 'identifiers', 'identifier_x', 'consents', 'consents_email', 'metadata', 'account', 'customer', 'source', 'tags', 'additionalInformation', 'locale', 'toString', 'valueOf', '__proto__', 'constructor', 'hasOwnProperty');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ depthSize: 'small' }, fc.constant(null), fc.boolean(), fc.double({ noNaN: true }), fc.string(), names, fc.constantFrom(iso, 'apple', at), fc.array(tie('tree'), { maxLength: 3 }), fc.array(fc.tuple(keys, tie('tree')), { maxLength: 6 }).map(Object.fromEntries)),
    }));
    const bodies = fc.oneof(fc.json(), fc.string(), fc.tuple(names, fc.array(fc.tuple(keys, tree), { maxLength: 8 })).map(([name, entries]) => JSON.stringify({ ...Object.fromEntries(entries), event: name })));
    fc.assert(
      fc.property(bodies, (body) => {
        const outcome = code(body);
        if (outcome !== undefined) expect(typeof outcome).toBe('string');
        else expect(Object.values(readDelivery(body, now).event.identifiers).every((value) => typeof value === 'string')).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the key by which a redelivery is recognised', () => {
  const key = (body: unknown, receivedAt = now) => read(body, receivedAt).key;
  const one = { event: 'Pass:Installed', timestamp: iso, data: facts };

  it('is the sender\'s own id where there is one, whatever else changes', () => {
    for (const name of ['id', 'eventId', 'event_id', 'deliveryId']) {
      expect(key({ ...one, [name]: 'E-1' })).toBe('id:E-1');
      expect(key({ ...one, [name]: 'E-1', attempt: 2 }, now + 5_000)).toBe('id:E-1');
    }
    expect(key({ ...one, eventId: 'E-1' })).not.toBe(key({ ...one, eventId: 'E-2' }));
  });

  it('is not the id of the pass or of the customer, which comes with every event about it', () => {
    const flat = { event: 'Pass:Installed', timestamp: iso, id: 'P-1', device: 'apple' };
    expect(key(flat)).not.toBe(key({ ...flat, event: 'Pass:Uninstalled' }));
    const nested = { event: 'Pass:Updated', timestamp: iso, data: { id: 'P-1' } };
    expect(key(nested)).not.toBe(key({ ...nested, timestamp: '2026-01-05T09:00:01Z' }));
  });

  it.each<[string, unknown]>([
    ['again', one],
    ['with its members in another order', { data: { identifiers: { customerId: 'C-42' }, device: 'apple', passType: 'loyalty', passId: 'P-1' }, timestamp: iso, event: 'Pass:Installed' }],
    ['with dots', { ...one, event: 'pass.installed' }],
    ['as the sibling connector spells it', { event: 'wallet_installed', timestamp: at, data: facts }],
    ['with the time in seconds', { ...one, timestamp: at / 1000 }],
    ['with an offset', { ...one, timestamp: '2026-01-05T10:00:00+01:00' }],
    ['flat', { event: 'Pass:Installed', timestamp: iso, ...facts }],
    ['with a nested pass', { event: 'Pass:Installed', timestamp: iso, data: { pass: { id: 'P-1', passType: 'loyalty', identifiers: { customerId: 'C-42' } }, device: 'Apple' } }],
    ['with what says nothing to us', { ...one, attempt: 3, data: { ...facts, userAgent: 'x' } }],
  ])('is the same when the same is told %s, at another time of arrival', (_how, body) => {
    expect(key(body, now + 60_000)).toBe(key(one));
  });

  it('is the same for consents nested or flat', () => {
    const told = (consents: object) => key({ event: 'Customer:Registered', timestamp: iso, data: { customerId: 'C-42', ...consents } });
    expect(told({ consents: { email: true, sms: false } })).toBe(told({ consents_sms: false, consents_email: true }));
    expect(told({ consents: { consents_email: true, consents_sms: false } })).toBe(told({ consents_sms: false, consents_email: true }));
  });

  it.each<[string, unknown]>([
    ['another time', { ...one, timestamp: '2026-01-05T09:00:01Z' }],
    ['another kind', { ...one, event: 'Pass:Uninstalled' }],
    ['another pass', { ...one, data: { ...facts, passId: 'P-2' } }],
    ['another wallet', { ...one, data: { ...facts, device: 'google' } }],
    ['another type of the pass, within the same second', { ...one, data: { ...facts, passType: 'loyalty-gold' } }],
    ['another count of devices, within the same second', { ...one, data: { ...facts, activeRegistrationCount: 0 } }],
    ['other metadata, within the same second', { ...one, data: { ...facts, metadata: { tier: 'Gold' } } }],
    ['another e-mail, within the same second', { ...one, data: { ...facts, identifiers: { customerId: 'C-42', email: 'new@example.com' } } }],
    ['a consent, within the same second', { ...one, data: { ...facts, consents_email: true } }],
    ['a name, within the same second', { ...one, data: { ...facts, firstName: 'Ana' } }],
  ])('is another one for %s', (_what, other) => {
    expect(key(other)).not.toBe(key(one));
  });

  it('is another one for a withdrawal than for the consent', () => {
    const told = (given: boolean) => key({ event: 'Customer:Updated', timestamp: iso, data: { customerId: 'C-42', consents_email: given } });
    expect(told(true)).not.toBe(told(false));
  });

  it('is that of the whole body where not even a time is given', () => {
    const { timestamp: _timestamp, ...untimed } = one;
    expect(key(untimed, now + 60_000)).toBe(key({ data: facts, event: 'Pass:Installed' }));
    expect(key(untimed)).not.toBe(key({ ...untimed, attempt: 2 }));
  });

  it('is that of the whole body for an event we do not know', () => {
    expect(key({ event: 'Store:Opened', timestamp: iso, data: { a: 1, b: 2 } })).toBe(key({ timestamp: iso, data: { b: 2, a: 1 }, event: 'Store:Opened' }));
    expect(key({ event: 'Store:Opened', timestamp: iso, data: { a: 1 } })).not.toBe(key({ event: 'Store:Opened', timestamp: iso, data: { a: 2 } }));
  });

  it('shows nothing of the person', () => {
    expect(key({ event: 'Customer:Registered', timestamp: iso, data: { email: 'ana@example.com' } })).toMatch(/^is:[\w-]{43}$/);
  });
});
