import type { WalletEvent } from '#core';
import { aCustomer, event, live, onlyPerson, outcome, permutations, profile, rules, start } from '../../support/stories.js';

const at = (minutes: number) => start + minutes * 60_000;
const ana = () => aCustomer('C-42');

describe('the life of a pass', () => {
  const stories: [title: string, events: WalletEvent[], apple: string, google: string][] = [
    ['a pass that was only created is not installed', ana().passCreated().events, 'NotInstalled', 'NotInstalled'],
    ['a pass added to one wallet is installed there and nowhere else', ana().passCreated().installed('apple').events, 'Installed', 'NotInstalled'],
    ['a pass added to both wallets is installed in both', ana().installed('apple').installed('google').events, 'Installed', 'Installed'],
    ['a removed pass is uninstalled, not "never installed"', ana().installed('apple').uninstalled('apple').events, 'Uninstalled', 'NotInstalled'],
    ['a removal from one wallet leaves the other alone', ana().installed('apple').installed('google').uninstalled('google').events, 'Installed', 'Uninstalled'],
    ['a pass added again after its removal is installed', ana().installed('apple').uninstalled('apple').installed('apple').events, 'Installed', 'NotInstalled'],
    ['a pass removed from one of two devices is still installed', ana().installed('apple', { left: 1 }).installed('apple', { left: 2 }).uninstalled('apple', { left: 1 }).events, 'Installed', 'NotInstalled'],
    ['a pass removed from its last device is uninstalled', ana().installed('apple', { left: 1 }).installed('apple', { left: 2 }).uninstalled('apple', { left: 1 }).uninstalled('apple', { left: 0 }).events, 'Uninstalled', 'NotInstalled'],
    ['a removal that names no count is taken for the last', ana().installed('google').installed('google').uninstalled('google').events, 'NotInstalled', 'Uninstalled'],
    ['a removal whose installation was never told is a removal', ana().uninstalled('google').events, 'NotInstalled', 'Uninstalled'],
    ['at one and the same instant the removal counts', ana().installed('apple', { at: start }).uninstalled('apple', { at: start }).events, 'Uninstalled', 'NotInstalled'],
    ['two devices that let go at the same instant leave it uninstalled', ana().installed('apple').uninstalled('apple', { at: at(9), left: 1 }).uninstalled('apple', { at: at(9), left: 0 }).events, 'Uninstalled', 'NotInstalled'],
  ];

  it.each(stories)('%s', (_title, events, apple, google) => {
    const properties = profile(live(events));
    expect(properties['neostore.wallet.loyaltyCard.Apple']).toBe(apple);
    expect(properties['neostore.wallet.loyaltyCard.Google']).toBe(google);
  });

  it.each(stories)('in whatever order it is told: %s', (_title, events) => {
    const expected = outcome(live(events));
    for (const order of permutations(events)) expect(outcome(live(order))).toEqual(expected);
  });

  it.each(stories)('told twice, it changes nothing: %s', (_title, events) => {
    const expected = outcome(live(events));
    expect(outcome(live([...events, ...events]))).toEqual(expected);
    expect(outcome(live(events.flatMap((told) => [told, told])))).toEqual(expected);
  });

  it('two passes of one customer in one wallet count as installed until both are gone', () => {
    const customer = ana().installed('apple', { pass: 'first' }).installed('apple', { pass: 'second' }).uninstalled('apple', { pass: 'first' });
    expect(profile(live(customer.events))['neostore.wallet.loyaltyCard.Apple']).toBe('Installed');
    customer.uninstalled('apple', { pass: 'second' });
    expect(profile(live(customer.events))['neostore.wallet.loyaltyCard.Apple']).toBe('Uninstalled');
  });

  it('the first installation stays the first, however late it is told', () => {
    const events = ana().installed('apple', { at: at(1) }).uninstalled('apple', { at: at(2) }).installed('apple', { at: at(3) }).events;
    for (const order of permutations(events)) {
      expect(onlyPerson(live(order)).passes['pass-of-C-42']!.wallets.Apple).toEqual({ status: 'Installed', at: at(3), firstInstalledAt: at(1) });
    }
  });

  it('a pass remembers the earliest time it was said to be created', () => {
    const events = ana().passCreated({ at: at(5) }).passCreated({ at: at(2) }).passCreated({ at: at(8) }).events;
    for (const order of permutations(events)) expect(onlyPerson(live(order)).passes['pass-of-C-42']!.createdAt).toBe(at(2));
  });
});

