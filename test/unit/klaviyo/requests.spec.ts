import { bulkEvent, bulkEventsRequest, eventRequest, fitting, profile, subscription, subscriptionsRequest, unsubscription, wireBytes } from '../../../libs/klaviyo/src/requests.js';
import { consent, outgoing, track, update, withdrawal } from './fakes.js';

const now = Date.UTC(2026, 8, 1, 12);

describe('An event for Klaviyo', () => {
  const profileOf = (identity: object) => eventRequest(outgoing(track('u1'), identity)).data.attributes.profile.data;

  it('names the person by one strong identifier: external id, else e-mail, else phone', () => {
    const all = { klaviyoId: 'K1', externalId: 'X1', email: 'ada@shop.fr', phone: '+33600000001' };
    expect(profileOf(all)).toEqual({ type: 'profile', attributes: { externalId: 'X1' } });
    expect(profileOf({ ...all, externalId: undefined })).toEqual({ type: 'profile', attributes: { email: 'ada@shop.fr' } });
    expect(profileOf({ klaviyoId: 'K1', phone: '+33600000001' })).toEqual({ type: 'profile', attributes: { phoneNumber: '+33600000001' } });
  });

  it('names the person by the Klaviyo id only when nothing else is known', () => {
    expect(profileOf({ klaviyoId: 'K1' })).toEqual({ type: 'profile', id: 'K1', attributes: {} });
  });

  it('does not use an identifier that another profile owns', () => {
    expect(profileOf({ externalId: 'X1', email: 'ada@shop.fr', withheld: ['externalId'] })).toEqual({ type: 'profile', attributes: { email: 'ada@shop.fr' } });
  });

  it('always carries its unique id and a time in whole seconds', () => {
    const { uniqueId, time } = eventRequest(outgoing(track('u1'))).data.attributes;
    expect([uniqueId, time]).toEqual(['u1', '2026-08-31T10:00:00Z']);
  });

  it('says backfill only when it is backfill', () => {
    expect(eventRequest(outgoing(track('u1'))).data.attributes).not.toHaveProperty('backfill');
    expect(bulkEvent(outgoing(track('u1', { backfill: true }))).attributes.events.data[0]?.attributes.backfill).toBe(true);
  });

  it('leaves property names with dots and lists as they are', () => {
    const properties = { 'neostore.pass.kind': 'loyaltyCard', tags: ['a', 'b'] };
    expect(eventRequest(outgoing(track('u1', { properties }))).data.attributes.properties).toEqual(properties);
  });
});

describe('A profile for Klaviyo', () => {
  it('carries every identifier that is known', () => {
    const { id, attributes } = profile(outgoing(update(), { klaviyoId: 'K1', externalId: 'X1', email: 'ada@shop.fr', phone: '+33600000001' }));
    expect(id).toBe('K1');
    expect(attributes).toMatchObject({ externalId: 'X1', email: 'ada@shop.fr', phoneNumber: '+33600000001' });
  });

  it('carries an identifier that another profile owns as a property', () => {
    const { attributes } = profile(outgoing(update({ points: 3 }), { email: 'ada@shop.fr', phone: '+33600000001', withheld: ['phone'] }));
    expect(attributes).toEqual({ email: 'ada@shop.fr', properties: { points: 3, 'neostore.withheld.phone': '+33600000001' } });
  });

  it('never contains null or undefined, because null clears at Klaviyo', () => {
    const text = JSON.stringify(profile(outgoing({ ...update(), attributes: { firstName: 'Ada' } })), (_, value: unknown) => (value === undefined ? 'UNDEFINED' : value));
    expect(text).not.toMatch(/null|UNDEFINED/);
    expect(text).toContain('"firstName":"Ada"');
  });
});

describe('A consent for Klaviyo', () => {
  it('says when it was given only if it is history', () => {
    expect(subscription(outgoing(consent()), now).attributes.subscriptions).toEqual({ email: { marketing: { consent: 'SUBSCRIBED' } } });
    expect(subscription(outgoing(consent({ historical: true })), now).attributes.subscriptions).toEqual({ email: { marketing: { consent: 'SUBSCRIBED', consentedAt: '2026-09-01T11:59:50Z' } } });
  });

  it('never lies in the future', () => {
    const [given] = Object.values(subscription(outgoing(consent({ historical: true, consentedAt: now + 60_000 })), now).attributes.subscriptions);
    expect(given).toEqual({ marketing: { consent: 'SUBSCRIBED', consentedAt: '2026-09-01T11:59:59Z' } });
  });

  it('names its source once for the request and the list as a relationship', () => {
    const { data } = subscriptionsRequest({ listId: 'L1', field: 'newsletter', historical: true }, []);
    expect(data.attributes).toMatchObject({ customSource: 'newsletter', historicalImport: true });
    expect(data.relationships).toEqual({ list: { data: { type: 'list', id: 'L1' } } });
  });

  it('concerns its own channel and no other', () => {
    const identity = { email: 'ada@shop.fr', phone: '+33600000001' };
    expect(subscription(outgoing(consent({ channel: 'sms' }), identity), now).attributes).toEqual({ email: 'ada@shop.fr', phoneNumber: '+33600000001', subscriptions: { sms: { marketing: { consent: 'SUBSCRIBED' } } } });
    expect(subscription(outgoing(consent({ channel: 'sms' }), { ...identity, withheld: ['phone'] }), now).attributes).not.toHaveProperty('email');
    expect(unsubscription(outgoing(withdrawal({ channel: 'sms' }), identity)).attributes).toEqual({ phoneNumber: '+33600000001', subscriptions: { sms: { marketing: { consent: 'UNSUBSCRIBED' } } } });
  });
});

describe('A bulk request', () => {
  it('holds as many items as fit by number and by bytes, and at least one', () => {
    const items = [400, 400, 400].map((bytes) => ({ bytes }));
    expect(fitting(items, 2, 10_000)).toHaveLength(2);
    expect(fitting(items, 10, 1400)).toHaveLength(2);
    expect(fitting([{ bytes: 9000 }], 10, 1000)).toHaveLength(1);
  });

  it('is never longer on the wire than it was estimated', () => {
    const entries = Array.from({ length: 50 }, (_, index) => bulkEvent(outgoing(track(`é-${index}`, { backfill: true }), { phone: '+33600000001' })));
    const estimated = entries.reduce((sum, entry) => sum + wireBytes(entry), 512);
    const names = { uniqueId: 'unique_id', phoneNumber: 'phone_number', eventsBulkCreate: 'events-bulk-create' };
    const wire = Object.entries(names).reduce((text, [camel, snake]) => text.replaceAll(`"${camel}"`, `"${snake}"`), JSON.stringify(bulkEventsRequest(entries)));
    expect(Buffer.byteLength(wire)).toBeLessThanOrEqual(estimated);
  });
});
