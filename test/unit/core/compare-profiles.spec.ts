import { decide, expectedProfiles, missingProfile, newPerson, PersonIndex, personOf, profileOf, type HeldProfile, type Person, type ProfileReading, type WalletEvent } from '#core';
import { event, hour, live, minute, onlyPerson, rules, start, aCustomer } from '../../support/stories.js';
import { ana, apple, compare, email, google, held, kindsOf, now, propertiesOf, says } from './comparing-profiles.js';
import { noPlugins } from './fakes.js';

const refusal = { code: 'KLAVIYO_REFUSED_ITEM', words: 'Invalid phone number.', deliveryId: 'delivery-1' } as const;
const parked = (person: Person) => ({ told: { lately: new Set<string>(), parked: new Map([[person.id, refusal]]) } });
const optOut = (minutesAgo: number, channel: 'email' | 'sms' = 'email'): WalletEvent => event('opted-out', { at: now - minutesAgo * 60_000, channel, profile: { klaviyoId: 'K-1', email } });

describe('the properties of a profile', () => {
  it.each<[title: string, changed: Record<string, unknown>, kinds: string[], about: string[]]>([
    ['all as they should be', {}, [], []],
    ['another wallet status', { [apple]: 'NotInstalled' }, ['status-wrong'], [apple]],
    ['no status', { [google]: undefined }, ['default-missing'], [google]],
    ['an empty status', { [google]: null }, ['default-missing'], [google]],
    ['a status that is no status', { [google]: '' }, ['status-wrong'], [google]],
    ['a missing and a wrong one', { [google]: undefined, [apple]: 'Uninstalled' }, ['status-wrong', 'default-missing'], [apple, google]],
    ['another last change', { 'neostore.wallet.lastChange': 'Uninstalled' }, ['detail-wrong'], ['neostore.wallet.lastChange']],
    ['another count', { 'neostore.wallet.installedCount': 7 }, ['detail-wrong'], ['neostore.wallet.installedCount']],
    ['a count as text', { 'neostore.wallet.installedCount': '1' }, ['detail-wrong'], ['neostore.wallet.installedCount']],
    ['no time of registration', { 'neostore.registeredAt': undefined }, ['detail-wrong'], ['neostore.registeredAt']],
    ['another time of registration', { 'neostore.registeredAt': new Date(start + 1).toISOString() }, ['detail-wrong'], ['neostore.registeredAt']],
    ['the same time, written another way', { 'neostore.registeredAt': '2026-01-05T10:00:00+01:00' }, [], []],
    ['something of somebody else beside them', { 'shop.tier': 'Gold', 'neostore.link.pass': 'old' }, [], []],
  ])('%s', async (_title, changed, kinds, about) => {
    const person = ana();
    const properties = { ...(await propertiesOf(person)), ...changed };
    const comparison = await compare(held(properties), person);
    expect(kindsOf(comparison).toSorted()).toEqual(kinds.toSorted());
    expect(comparison.is).toBe(kinds.length > 0 ? 'drifted' : 'agreeing');
    if (kinds.length === 0) return;
    expect(comparison.drift!.sample).toEqual({ klaviyoId: 'K-1', personId: person.id, about });
    // One repair, which finds the person again by everything that is known of them.
    expect(comparison.drift!.repairs).toHaveLength(1);
    expect(comparison.drift!.repairs[0]!.event).toMatchObject({ kind: 'looked-up', backfill: true, profile: { klaviyoId: 'K-1' }, identifiers: { customerId: 'C-42', email }, found: { passes: [], listed: true } });
  });

  it('are written again by the repair, although they are the ones that were written last', async () => {
    const person = ana();
    const { drift } = await compare(held({}), person);
    const { commands } = live([drift!.repairs[0]!.event as WalletEvent, drift!.repairs[0]!.event as WalletEvent]);
    expect(commands.map((command) => command.do)).toEqual(['upsert-profile', 'upsert-profile']);
  });

  it('name at most ten that are wrong', async () => {
    const kinds = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`kind${i}`, []]));
    expect((await compare(held({}), ana(), { rules: rules({ passKinds: kinds }) })).drift!.sample.about).toHaveLength(10);
  });

  it('are left alone while a plugin that shapes them fails', async () => {
    expect((await compare(held({}), ana(), { expected: new Map() })).is).toBe('agreeing');
    expect((await expectedProfiles([ana()], rules(), noPlugins)).size).toBe(1);
  });

  it('are not looked at when only something else is', async () => {
    expect(kindsOf(await compare(held({}), ana(), { only: ['consent', 'tokens'] }))).toEqual([]);
  });
});

