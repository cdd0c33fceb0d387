import { defaultIdentity, lookUpBy, newPerson, type FoundPass, type WalletEvent } from '#core';
import { aCustomer, commandsOf, event, live, minute, onlyPerson, outcome, permutations, profile, rules, start } from '../../support/stories.js';

const email = 'ana@example.com';
const at = (minutes: number) => start + minutes * minute;
const links = { pages: { enrolment: 'https://wallet.example/acme/mail', pass: 'https://wallet.example/acme/mail/confirm' }, tokenOn: 'profile' as const, unasked: true, asProperties: false, refreshAfterMs: 30 * 86_400_000 };
const withLinks = rules({ links });
const found = (minutes: number, passes: FoundPass[], token?: string): WalletEvent =>
  event('looked-up', { at: at(minutes), profile: { email }, found: { passes, ...(token ? { token: { sealed: token, at: at(minutes) } } : {}) } });
const card = (installed: FoundPass['installed']): FoundPass => ({ id: 'P-1', type: 'loyalty', installed });
const installed = (minutes: number) => aCustomer('C-42').installed('apple', { pass: 'P-1', at: at(minutes), identifiers: { email } }).events[0]!;
const removed = (minutes: number) => aCustomer('C-42').uninstalled('apple', { pass: 'P-1', at: at(minutes), identifiers: { email } }).events[0]!;

