import { decide, lookupKeys, matching, mergedPerson, newPerson, identifierKeys, identifiersOf, type Person, type WalletEvent } from '#core';
import { aCustomer, canonical, commandsOf, event, frozen, live, onlyPerson, outcome, permutations, profile, rules, start } from '../../support/stories.js';

const codes = (lived: ReturnType<typeof live>) => lived.decisions.flatMap(({ notes }) => notes.flatMap(({ code }) => code ?? []));
const at = (minutes: number) => start + minutes * 60_000;
const update = (identifiers: Record<string, string>, minutes = 1) => event('customer-updated', { at: at(minutes), identifiers });

describe('who an event is about', () => {
  it.each<[string, Record<string, string>[], number]>([
    ['one customer id is one person', [{ customerId: 'C-42' }, { customerId: 'C-42', email: 'ana@example.com' }], 1],
    ['one e-mail is one person, however it is spelled', [{ email: 'Ana@Example.com ' }, { email: 'ana@example.com' }], 1],
    ['the e-mail is found under every key the tenant names for it', [{ mail: 'ana@example.com' }, { emailAddress: 'ana@example.com' }], 1],
    ['one phone number and nothing against it is one person', [{ phone: '+33 612345678' }, { mobile: '+33612345678' }], 1],
    ['a phone number joins whoever has no e-mail yet', [{ phone: '+33612345678' }, { phone: '+33612345678', email: 'ana@example.com' }], 1],
    ['a family that shares a phone stays a family of persons', [{ phone: '+33612345678', email: 'ana@example.com' }, { phone: '+33612345678', email: 'ben@example.com' }], 2],
    ['two customer ids are two persons', [{ customerId: 'C-42' }, { customerId: 'C-43' }], 2],
    ['the same value under another key is another identifier', [{ customerId: '42' }, { 'y2.customerId': '42' }], 2],
    ['what connects two persons makes them one', [{ customerId: 'C-42' }, { email: 'ana@example.com' }, { customerId: 'C-42', email: 'ana@example.com' }], 1],
    ['a chain of identifiers is one person', [{ a: '1', b: '1' }, { c: '1', d: '1' }, { e: '1', f: '1' }, { b: '1', c: '1', e: '1' }], 1],
  ])('%s', (_title, identifiers, persons) => {
    for (const order of permutations(identifiers.map((own, i) => update(own, i)))) expect(live(order).persons).toHaveLength(persons);
  });

  it('the holder of a pass is found by the pass alone', () => {
    const lived = live(aCustomer('C-42').enrolled({ email: 'ana@example.com' }).passCreated().installed('apple', { identifiers: {} }).events);
    expect(profile(lived)).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': 'Installed' });
  });

  it('an event that names only a shared phone is taken for one member of the family, always the same', () => {
    const family = [update({ phone: '+33612345678', email: 'ana@example.com' }), update({ phone: '+33612345678', email: 'ben@example.com' })];
    const found = live(family).persons;
    const keys = lookupKeys(update({ phone: '+33612345678' }), rules());
    const [one, ...more] = matching(found, keys, undefined);
    expect(more).toEqual([]);
    expect(matching(found.toReversed(), keys, undefined)).toEqual([one]);
  });

  it('the id of a profile joins nobody who has another e-mail or customer id, unless Klaviyo says that two profiles became one', () => {
    const known = live([
      event('opted-out', { at: at(1), identifiers: {}, channel: 'sms', profile: { klaviyoId: 'P-1', phone: '+33612345678' } }),
      update({ customerId: 'C-1', email: 'ana@example.com', phone: '+33612345678' }, 2),
      update({ customerId: 'C-2', email: 'ben@example.com' }, 3),
    ]).persons;
    const named = ['klaviyoId:P-1', 'email:ben@example.com'];
    expect(matching(known, named, 'ben@example.com').map(({ identity: { email } }) => email)).toEqual(['ben@example.com']);
    expect(matching(known, named, 'ben@example.com', true)).toHaveLength(2);
    expect(matching(known, ['klaviyoId:P-1', 'email:new@example.com'], 'new@example.com').map(({ identity: { email } }) => email)).toEqual(['ana@example.com']);
  });

  it('an event that names neither person nor pass is refused', () => {
    expect(() => live([update({})])).toThrow(expect.objectContaining({ code: 'EVENT_WITHOUT_PERSON' }));
    expect(() => live([update({ customerId: '  ' })])).toThrow(expect.objectContaining({ code: 'EVENT_WITHOUT_PERSON' }));
  });

  it('persons of two tenants never get one id', () => {
    const told = [update({ customerId: 'C-42' })];
    expect(onlyPerson(live(told, rules({ tenant: 'acme' }))).id).not.toBe(onlyPerson(live(told, rules({ tenant: 'other' }))).id);
  });
});

