import { newPerson, profileOf, propertyNames } from '#core';
import { aCustomer, hour, live, permutations, profile, rules, start } from '../../support/stories.js';

const at = (minutes: number) => start + minutes * 60_000;
const three = rules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'], eventTicket: ['ticket'] } });

describe('the profile in Klaviyo', () => {
  it('names the documented properties', () => {
    expect(propertyNames.authenticationToken).toBe('neostore.authenticationToken');
    expect(propertyNames.wallet('loyaltyCard', 'Apple')).toBe('neostore.wallet.loyaltyCard.Apple');
    expect(propertyNames.wallet('loyaltyCard', 'Google')).toBe('neostore.wallet.loyaltyCard.Google');
  });

  it('says of a person without any pass, for every wallet of every kind, that it is not installed', () => {
    expect(profileOf(newPerson('x'), three)).toEqual({
      do: 'upsert-profile',
      attributes: {},
      properties: {
        'neostore.wallet.loyaltyCard.Apple': 'NotInstalled',
        'neostore.wallet.loyaltyCard.Google': 'NotInstalled',
        'neostore.wallet.loyaltyCard.Any': 'NotInstalled',
        'neostore.wallet.giftCard.Apple': 'NotInstalled',
        'neostore.wallet.giftCard.Google': 'NotInstalled',
        'neostore.wallet.giftCard.Any': 'NotInstalled',
        'neostore.wallet.eventTicket.Apple': 'NotInstalled',
        'neostore.wallet.eventTicket.Google': 'NotInstalled',
        'neostore.wallet.eventTicket.Any': 'NotInstalled',
        'neostore.wallet.Any': 'NotInstalled',
        'neostore.wallet.installedCount': 0,
      },
    });
  });

  it('tells a whole life in one set of properties', () => {
    const events = aCustomer('C-42')
      .enrolled({ at: at(0), email: 'ana@example.com', attributes: { firstName: 'Ana', locale: 'fr-FR' } })
      .installed('apple', { at: at(1), pass: 'P-1', type: 'loyalty' })
      .installed('google', { at: at(2), pass: 'P-1', type: 'loyalty' })
      .installed('google', { at: at(3), pass: 'P-2', type: 'gift' })
      .uninstalled('google', { at: at(4), pass: 'P-2', type: 'gift' }).events;
    const lived = live(events, three);
    expect(profile(lived)).toEqual({
      'neostore.wallet.loyaltyCard.Apple': 'Installed',
      'neostore.wallet.loyaltyCard.Google': 'Installed',
      'neostore.wallet.loyaltyCard.Any': 'Installed',
      'neostore.wallet.giftCard.Apple': 'NotInstalled',
      'neostore.wallet.giftCard.Google': 'Uninstalled',
      'neostore.wallet.giftCard.Any': 'Uninstalled',
      'neostore.wallet.eventTicket.Apple': 'NotInstalled',
      'neostore.wallet.eventTicket.Google': 'NotInstalled',
      'neostore.wallet.eventTicket.Any': 'NotInstalled',
      'neostore.wallet.Any': 'Installed',
      'neostore.wallet.installedCount': 2,
      'neostore.wallet.firstInstalledAt': '2026-01-05T09:01:00.000Z',
      'neostore.wallet.lastChangedAt': '2026-01-05T09:04:00.000Z',
      'neostore.wallet.lastChange': 'Uninstalled',
      'neostore.registeredAt': '2026-01-05T09:00:00.000Z',
    });
    expect([...lived.profiles.values()][0]!.attributes).toEqual({ firstName: 'Ana', locale: 'fr-FR' });
  });

  it.each([
    ['nothing installed anywhere', [], 'NotInstalled', 0],
    ['one installed', [['apple', 'in']], 'Installed', 1],
    ['one installed and one removed', [['apple', 'in'], ['google', 'in'], ['apple', 'out']], 'Installed', 1],
    ['all removed', [['apple', 'in'], ['google', 'in'], ['apple', 'out'], ['google', 'out']], 'Uninstalled', 0],
  ] as const)('rolls up over the wallets: %s', (_title, steps, any, count) => {
    const customer = aCustomer('C-42').passCreated();
    for (const [wallet, what] of steps) customer[what === 'in' ? 'installed' : 'uninstalled'](wallet);
    expect(profile(live(customer.events))).toMatchObject({ 'neostore.wallet.loyaltyCard.Any': any, 'neostore.wallet.Any': any, 'neostore.wallet.installedCount': count });
  });

  it('first and last times do not depend on the order of arrival', () => {
    const events = aCustomer('C-42').installed('apple', { at: at(3) }).installed('google', { at: at(1) }).uninstalled('google', { at: at(2) }).uninstalled('apple', { at: at(3) }).events;
    for (const order of permutations(events)) {
      expect(profile(live(order))).toMatchObject({ 'neostore.wallet.firstInstalledAt': '2026-01-05T09:01:00.000Z', 'neostore.wallet.lastChangedAt': '2026-01-05T09:03:00.000Z', 'neostore.wallet.lastChange': 'Uninstalled' });
    }
  });

  it('says no time of what never happened', () => {
    const names = Object.keys(profile(live(aCustomer('C-42').passCreated().events)));
    expect(names.filter((name) => /At$|lastChange/.test(name))).toEqual([]);
  });

  it('takes the earliest of several registrations', () => {
    const events = aCustomer('C-42').enrolled({ at: at(5) }).enrolled({ at: at(1) }).enrolled({ at: at(9) }).events;
    for (const order of permutations(events)) expect(profile(live(order, rules(), start + hour))['neostore.registeredAt']).toBe('2026-01-05T09:01:00.000Z');
  });

  it('takes the name said last, and keeps what a later update does not mention', () => {
    const events = aCustomer('C-42').enrolled({ attributes: { firstName: 'Ann', lastName: 'Lee' } }).updated({ attributes: { firstName: 'Ana' } }).updated().events;
    for (const order of permutations(events)) expect([...live(order).profiles.values()].at(-1)!.attributes).toEqual({ firstName: 'Ana', lastName: 'Lee' });
  });
});