describe('what The Wallet Crew says when it is asked about a customer', () => {
  it('gives a profile that nobody had heard of its explicit status', () => {
    expect(profile(live([found(5, [])]))).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': 'NotInstalled', 'neostore.wallet.loyaltyCard.Google': 'NotInstalled', 'neostore.wallet.Any': 'NotInstalled' });
    expect(profile(live([found(5, [card({ Apple: at(1) })])]))).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': 'Installed', 'neostore.wallet.loyaltyCard.Google': 'NotInstalled', 'neostore.wallet.firstInstalledAt': new Date(at(1)).toISOString() });
  });

  it('makes a removal known that no webhook told of', () => {
    const properties = profile(live([installed(1), found(5, [card({})])]));
    expect(properties).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': 'Uninstalled', 'neostore.wallet.lastChangedAt': new Date(at(5)).toISOString() });
  });

  it('holds against what came before it and gives way to what happens later, in every order', () => {
    const stories: [WalletEvent[], string][] = [
      [[installed(1), removed(3), found(5, [card({ Apple: at(1) })])], 'Installed'],
      [[installed(1), found(5, [card({ Apple: at(1) })]), removed(7)], 'Uninstalled'],
      [[installed(1), found(5, [card({})]), installed(8)], 'Installed'],
      [[found(5, [card({})]), installed(3), found(9, [card({ Apple: at(8) })]), removed(6)], 'Installed'],
    ];
    for (const [events, status] of stories) {
      const expected = outcome(live(events));
      for (const order of permutations(events)) {
        const lived = live(order);
        expect(outcome(lived)).toEqual(expected);
        expect(profile(lived)['neostore.wallet.loyaltyCard.Apple']).toBe(status);
      }
    }
  });

  it('is written to the profile also when nothing in it has changed: somebody asked for it', () => {
    const lived = live([found(5, [card({ Apple: at(1) })]), found(6, [card({ Apple: at(1) })])]);
    expect(lived.decisions.map((decision) => commandsOf(decision, 'upsert-profile').length)).toEqual([1, 1]);
    expect(commandsOf(lived, 'track')).toEqual([]);
  });

  it('joins the customer whom webhooks know by a pass with the profile that Klaviyo knows by its e-mail', () => {
    const webhook = aCustomer('C-42').installed('google', { pass: 'P-1', at: at(1) }).events[0]!;
    const lived = live([webhook, found(5, [card({ Google: at(1) })])]);
    expect(onlyPerson(lived).identity).toEqual({ email });
  });

  it('leaves out a pass of a kind that nobody configured, and says so, instead of the whole answer', () => {
    const [decision] = live([found(5, [{ id: 'P-9', type: 'unheard-of', installed: { Apple: at(1) } }, card({})])], rules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'] } })).decisions;
    expect(decision!.notes).toMatchObject([{ code: 'PASS_KIND_UNKNOWN' }]);
    expect(Object.keys(decision!.person.passes)).toEqual(['P-1']);
  });
});

describe('the token of pass links', () => {
  it('goes with the profile, sealed, the newest one whatever order they come in', () => {
    for (const order of permutations([found(5, [], 'sealed-old'), found(9, [], 'sealed-new'), installed(1)])) {
      const updates = commandsOf(live(order, withLinks), 'upsert-profile');
      expect(updates.at(-1)!.token).toBe('sealed-new');
    }
  });

  it('is not kept where there are no links, and never shown to the profile when events carry it', () => {
    expect(onlyPerson(live([found(5, [], 'sealed')])).token).toBeUndefined();
    const onEvents = live([found(5, [], 'sealed')], rules({ links: { ...links, tokenOn: 'event' } }));
    expect(commandsOf(onEvents, 'upsert-profile').map(({ token }) => token)).toEqual([undefined]);
  });

  it('is asked for once when somebody is first heard of, and again when it has grown old', () => {
    const lived = live([installed(1), removed(2), installed(3)], withLinks, at(4));
    expect(commandsOf(lived, 'look-up')).toEqual([{ do: 'look-up', profile: {}, by: [{ key: 'email', value: email }] }]);
    const known = [installed(1), found(2, [], 'sealed')];
    expect(commandsOf(live([...known, removed(3)], withLinks, at(4)), 'look-up')).toHaveLength(1);
    expect(commandsOf(live([found(2, [], 'sealed'), removed(3)], withLinks, at(3) + 31 * 86_400_000), 'look-up')).toHaveLength(1);
  });

  it('on events: each event waits for its own, and is sent with it once', () => {
    const rule = rules({ links: { ...links, tokenOn: 'event' } });
    const [waiting] = commandsOf(live([installed(1)], rule), 'look-up');
    expect(commandsOf(live([installed(1)], rule), 'track')).toEqual([]);
    expect(waiting!.carries).toMatchObject({ do: 'track', metric: 'Wallet Pass Installed' });
    const answer = { ...found(5, [card({ Apple: at(1) })], 'sealed'), profile: {}, identifiers: { email }, carried: waiting!.carries! };
    const sent = commandsOf(live([installed(1), answer], rule), 'track');
    expect(sent).toEqual([{ ...waiting!.carries, token: 'sealed' }]);
  });

  it('that The Wallet Crew does not give is noted, and keeps nothing else back', () => {
    const [decision] = live([found(5, [card({ Apple: at(1) })])], withLinks).decisions;
    expect(decision!.notes).toMatchObject([{ code: 'LINK_TOKEN_MISSING' }]);
    expect(commandsOf(decision!, 'upsert-profile')[0]!.properties).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': 'Installed' });
  });
});

describe('under what a customer is looked up', () => {
  it('is what webhooks taught before what Klaviyo names, the most exact first, each once, under the tenant\'s own keys', () => {
    const person = { ...newPerson('1'), identifiers: { email: [{ value: email, at: 1 }], customerId: [{ value: 'C-42', at: 1 }], klaviyoId: [{ value: '01ANA', at: 1 }] } };
    const rule = rules({ identity: { ...defaultIdentity, email: ['mail'], externalId: ['shopId'] } });
    expect(lookUpBy([person], { externalId: 'S-1', email, phone: '+33612345678' }, rule)).toEqual([
      { key: 'customerId', value: 'C-42' }, { key: 'mail', value: email }, { key: 'shopId', value: 'S-1' }, { key: 'phone', value: '+33612345678' },
    ]);
  });
});

describe('of more identifiers than are worth a call', () => {
  const said = (...values: string[]) => values.map((value, i) => ({ value, at: values.length - i }));
  const many = { a: said('a-new', 'a-old'), b: said('b-1'), c: said('c-1'), d: said('d-1'), e: said('e-1'), f: said('f-1') };
  const tried = (identifiers: Record<string, { value: string; at: number }[]>) => lookUpBy([{ ...newPerson('1'), identifiers }], {}, rules()).map(({ value }) => value);

  it('e-mail and phone are tried always, after those that are more exact', () => {
    expect(tried({ ...many, email: said(email, 'old@example.com'), phone: said('+33612345678') })).toEqual(['a-new', 'b-1', 'c-1', 'd-1', email, '+33612345678']);
  });

  it('the newest of each kind is tried before an older one of any', () => {
    expect(tried(many)).toEqual(['a-new', 'b-1', 'c-1', 'd-1', 'e-1', 'f-1']);
    expect(tried({ a: many.a, email: said(email, 'old@example.com') })).toEqual(['a-new', 'a-old', email, 'old@example.com']);
  });
});

describe('what became of a notification', () => {
  it('is told to Klaviyo as an event, and changes nothing else about the person', () => {
    const sent = event('notification-sent', { at: at(9), identifiers: { email }, pass: { id: 'P-1', type: 'loyalty' } });
    const refused = event('notification-not-sent', { at: at(12), identifiers: { email }, reason: 'over-quota' });
    const lived = live([installed(1), sent, refused]);
    expect(lived.decisions.slice(1).map(({ commands }) => commands.map((command) => (command.do === 'track' ? [command.metric, command.properties['reason']] : command.do)))).toEqual([
      [['Wallet Notification Sent', undefined]], [['Wallet Notification Not Sent', 'over-quota']],
    ]);
    expect(onlyPerson(lived).passes).toEqual(onlyPerson(live([installed(1)])).passes);
  });
});