describe('what was told to Klaviyo just now, or in vain', () => {
  it('makes a profile unsettled: what it holds says nothing yet', async () => {
    const person = ana();
    expect(await compare(held({}), person, { told: { lately: new Set([person.id]), parked: new Map() } })).toEqual({ is: 'unsettled', person, drift: undefined });
  });

  it('is found where the update was refused, and not sent a second time', async () => {
    const person = ana();
    const comparison = await compare(held({}, { optOuts: [optOut(5)] }), person, parked(person));
    expect(kindsOf(comparison)).toEqual(expect.arrayContaining(['default-missing', 'opt-out-unheard']));
    expect(says(comparison)).toEqual(['opted-out: opt-out-unheard']);
  });
});

describe('a profile of nobody we know', () => {
  const strangers = (properties: HeldProfile['properties'], own: Partial<ProfileReading> = {}) => compare(held(properties), undefined, own);
  const defaults = profileOf(newPerson(''), rules()).properties;

  it('gets the explicit status, because Klaviyo leaves profiles without it out of its conditions', async () => {
    const comparison = await strangers({});
    expect(says(comparison)).toEqual(['looked-up: default-missing']);
    expect(comparison.drift!.sample).toMatchObject({ klaviyoId: 'K-1', about: expect.arrayContaining([apple, google]) });
    const repair = comparison.drift!.repairs[0]!.event as WalletEvent;
    expect(onlyPerson(live([repair])).identity).toMatchObject({ klaviyoId: 'K-1', email });
    expect(live([repair]).commands).toMatchObject([{ do: 'upsert-profile', properties: { [apple]: 'NotInstalled', [google]: 'NotInstalled' } }]);
  });

  it('is right with it, and wrong with another', async () => {
    expect((await strangers(defaults)).is).toBe('agreeing');
    expect(kindsOf(await strangers({ ...defaults, [apple]: 'Installed' }))).toEqual(['status-wrong']);
    expect(kindsOf(await strangers({ ...defaults, [apple]: null }))).toEqual(['default-missing']);
  });

  it('lacks nothing but the status: counts and times are of people with a pass', async () => {
    const statuses = Object.fromEntries(Object.entries(defaults).filter(([, value]) => value === 'NotInstalled'));
    expect((await strangers(statuses)).is).toBe('agreeing');
  });

  it('is left alone where the tenant wants it so, or only something else is looked at', async () => {
    expect((await strangers({}, { strangers: false })).is).toBe('agreeing');
    expect((await strangers({}, { only: ['tokens', 'consent'] })).is).toBe('agreeing');
  });
});

