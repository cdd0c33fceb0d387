import { decide, type Person } from '#core';
import { aCustomer, commandsOf, day, event, frozen, live, onlyPerson, rules, start } from '../../support/stories.js';

const email = 'ana@example.com';
const at = (minutes: number) => start + minutes * 60_000;
const did = (commands: { do: string }[]) => commands.map((command) => command.do);

describe('what an event means', () => {
  it('a customer who enrols with consent is counted, described and subscribed', () => {
    const { decisions } = live(aCustomer('C-42').enrolled({ at: start, email, consents: { consents_email: true }, attributes: { firstName: 'Ana' } }).events);
    expect(decisions).toHaveLength(1);
    expect(decisions[0]).toMatchObject({
      absorbed: [],
      goes: 'at-once',
      notes: [],
      commands: [
        { do: 'track', metric: 'Wallet Registered', at: start, backfill: false, properties: { identifier_customerId: 'C-42' } },
        { do: 'upsert-profile', attributes: { firstName: 'Ana' }, properties: { 'neostore.wallet.loyaltyCard.Apple': 'NotInstalled', 'neostore.registeredAt': '2026-01-05T09:00:00.000Z' } },
        { do: 'subscribe', listId: 'NEWS', channel: 'email', consentedAt: start, field: 'consents_email', historical: false },
      ],
    });
  });

  it('a pass that is installed is counted and changes the profile', () => {
    const { decisions } = live(aCustomer('C-42').enrolled({ email }).installed('apple').events);
    expect(decisions[1]!.commands).toMatchObject([{ do: 'track', metric: 'Wallet Pass Installed' }, { do: 'upsert-profile', properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed' } }]);
  });

  it('an unchanged profile is not sent again', () => {
    const { decisions } = live(aCustomer('C-42').enrolled({ email, attributes: { firstName: 'Ana' } }).updated({ attributes: { firstName: 'Ana' } }).passUpdated().events);
    expect(decisions.map(({ commands }) => did(commands))).toEqual([['track', 'upsert-profile'], [], ['track']]);
  });

  it('a profile is sent again when the person is told to Klaviyo by another e-mail', () => {
    const { decisions } = live(aCustomer('C-42').enrolled({ email }).updated({ email: 'new@example.com' }).events);
    expect(did(decisions[1]!.commands)).toEqual(['upsert-profile']);
  });

  it('a profile is sent again when the tenant adds a kind of pass, with the next event', () => {
    const known = onlyPerson(live(aCustomer('C-42').enrolled({ email }).events));
    const decision = decide(aCustomer('C-42').updated().events[0]!, [known], rules({ passKinds: { loyaltyCard: [], giftCard: [] } }), start);
    expect(decision.commands).toMatchObject([{ do: 'upsert-profile', properties: { 'neostore.wallet.giftCard.Apple': 'NotInstalled' } }]);
  });

  it('a registration told again, as an upsert, is not counted again', () => {
    const { decisions } = live(aCustomer('C-42').enrolled({ email }).enrolled({ email }).events);
    expect(decisions.map(({ commands }) => did(commands))).toEqual([['track', 'upsert-profile'], []]);
  });

  it('an older registration told late corrects the date and counts nothing', () => {
    const events = aCustomer('C-42').enrolled({ email, at: at(5) }).enrolled({ email, at: at(1) }).events;
    expect(live(events).decisions.map(({ commands }) => did(commands))).toEqual([['track', 'upsert-profile'], ['upsert-profile']]);
  });

  it('a person nobody at Klaviyo could know waits, and says so', () => {
    const { decisions } = live(aCustomer('C-42').passCreated().events);
    expect(decisions[0]).toMatchObject({ goes: 'when-reachable', notes: [{ by: 'identity', code: 'PERSON_NOT_REACHABLE' }] });
    expect(did(decisions[0]!.commands)).toEqual(['track', 'upsert-profile']);
  });

  it.each([
    ['an external id and an address: the profile joins them first', { externalId: ['customerId'] }, 'after-profile'],
    ['an address alone', { externalId: ['loyaltyNumber'] }, 'at-once'],
  ])('with %s', (_title, identity, goes) => {
    const enrolment = event('registered', { identifiers: { customerId: 'C-42', email } });
    expect(decide(enrolment, [], rules({ identity: { ...rules().identity, ...identity } }), start).goes).toBe(goes);
  });

  it('a person becomes reachable with the first identifier Klaviyo knows', () => {
    const { decisions } = live(aCustomer('C-42').passCreated().updated({ email }).events);
    expect(decisions.map(({ goes }) => goes)).toEqual(['when-reachable', 'at-once']);
    expect(decisions[1]!.notes).toEqual([]);
  });

  it('an event with an unknown meaning, if it is decided at all, is counted nowhere', () => {
    expect(commandsOf(live([event('unknown', { identifiers: { email } })]), 'track')).toEqual([]);
  });

  it('an old installation told today is recorded, changes the profile and fires no flow', () => {
    const { decisions } = live(aCustomer('C-42').enrolled({ email }).installed('google').events, rules(), start + 30 * day);
    expect(decisions[1]!.commands).toMatchObject([{ do: 'track', backfill: true }, { do: 'upsert-profile', properties: { 'neostore.wallet.loyaltyCard.Google': 'Installed' } }]);
  });

  it('a late removal does not undo a newer installation', () => {
    const { decisions } = live(aCustomer('C-42').enrolled({ email }).installed('apple', { at: at(9) }).uninstalled('apple', { at: at(5) }).events);
    expect(did(decisions[2]!.commands)).toEqual(['track']);
  });

  it('holds no e-mail and no phone in its notes', () => {
    const events = [...aCustomer('C-42').enrolled({ email, phone: '+33612345678', consents: { consents_email: true } }).installed('apple').events, event('customer-updated', { at: at(9), identifiers: { customerId: 'C-43', email, phone: 'no number' } })];
    expect(JSON.stringify(live(events).decisions.map(({ notes }) => notes))).not.toMatch(/@|336|no number/);
  });

  it('is decided alike every time, and nothing it is given is touched', () => {
    const known = frozen(onlyPerson(live(aCustomer('C-42').enrolled({ email, consents: { consents_email: true } }).installed('apple').events)));
    const other: Person = frozen(onlyPerson(live(aCustomer('C-43').enrolled({ phone: '+33612345678' }).installed('google', { pass: 'P-2' }).events)));
    const happened = frozen(event('pass-uninstalled', { at: at(20), identifiers: { customerId: 'C-42', phone: '+33612345678' }, pass: { id: 'P-2', type: 'loyalty-gold' }, wallet: 'Google', answers: { consents_email: false }, attributes: { firstName: 'Ana' }, metadata: { tier: 'Gold' }, source: { tags: ['store'] } }));
    const once = decide(happened, frozen([known, other]), frozen(rules()), start);
    expect(once.absorbed).toHaveLength(1);
    expect(decide(happened, [other, known], rules(), start)).toEqual(once);
    // Known alone, without the copy that joining two persons makes.
    const alone = frozen(event('pass-uninstalled', { at: at(21), identifiers: { customerId: 'C-42', email: 'new@example.com' }, pass: { id: 'pass-of-C-42' }, wallet: 'Apple', answers: { consents_email: false }, attributes: { firstName: 'Ana' } }));
    expect(decide(alone, frozen([known]), rules(), start).person.consents['consents_email']).toHaveLength(2);
    expect(known.consents['consents_email']).toHaveLength(1);
  });
});
