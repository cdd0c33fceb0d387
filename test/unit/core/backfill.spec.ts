import fc from 'fast-check';
import { absence, installation, listed, optOut, registration, tokenLookUp, type ListedPass, type WalletEvent } from '#core';
import { aCustomer, commandsOf, day, event, hour, live, minute, onlyPerson, permutations, rules, start } from '../../support/stories.js';
import { links } from './comparing-profiles.js';

const email = 'ana@example.com';
const at = (minutes: number) => start + minutes * minute;
const now = at(120);
const pass: ListedPass = { id: 'P-1', type: 'loyalty', createdAt: at(1), installed: { Apple: at(2) }, identifiers: { customerId: 'C-42', email } };
const eventOf = ({ event: told }: { event: unknown }) => told as WalletEvent;
const found = [eventOf(registration('newcomer', pass, at(1))), eventOf(installation(pass, 'Apple', at(2)))];
const tenantWith = (own: Partial<typeof links>) => rules({ links: { ...links, ...own } });

describe('what a run found out afterwards', () => {
  it('is counted with its true date, fires no flow, and describes the profile', () => {
    expect(live(found, rules(), now).commands).toMatchObject([
      { do: 'track', metric: 'Wallet Registered', at: at(1), backfill: true },
      { do: 'upsert-profile' },
      { do: 'track', metric: 'Wallet Pass Installed', at: at(2), backfill: true },
      { do: 'upsert-profile', properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed', 'neostore.registeredAt': new Date(at(1)).toISOString() } },
    ]);
  });

  it('fires no flow however recent it is; the same webhook would have', () => {
    const [recent] = [{ ...found[1]!, at: now }];
    expect(commandsOf(live([recent!], rules(), now), 'track')).toMatchObject([{ backfill: true }]);
    const { backfill: _backfill, ...webhook } = recent!;
    expect(commandsOf(live([webhook], rules(), now), 'track')).toMatchObject([{ backfill: false }]);
  });

  it('is not counted by a registration that was heard of', () => {
    const { decisions } = live([...aCustomer('C-42').enrolled({ at: at(0), email }).events, found[0]!], rules(), now);
    expect(commandsOf(decisions[1]!, 'track')).toEqual([]);
  });

  it('is the same person in whatever order it is found, and told of late', () => {
    const late = aCustomer('C-42').enrolled({ at: at(1), email: 'new@example.com' }).events;
    for (const order of permutations([...found, ...late])) expect(onlyPerson(live(order, rules(), now))).toMatchObject({ registeredAt: at(1), passes: { 'P-1': { wallets: { Apple: { status: 'Installed', at: at(2) } } } } });
  });

  it('leaves what was asked of lists as it is: consent is acted upon when it is given', () => {
    const subscribed = aCustomer('C-42').enrolled({ at: at(0), email, consents: { consents_email: true } }).events;
    const before = onlyPerson(live(subscribed, rules(), now));
    expect(onlyPerson(live([...subscribed, ...found], rules(), now)).asked).toEqual(before.asked);
  });
});

describe('nobody is subscribed by a run', () => {
  const answer = fc.option(fc.boolean(), { nil: undefined });
  const life = fc.array(fc.record({ minutes: fc.integer({ min: 0, max: 60 }), kind: fc.constantFrom('registered' as const, 'customer-updated' as const), email: answer, sms: answer }), { maxLength: 6 });
  const heard = life.map((told) => told.map(({ minutes, kind, email: mail, sms }) => event(kind, { at: at(minutes), identifiers: { customerId: 'C-42' }, answers: { ...(mail === undefined ? {} : { consents_email: mail }), ...(sms === undefined ? {} : { consents_sms: sms }) } })));
  const repairs: fc.Arbitrary<WalletEvent> = fc.constantFrom(
    ...found,
    eventOf(listed('P-1', ['status-wrong'], now, { identifiers: { customerId: 'C-42', email, phone: '+33612345678' } }, [pass])),
    eventOf(listed('person', ['status-wrong'], now, { profile: { klaviyoId: 'K-1', email, phone: '+33612345678' }, identifiers: { customerId: 'C-42' } }, [])),
    eventOf(optOut(event('opted-out', { at: now, channel: 'email', profile: { klaviyoId: 'K-1', email } }))),
  );

  it('whatever they said before, and whatever it finds, even the address that was missing', () => {
    fc.assert(
      fc.property(heard, fc.array(repairs, { minLength: 1, maxLength: 6 }), (said, runs) => {
        const { decisions } = live([...said, ...runs], rules(), now);
        for (const decision of decisions.slice(said.length)) expect(decision.commands.map((command) => command.do)).not.toEqual(expect.arrayContaining([expect.stringMatching(/subscribe/)]));
      }),
    );
  });

  it('though the next word of the customer does what was left undone', () => {
    const consented = event('registered', { at: at(0), identifiers: { customerId: 'C-42' }, answers: { consents_email: true } });
    const { decisions } = live([consented, found[1]!, event('customer-updated', { at: at(90), identifiers: { customerId: 'C-42' } })], rules(), now);
    expect(decisions.map((decision) => commandsOf(decision, 'subscribe').length)).toEqual([0, 0, 1]);
  });
});

describe('tokens of those whom a run finds', () => {
  it('are asked for by look-ups that fire no flow', () => {
    const [decision] = live([found[0]!], tenantWith({}), now).decisions;
    expect(commandsOf(decision!, 'look-up')).toMatchObject([{ backfill: true, by: expect.arrayContaining([{ key: 'customerId', value: 'C-42' }]) }]);
    expect(commandsOf(live(aCustomer('C-42').enrolled({ email }).events, tenantWith({}), now), 'look-up')[0]).not.toHaveProperty('backfill');
  });

  it('are not asked for where only flows do, nor where each event carries one', () => {
    for (const rule of [tenantWith({ unasked: false }), tenantWith({ tokenOn: 'event' }), rules()]) expect(commandsOf(live(found, rule, now), 'look-up')).toEqual([]);
    // The event itself goes, without one: no message holds it.
    expect(commandsOf(live(found, tenantWith({ tokenOn: 'event' }), now), 'track')).toHaveLength(2);
    expect(commandsOf(live(aCustomer('C-42').enrolled({ email }).events, tenantWith({ tokenOn: 'event' }), now), 'look-up')).toMatchObject([{ carries: { do: 'track' } }]);
  });

  it('are not taken for missing because a list of passes has none', () => {
    const { decisions } = live([eventOf(listed('P-1', [], now, { identifiers: { customerId: 'C-42', email } }, [pass]))], tenantWith({}), now);
    expect(decisions[0]!.notes).toEqual([]);
    expect(decisions[0]!.person.tokenAskedAt).toBeUndefined();
  });

  it('are asked for under the names that Klaviyo knows', () => {
    expect(tokenLookUp('person', ['token-missing'], now, { klaviyoId: 'K-1' }).event).toMatchObject({ kind: 'flow-action', command: { do: 'look-up', backfill: true, profile: { klaviyoId: 'K-1' } } });
  });
});

describe('what a list says about a person', () => {
  const stale = listed('P-1', ['status-wrong'], now, { identifiers: { customerId: 'C-42', email: 'old@example.com' } }, [pass]);

  it.each([
    ['before the webhook comes', (webhook: WalletEvent[]) => [eventOf(stale), ...webhook]],
    ['after it came', (webhook: WalletEvent[]) => [...webhook, eventOf(stale)]],
  ])('never outdates an address that was said at some time: the list read %s', (_title, order) => {
    const webhook = aCustomer('C-42').updated({ at: now - day, email: 'new@example.com' }).events;
    const { persons } = live(order(webhook), rules(), now + hour);
    expect(persons).toHaveLength(1);
    expect(persons[0]!.identity.email).toBe('new@example.com');
  });

  it('is an address, where nobody said one', () => {
    expect(onlyPerson(live([eventOf(stale)], rules(), now)).identity.email).toBe('old@example.com');
  });

  it('writes the profile, and counts nothing', () => {
    for (const told of [stale, absence({ id: 'P-1', kind: 'loyaltyCard', kindAt: 0, typeAt: 0, type: 'loyalty', wallets: { Apple: { status: 'Installed', at: at(2) } } }, 'pass-gone', ['Apple'], now)]) {
      const { commands } = live([...found, eventOf(told)], rules(), now);
      expect(commands.slice(4).map((command) => command.do)).toEqual(['upsert-profile']);
    }
  });
});