describe('the identifiers Klaviyo is told', () => {
  const identityAfter = (rule = rules(), ...told: ReturnType<typeof update>[]) => onlyPerson(live(told, rule)).identity;

  it('are the ones said last, in whatever order they arrive', () => {
    const events = [update({ customerId: 'C-42', email: 'old@example.com' }, 1), update({ customerId: 'C-42', email: 'new@example.com' }, 3), update({ customerId: 'C-42', phone: '+33612345678' }, 2), update({ customerId: 'C-42', phone: '+33699999999' }, 4)];
    for (const order of permutations(events)) expect(identityAfter(rules(), ...order)).toEqual({ email: 'new@example.com', phone: '+33699999999' });
  });

  it('go back to an earlier e-mail when that is said again', () => {
    const events = [update({ customerId: 'C-42', email: 'a@example.com' }, 1), update({ customerId: 'C-42', email: 'b@example.com' }, 2), update({ customerId: 'C-42', email: 'a@example.com' }, 3)];
    for (const order of permutations(events)) expect(identityAfter(rules(), ...order)).toEqual({ email: 'a@example.com' });
  });

  it('are the same for two e-mails said at one instant, in whatever order they arrive', () => {
    const events = [update({ customerId: 'C-42', email: 'a@example.com' }), update({ customerId: 'C-42', email: 'b@example.com' })];
    expect(new Set(permutations(events).map((order) => canonical(identityAfter(rules(), ...order)))).size).toBe(1);
  });

  it('hold an external id only where the tenant names its key', () => {
    expect(identityAfter(rules(), update({ customerId: 'C-42' }))).toEqual({});
    expect(identityAfter(rules({ identity: { ...rules().identity, externalId: ['customerId'] } }), update({ customerId: 'C-42' }))).toEqual({ externalId: 'C-42' });
  });

  it('hold Klaviyo\'s own id when the pass carries it', () => {
    expect(identityAfter(rules(), update({ 'klaviyo.id': '01HXYZ' }))).toEqual({ klaviyoId: '01HXYZ' });
  });

  it('keep what Klaviyo taught us, and try a withheld identifier again only when it changes', () => {
    const known: Person = { ...onlyPerson(live([update({ customerId: 'C-42', email: 'ana@example.com', phone: '+33612345678' })])) };
    known.identity = { ...known.identity, klaviyoId: '01HXYZ', withheld: ['phone'] };
    const after = (told: ReturnType<typeof update>) => onlyPerson(continued(known, told)).identity;
    expect(after(update({ customerId: 'C-42' }, 2))).toEqual({ ...known.identity });
    expect(after(update({ customerId: 'C-42', phone: '+33699999999' }, 2))).toEqual({ klaviyoId: '01HXYZ', email: 'ana@example.com', phone: '+33699999999' });
  });

  it('follow the tenant\'s order of keys, not the order in which the sender happens to write them', () => {
    const told = [{ mail: 'second@example.com', email: 'first@example.com' }, { email: 'first@example.com', mail: 'second@example.com' }];
    for (const identifiers of told) expect(identifiersOf(update(identifiers), rules()).identifiers).toEqual({ email: 'first@example.com' });
  });

  it('take the next key where the first holds nothing usable', () => {
    const { identifiers, notes } = identifiersOf(update({ email: 'not an address', mail: 'ana@example.com' }), rules());
    expect(identifiers).toEqual({ email: 'ana@example.com' });
    expect(notes.map(({ code }) => code)).toEqual(['EMAIL_UNUSABLE']);
  });

  it('never take an identifier for the e-mail that the tenant keeps elsewhere', () => {
    const rule = rules({ identity: { ...rules().identity, email: ['crm.email'] } });
    const { identifiers } = identifiersOf(update({ 'email': 'NOT AN ADDRESS', 'crm.email': 'Ana@example.com' }), rule);
    expect(identifiers['email']).toBe('ana@example.com');
    expect(identifiersOf(update({ email: 'NOT AN ADDRESS', customerId: 'C-42' }), rule).identifiers).toEqual({ customerId: 'C-42' });
  });
});

