import fc from 'fast-check';
import { isInstallCounted, wasInstallHeard, type Pass, type WalletEvent } from '#core';
import { aCustomer, canonical, commandsOf, event, hour, live, minute, onlyPerson, permutations, rules, start } from '../../support/stories.js';

const email = 'ana@example.com';
const at = (minutes: number) => start + minutes * minute;
const told = (minutes: number, ms = 0) => event('pass-installed', { at: at(minutes) + ms, identifiers: { customerId: 'C-42' }, pass: { id: 'P-1', type: 'loyalty' }, wallet: 'Apple' });
const found = (minutes: number, ms = 0): WalletEvent => ({ ...told(minutes, ms), name: 'reconciliation', backfill: true });
const enrolled = aCustomer('C-42').enrolled({ at: at(-60), email }).events;

/** Installations that Klaviyo counts: by unique id, as it does. */
const counted = (events: readonly WalletEvent[]) => new Set(commandsOf(live([...enrolled, ...events], rules(), start + hour), 'track').filter(({ metric }) => metric === 'Wallet Pass Installed').map(({ uniqueId }) => uniqueId)).size;
const passAfter = (events: readonly WalletEvent[]) => canonical(onlyPerson(live([...enrolled, ...events], rules(), start + hour)).passes['P-1']);

describe('one installation is counted once', () => {
  it.each<[string, WalletEvent[], number]>([
    ['heard', [told(5)], 1],
    ['found', [found(5)], 1],
    ['found twice', [found(5), found(5)], 1],
    ['heard twice', [told(5), told(5)], 1],
    ['heard, then found', [told(5), found(5, 400)], 1],
    ['found, then heard late', [found(5), told(5, 400)], 1],
    ['heard on two phones, and found by the date of the first', [told(5), told(50), found(5)], 2],
    ['heard, and put back an hour later without a webhook', [told(5), found(65)], 2],
    ['found, and heard to be put back an hour later', [found(5), told(65)], 2],
  ])('%s', (_title, events, count) => {
    expect(counted(events)).toBe(count);
  });

  it('whichever of webhook and list comes first, however they date it within ten minutes, and however often they tell', () => {
    const apart = fc.integer({ min: -10 * minute, max: 10 * minute });
    const tellings = apart.chain((ms) => fc.array(fc.boolean().map((isFound) => (isFound ? found(20, ms) : told(20))), { minLength: 1, maxLength: 6 }));
    fc.assert(fc.property(tellings, (events) => expect(counted(events)).toBe(1)));
  });

  it('and the pass ends the same in every order', () => {
    const history = fc.array(fc.record({ minutes: fc.integer({ min: 0, max: 45 }), what: fc.constantFrom('heard', 'found', 'removed', 'missing', 'listed') }), { minLength: 2, maxLength: 4 });
    const eventOf = ({ minutes, what }: { minutes: number; what: string }): WalletEvent => {
      if (what === 'heard') return told(minutes);
      if (what === 'found') return found(minutes);
      if (what === 'removed') return { ...told(minutes), kind: 'pass-uninstalled' };
      return event('looked-up', { at: at(minutes), identifiers: { customerId: 'C-42' }, backfill: true, found: { passes: [{ id: 'P-1', type: 'loyalty', installed: what === 'listed' ? { Apple: at(1) } : {} }], listed: true } });
    };
    fc.assert(
      fc.property(history, (steps) => {
        const events = steps.map(eventOf);
        const expected = passAfter(events);
        for (const order of permutations(events)) expect(passAfter(order)).toBe(expected);
      }),
      // A list that was asked for in the very moment of an installation.
      { numRuns: 40, examples: [[[{ minutes: 0, what: 'listed' }, { minutes: 0, what: 'heard' }]]] },
    );
  });

  it('a late webhook of what was found says that it is counted already', () => {
    const { decisions } = live([...enrolled, found(5), told(6)], rules(), start + hour);
    expect(decisions[2]!.notes).toMatchObject([{ by: 'reconciliation', says: 'This installation is counted already.' }]);
    expect(decisions[2]!.commands.map((command) => command.do)).not.toContain('track');
  });
});

describe('what a pass remembers of installations', () => {
  const pass = (installs: Pass['installs']): Pass => ({ id: 'P-1', kind: 'loyaltyCard', kindAt: 0, typeAt: 0, wallets: {}, ...(installs ? { installs } : {}) });
  const ten = 10;

  it.each<[string, Pass | undefined, minutes: number, heard: boolean]>([
    ['nothing is known', undefined, 5, false],
    ['no installation is known', pass(undefined), 5, false],
    ['it is only known from a list', pass({ Apple: { foundAt: at(5) } }), 5, false],
    ['only the other wallet was heard of', pass({ Google: { heardAt: at(5) } }), 5, false],
    ['it was heard ten minutes before the date', pass({ Apple: { heardAt: at(5) } }), 5 + ten, true],
    ['it was heard longer before the date', pass({ Apple: { heardAt: at(5) } }), 6 + ten, false],
    ['it was heard long after the date', pass({ Apple: { heardAt: at(500) } }), 5, true],
  ])('a webhook told of it: %s', (_title, known, minutes, heard) => {
    expect(wasInstallHeard(known, 'Apple', at(minutes))).toBe(heard);
    if (heard) expect(isInstallCounted(known, 'Apple', { at: at(minutes), backfill: true })).toBe(true);
  });

  it.each<[string, Pass, minutes: number, live: boolean, backfill: boolean]>([
    ['found ten minutes before', pass({ Apple: { foundAt: at(5) } }), 5 + ten, true, false],
    ['found ten minutes after', pass({ Apple: { foundAt: at(5 + ten) } }), 5, true, true],
    ['found much later', pass({ Apple: { foundAt: at(90) } }), 5, false, true],
    // A webhook that comes twice is counted by Klaviyo: by its unique id.
    ['heard at the same time', pass({ Apple: { heardAt: at(5) } }), 5, false, true],
  ])('it was %s', (_title, known, minutes, whenLive, whenFound) => {
    expect(isInstallCounted(known, 'Apple', { at: at(minutes) })).toBe(whenLive);
    expect(isInstallCounted(known, 'Apple', { at: at(minutes), backfill: true })).toBe(whenFound);
  });
});