describe('several profiles of one person', () => {
  const identity = (own: Person['identity']) => ana({ identity: own });
  it.each<[string, Person, Partial<HeldProfile['name']>, isMain: boolean]>([
    ['the one with the id that Klaviyo told', identity({ klaviyoId: 'K-1', email }), { email: 'other@example.com' }, true],
    ['another than the one with that id', identity({ klaviyoId: 'K-2', email }), {}, false],
    ['the one with the external id', identity({ externalId: 'C-42', email }), { externalId: 'C-42', email: 'old@example.com' }, true],
    ['one that has only the e-mail yet, while there is an external id', identity({ externalId: 'C-42', email }), {}, true],
    ['one with the e-mail and another external id', identity({ externalId: 'C-42', email }), { externalId: 'C-43' }, false],
    ['the one with the e-mail, however it is written', identity({ email }), { email: 'Ana@Example.com' }, true],
    ['one with an e-mail that was given up', identity({ email }), { email: 'old@example.com' }, false],
    ['one that has the phone of somebody with an e-mail', identity({ email, phone: '+33612345678' }), { email: 'other@example.com', phone: '+33612345678' }, false],
    ['the one with the phone, where that is all', identity({ phone: '+33612345678' }), { phone: '+33612345678' }, true],
    ['one with the e-mail, where the external id belongs to another profile', identity({ externalId: 'C-42', email, withheld: ['externalId'] }), {}, true],
    ['any, where every identifier belongs to another profile', identity({ email, withheld: ['email'] }), { email: 'other@example.com' }, true],
  ])('%s', async (_title, person, name, isMain) => {
    const comparison = await compare(held({}, { name, optOuts: [optOut(5)] }), person);
    if (isMain) expect(comparison.is === 'drifted' && comparison.person).toBe(person);
    // A suggestion to merge; who opted out by it did so all the same.
    else expect(comparison).toEqual({ is: 'drifted', drift: { kinds: ['profile-duplicated', 'opt-out-unheard'], sample: { klaviyoId: 'K-1', personId: person.id }, repairs: [expect.objectContaining({ kinds: ['opt-out-unheard'], event: optOut(5) })] } });
    if (!isMain) expect((await compare(held({}, { name }), person, { only: ['tokens'] })).is).toBe('agreeing');
  });

  it('become one where the profile by whose id we know somebody is gone: another with their name takes its place', async () => {
    const person = identity({ klaviyoId: 'K-2', email });
    const replaced = await compare(held({}), person, { gone: new Set(['K-2']) });
    expect(replaced).toMatchObject({ is: 'drifted', person, drift: { kinds: ['profile-missing'] } });
    const { person: after } = decide(replaced.drift!.repairs[0]!.event as WalletEvent, [person], rules(), now);
    expect(after.identity).toEqual({ klaviyoId: 'K-1', email });
    expect(kindsOf(await compare(held({}, { name: { email: 'other@example.com' } }), person, { gone: new Set(['K-2']) }))).toEqual(['profile-duplicated']);
    expect(kindsOf(await compare(held({}), person, { gone: new Set(['K-2']), only: ['consent'] }))).toEqual([]);
  });

  it('belong to whom their id, e-mail or phone leads to', () => {
    const known = new PersonIndex();
    const other = onlyPerson(live(aCustomer('C-43').enrolled({ email: 'ben@example.com', phone: '+33612345678' }).events));
    for (const person of [ana(), other]) known.put(person);
    const whose = (name: Partial<HeldProfile['name']>) => personOf({ ...held({}), name: { klaviyoId: 'K-9', ...name } }, known, rules())?.id;
    expect(whose({ email: 'ANA@example.com' })).toBe(ana().id);
    expect(whose({ phone: '+33 6 12345678' })).toBe(other.id);
    // Families share phones.
    expect(whose({ email: 'cleo@example.com', phone: '+33612345678' })).toBeUndefined();
    expect(whose({})).toBeUndefined();
  });
});

describe('a person without a profile', () => {
  it('gets one, and the id that Klaviyo once told is forgotten', () => {
    const drift = missingProfile(ana(), now, { lately: new Set(), parked: new Map() });
    expect(drift).toMatchObject({ kinds: ['profile-missing'], sample: { personId: ana().id }, repairs: [{ kinds: ['profile-missing'], event: { kind: 'looked-up', identifiers: { email, customerId: 'C-42' }, backfill: true } }] });
    expect(drift.repairs[0]!.event).not.toHaveProperty('profile');
    expect(drift.repairs[0]!.event).not.toHaveProperty('deletedIds');
    const heard = onlyPerson(live([event('registered', { identifiers: { email, 'klaviyo.id': 'K-0' } })]));
    const deleted = missingProfile({ ...heard, identity: { ...heard.identity, klaviyoId: 'K-1' } }, now, { lately: new Set(), parked: new Map() }).repairs[0]!.event as WalletEvent;
    expect(deleted).toHaveProperty('deletedIds', ['K-0', 'K-1']);
    expect(deleted).not.toHaveProperty('profile');
    const { person } = decide(deleted, [{ ...heard, identity: { ...heard.identity, klaviyoId: 'K-1' } }], rules(), now);
    expect(person.identity).toEqual({ email });
    expect(Object.keys(person.identifiers)).toEqual(['email']);
    // One that was told meanwhile is alive.
    expect(decide(deleted, [{ ...heard, identity: { ...heard.identity, klaviyoId: 'K-2' } }], rules(), now).person.identity).toEqual({ email, klaviyoId: 'K-2' });
  });

  it('is only reported where the update was refused', () => {
    expect(missingProfile(ana(), now, { lately: new Set(), parked: new Map([[ana().id, refusal]]) })).toMatchObject({ kinds: ['profile-missing'], repairs: [], refused: refusal });
  });
});