describe('an unusable e-mail or phone', () => {
  it.each(['', 'ana', 'ana@', '@example.com', 'ana@example', 'ana@example.', 'ana@@example.com', 'ana b@example.com', 'ana@exam ple.com', 'ana..b@example.com', 'a@b.com,c@d.com', 'Ana <ana@example.com>', `${'a'.repeat(88)}@example.com`])('"%s" is left out and flagged, and the event still goes', (email) => {
    const lived = live(aCustomer('C-42').enrolled({ email, phone: '+33612345678' }).events);
    expect(onlyPerson(lived).identity).toEqual({ phone: '+33612345678' });
    expect(codes(lived)).toContain('EMAIL_UNUSABLE');
    expect(commandsOf(lived, 'track')).toHaveLength(1);
    if (email) expect(JSON.stringify(lived.commands)).not.toContain(email);
  });

  it.each([`${'a'.repeat(87)}@example.com`, 'ana+tag@example.co.uk', "o'neil@example.com", 'アナ@example.jp', 'ANA@EXAMPLE.COM'])('"%s" is an e-mail address', (email) => {
    expect(identifiersOf(update({ email }), rules())).toEqual({ identifiers: { email: email.toLowerCase() }, notes: [] });
  });

  it('a phone number that cannot be read is left out and flagged, and the event still goes', () => {
    const lived = live(aCustomer('C-42').enrolled({ email: 'ana@example.com', phone: 'call me' }).events);
    expect(onlyPerson(lived).identity).toEqual({ email: 'ana@example.com' });
    expect(codes(lived)).toEqual(['PHONE_UNUSABLE']);
    expect(commandsOf(lived, 'track')).toHaveLength(1);
  });

  it('is never repeated in a note', () => {
    const lived = live([update({ customerId: 'C-42', email: 'secret.person', phone: '+1 secret' })]);
    expect(JSON.stringify(lived.decisions.flatMap(({ notes }) => notes))).not.toMatch(/secret/);
  });
});

describe('a pass', () => {
  const own = (customer: string, email: string, pass: string) => aCustomer(customer).enrolled({ at: at(1), email }).installed('apple', { at: at(2), pass }).events;
  const told = (identifiers: Record<string, string>, kind: 'pass-updated' | 'pass-uninstalled' = 'pass-updated') => event(kind, { at: at(9), identifiers, pass: { id: 'P-1' }, ...(kind === 'pass-updated' ? {} : { wallet: 'Apple' as const }) });
  const holders = (...events: WalletEvent[]) => live([...own('C-1', 'ana@example.com', 'P-1'), ...own('C-2', 'ben@example.com', 'P-2'), ...events]).persons;

  it.each<[string, Record<string, string>, persons: number]>([
    ['another customer whom we know', { customerId: 'C-2', email: 'ben@example.com' }, 2],
    ['another customer whom we do not know', { customerId: 'C-3', email: 'cleo@example.com' }, 3],
    ['an e-mail that somebody else has', { email: 'ben@example.com' }, 2],
    ['an e-mail that nobody has: it has changed', { email: 'ana@new.example' }, 2],
    ['the customer, and an e-mail that nobody has', { customerId: 'C-1', email: 'ana@new.example' }, 2],
  ])('that names %s makes one of two persons only where they are one', (_title, identifiers, count) => {
    expect(holders(told(identifiers))).toHaveLength(count);
  });

  it('makes one person of two only where nothing else tells them apart', () => {
    const [first] = own('C-1', 'ana@example.com', 'P-1');
    expect(live([told({}), first!, event('pass-created', { at: at(3), identifiers: { customerId: 'C-1' }, pass: { id: 'P-1' } })]).persons).toHaveLength(1);
  });
});