describe('the kind of a pass', () => {
  const kinds = rules({ passKinds: { loyaltyCard: ['loyalty', 'loyalty-gold'], giftCard: ['gift', 'voucher'] } });
  const told = (pass: WalletEvent['pass'], minutes: number) => event('pass-updated', { at: at(minutes), identifiers: { customerId: 'C-42' }, pass: { ...pass, id: 'P-1' } });
  const kindAfter = (...events: WalletEvent[]) => onlyPerson(live(events, kinds)).passes['P-1']!.kind;

  it.each([
    ['a configured type', { type: 'gift' }, 'giftCard'],
    ['a second configured type', { type: 'loyalty-gold' }, 'loyaltyCard'],
    ['the name of the kind itself as type', { type: 'giftCard' }, 'giftCard'],
    ['the kind the sender names', { kind: 'giftCard' }, 'giftCard'],
    ['the sender\'s word customerCard for a loyalty card', { kind: 'customerCard' }, 'loyaltyCard'],
    ['a type before a kind', { type: 'gift', kind: 'customerCard' }, 'giftCard'],
  ])('follows from %s', (_how, pass, kind) => {
    expect(kindAfter(told({ id: '', ...pass }, 1))).toBe(kind);
  });

  it('is the only kind where the tenant has one, whatever the type is called', () => {
    const lived = live([told({ id: '', type: 'summer-2026' }, 1)], rules());
    expect(onlyPerson(lived).passes['P-1']!.kind).toBe('loyaltyCard');
  });

  it('is asked for when an unknown type could be any of several', () => {
    expect(() => live([told({ id: '', type: 'summer-2026' }, 1)], kinds)).toThrow(expect.objectContaining({ code: 'PASS_KIND_UNKNOWN' }));
  });

  it('is asked for in whatever order an unknown type and a known one arrive', () => {
    const events = [told({ id: '', type: 'summer-2026' }, 1), told({ id: '', type: 'gift' }, 2)];
    for (const order of permutations(events)) expect(() => live(order, kinds)).toThrow(expect.objectContaining({ code: 'PASS_KIND_UNKNOWN' }));
  });

  it('may be said later: until then the pass counts only as "any wallet"', () => {
    const installed = event('pass-installed', { at: at(1), identifiers: { customerId: 'C-42' }, pass: { id: 'P-1' }, wallet: 'Apple' });
    const before = profile(live([installed], kinds));
    expect(before).toMatchObject({ 'neostore.wallet.Any': 'Installed', 'neostore.wallet.giftCard.Apple': 'NotInstalled', 'neostore.wallet.loyaltyCard.Apple': 'NotInstalled' });
    const events = [installed, told({ id: '', type: 'gift' }, 0)];
    for (const order of permutations(events)) expect(profile(live(order, kinds))).toMatchObject({ 'neostore.wallet.giftCard.Apple': 'Installed', 'neostore.wallet.loyaltyCard.Apple': 'NotInstalled' });
  });

  it.each([
    ['the type said last wins', [told({ id: '', type: 'loyalty' }, 1), told({ id: '', type: 'gift' }, 2), told({ id: '' }, 3)], 'giftCard', 'gift'],
    ['a kind said after a type does not forget the type', [told({ id: '', type: 'loyalty-gold' }, 1), told({ id: '', kind: 'customerCard' }, 2)], 'loyaltyCard', 'loyalty-gold'],
    ['of two types said at one instant always the same one wins', [told({ id: '', type: 'loyalty' }, 1), told({ id: '', type: 'gift' }, 1)], 'loyaltyCard', 'loyalty'],
  ])('%s, in whatever order they arrive', (_title, events, kind, type) => {
    for (const order of permutations(events)) expect(onlyPerson(live(order, kinds)).passes['P-1']).toMatchObject({ kind, type });
  });
});