describe('consent', () => {
  const asked = ana();
  const out = (own: Person['optOuts']['email']) => ana({ optOuts: { email: own! } });
  const again = (at = now - hour) => ({ ...out({ at }), consents: { consents_email: [{ at: now - 30 * minute, given: false }, { at: now - 20 * minute, given: true }] } });
  const { email: _unknown, ...nameless } = ana().identity;
  const unreachable: Person = { ...ana({ asked: {} }), identity: { ...nameless, klaviyoId: 'K-1' } };
  const says = (consent: HeldProfile['consents']['email']) => ({ consents: { email: consent, sms: { says: 'never' as const } } });

  it.each<[title: string, Person, Partial<HeldProfile>, kinds: string[]]>([
    ['subscribed, as we asked', asked, {}, []],
    ['not subscribed, though we asked', asked, says({ says: 'never' }), ['consent-differs']],
    ['not subscribed, and we never asked', ana({ asked: {} }), says({ says: 'never' }), []],
    ['not subscribed, and we asked for the end of it', ana({ asked: { consents_email: { NEWS: false } } }), says({ says: 'unsubscribed' }), []],
    ['opted out without our hearing of it', asked, { ...says({ says: 'unsubscribed' }), optOuts: [optOut(5)] }, ['opt-out-unheard']],
    ['opted out of two channels', asked, { ...says({ says: 'unsubscribed' }), optOuts: [optOut(5), optOut(5, 'sms')] }, ['opt-out-unheard']],
    ['opted out, and we heard of it', out({ at: optOut(5).at }), { ...says({ says: 'unsubscribed' }), optOuts: [optOut(5)] }, []],
    ['opted out through the API, and we heard of it', out({ throughApiAt: optOut(5).at }), { ...says({ says: 'unsubscribed' }), optOuts: [optOut(5)] }, []],
    ['opted out before a newer opt-in', out({ at: optOut(9).at, endedAt: optOut(3).at }), { optOuts: [optOut(5)] }, []],
    ['opted out, and Klaviyo subscribed them again since', out({ at: now - hour }), says({ says: 'subscribed', at: now }), ['consent-differs']],
    ['opted out, said no and yes again in the form, and Klaviyo subscribed them as we asked', again(), says({ says: 'subscribed', at: now }), []],
    ['opted out, said no and yes again in the form, and Klaviyo does not subscribe them', again(), says({ says: 'unsubscribed', at: now - hour }), ['consent-differs']],
    ['opted out after they had said no and yes again, and Klaviyo subscribed them since', again(now - 10), says({ says: 'subscribed', at: now }), ['consent-differs']],
    ['said yes without an address that Klaviyo has', unreachable, says({ says: 'never' }), ['consent-differs']],
    ['said yes without an address, and Klaviyo holds a yes for the one that it has', unreachable, says({ says: 'subscribed' }), []],
    ['said yes without an address that Klaviyo has, and opted out since', { ...unreachable, optOuts: { email: { at: now } } }, says({ says: 'never' }), []],
    ['opted out, and Klaviyo still has the older subscription', out({ at: now - hour }), says({ says: 'subscribed', at: now - 2 * hour }), []],
    ['opted out, and Klaviyo has a subscription of unknown date', out({ at: now - hour }), says({ says: 'subscribed' }), []],
  ])('%s', async (_title, person, own, kinds) => {
    const comparison = await compare(held(await propertiesOf(person), own), person);
    expect(kindsOf(comparison)).toEqual(kinds);
    // Opt-outs are taken over as they are; nobody is subscribed by a run.
    expect(comparison.drift?.repairs.map(({ event: told }) => told) ?? []).toEqual(kinds.includes('opt-out-unheard') ? own.optOuts : []);
    expect(kindsOf(await compare(held(await propertiesOf(person), own), person, { only: ['status'] }))).toEqual([]);
  });

  it('is only waited for where all lists ask for a confirmation, which Klaviyo has sent', async () => {
    const two = ana({ asked: { consents_email: { NEWS: 1, VIP: 1 } } });
    const kinds = async (optIns: Record<string, 'single' | 'double'>, person = two) => kindsOf(await compare(held({}, says({ says: 'never' })), person, { only: ['consent'], optIns }));
    expect(await kinds({ NEWS: 'double', VIP: 'double' })).toEqual(['consent-unconfirmed']);
    for (const optIns of [{ NEWS: 'double', VIP: 'single' }, { NEWS: 'double' }, {}] as Record<string, 'single' | 'double'>[]) expect(await kinds(optIns)).toEqual(['consent-differs']);
    expect(await kinds({ NEWS: 'double', VIP: 'double' }, ana({ asked: {} }))).toEqual([]);
  });

  it('is not compared on a channel that no form asks for', async () => {
    const rule = rules({ consents: { consents_email: { channel: 'email' } } });
    expect(kindsOf(await compare(held(await propertiesOf(asked), { optOuts: [optOut(5, 'sms')] }), asked, { rules: rule }))).toEqual([]);
  });
});