describe('two persons who turn out to be one', () => {
  const cardOfAna = () => aCustomer('C-42').enrolled({ at: at(5), consents: { consents_email: true }, attributes: { firstName: 'Ann', locale: 'fr' } }).installed('apple', { at: at(6), pass: 'P-1' }).events;
  const mailOfAna = () => aCustomer('-').enrolled({ at: at(2), identifiers: {}, email: 'ana@example.com', attributes: { firstName: 'Ana' } }).installed('google', { at: at(8), pass: 'P-2', identifiers: { email: 'ana@example.com' } }).events;
  const link = update({ customerId: 'C-42', email: 'ana@example.com' }, 9);

  it('keep all their passes, identifiers, consents and names', () => {
    const lived = live([...cardOfAna(), ...mailOfAna(), link], rules(), at(60));
    const person = onlyPerson(lived);
    expect(Object.keys(person.passes).sort()).toEqual(['P-1', 'P-2']);
    expect(identifierKeys(person).sort()).toEqual(['customerId:C-42', 'email:ana@example.com', 'pass:P-1', 'pass:P-2']);
    expect(person).toMatchObject({ registeredAt: at(2), consents: { consents_email: [{ at: at(5), given: true }] }, attributes: { firstName: { value: 'Ann' }, locale: { value: 'fr' } } });
    expect(profile(lived)).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': 'Installed', 'neostore.wallet.loyaltyCard.Google': 'Installed', 'neostore.wallet.installedCount': 2 });
    expect(lived.decisions.at(-1)!.absorbed).toHaveLength(1);
  });

  it('get the subscription that waited for the e-mail only the other one had', () => {
    const lived = live([...cardOfAna(), ...mailOfAna(), link], rules(), at(60));
    expect(commandsOf(lived, 'subscribe')).toEqual([{ do: 'subscribe', listId: 'NEWS', channel: 'email', consentedAt: at(5), field: 'consents_email', historical: false }]);
  });

  it('are the same person in whatever order they were met', () => {
    const events = [...cardOfAna(), ...mailOfAna(), link];
    const persons = (order: typeof events) => (outcome(live(order, rules(), at(60))) as { persons: string[] }).persons;
    const expected = persons(events);
    for (const order of permutations(events)) expect(persons(order)).toEqual(expected);
  });

  it('are unsubscribed as one: a no of the one ends what the other was subscribed to', () => {
    const mail = aCustomer('-').enrolled({ at: at(1), identifiers: {}, email: 'ana@example.com', consents: { consents_email: true } }).events;
    const card = aCustomer('C-42').enrolled({ at: at(2), consents: { consents_email: false } }).events;
    const lived = live([...mail, ...card, link], rules(), at(60));
    expect(lived.commands.map((command) => command.do)).toEqual(['track', 'upsert-profile', 'subscribe', 'track', 'upsert-profile', 'upsert-profile', 'unsubscribe']);
  });

  it('have their profile said again, so that an update of the one that still waits cannot overwrite it', () => {
    const installed = aCustomer('-').enrolled({ at: at(1), identifiers: {}, email: 'ana@example.com' }).installed('apple', { at: at(2), identifiers: { email: 'ana@example.com' } }).events;
    const waiting = aCustomer('C-42').enrolled({ at: at(3) }).events;
    for (const events of [[...installed, ...waiting, link], [...waiting, ...installed, link]]) {
      const lived = live(events, rules(), at(60));
      expect(lived.decisions.at(-1)!.commands).toMatchObject([{ do: 'upsert-profile', properties: { 'neostore.wallet.loyaltyCard.Apple': 'Installed' } }]);
    }
  });

  it('are put together without changing either of them, and both ways alike', () => {
    const [a, b] = live([...cardOfAna(), ...mailOfAna()]).persons as [Person, Person];
    const [one, other] = [mergedPerson(frozen(a), frozen(b)), mergedPerson(b, a)];
    expect(one.id).toBe(a.id);
    expect(other.id).toBe(b.id);
    const plain = ({ id: _id, profile: _profile, ...rest }: Person) => canonical(rest);
    expect(plain(one)).toBe(plain(other));
    expect(canonical(mergedPerson(newPerson('x'), a))).toBe(canonical({ ...a, id: 'x', profile: undefined }));
  });

  it('count as subscribed when either of them was', () => {
    const person = (id: string, asked: number | false): Person => ({ ...newPerson(id), asked: { consents_email: { NEWS: asked } } });
    expect(mergedPerson(person('a', start), person('b', false)).asked).toEqual({ consents_email: { NEWS: start } });
    expect(mergedPerson(person('a', false), person('b', start)).asked).toEqual({ consents_email: { NEWS: start } });
    expect(mergedPerson(person('a', false), person('b', false)).asked).toEqual({ consents_email: { NEWS: false } });
  });

  it('agree about one pass that both knew', () => {
    const seenBy = (id: string, minutes: number, type: string) => ({ ...onlyPerson(live(aCustomer(id).installed('apple', { pass: 'P-1', at: at(minutes), type }).passCreated({ pass: 'P-1', at: at(minutes) }).events)) });
    const [a, b] = [seenBy('C-1', 1, 'loyalty'), seenBy('C-2', 4, 'loyalty-gold')];
    const unnamed = { ...a, passes: { 'P-1': { ...a.passes['P-1']!, typeAt: -1, kindAt: -1, type: undefined } } } as unknown as Person;
    for (const both of [mergedPerson(a, b), mergedPerson(b, a)]) {
      expect(both.passes['P-1']).toEqual({ id: 'P-1', kind: 'loyaltyCard', kindAt: at(4), type: 'loyalty-gold', typeAt: at(4), createdAt: at(1), wallets: { Apple: { status: 'Installed', at: at(4), firstInstalledAt: at(1) } }, installs: { Apple: { heardAt: at(4) } } });
    }
    for (const both of [mergedPerson(unnamed, b), mergedPerson(b, unnamed)]) expect(both.passes['P-1']).toMatchObject({ type: 'loyalty-gold', typeAt: at(4) });
  });
});

function continued(known: Person, told: ReturnType<typeof update>) {
  return { persons: [decideAbout(known, told)] } as ReturnType<typeof live>;
}

function decideAbout(known: Person, told: ReturnType<typeof update>): Person {
  return decide(told, [frozen(known)], rules(), start).person;
}
