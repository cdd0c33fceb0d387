import { bareEvent, checks, newPerson, suspicionsOf, type Evidence, type SeenProfile, type WalletEvent } from '#core';
import { aCustomer, day, hour, minute, start } from '../../support/stories.js';
import { answered, delivered, healthy, links, nextId, now, sent, someRules, story, token, withCommands, withProfile, withProperty } from './explaining.js';

const apple = 'neostore.wallet.loyaltyCard.Apple';
const names = (evidence: Evidence) => suspicionsOf(evidence).map(({ name }) => name);
const first = (evidence: Evidence) => suspicionsOf(evidence).find(({ weight }) => weight === 'broken')?.name;
const nobody = (own: Partial<Evidence> = {}): Evidence => {
  const { person: _p, expected: _e, plain: _w, token: _t, ...rest } = healthy();
  return { ...rest, deliveries: [], profiles: [], passes: [], routes: [], ...own };
};
const event = (kind: WalletEvent['kind'], own: Partial<WalletEvent> = {}) => bareEvent({ kind, name: kind, at: now - hour, ...own });
const withDelivery = (evidence: Evidence, ...more: ReturnType<typeof delivered>[]): Evidence => ({ ...evidence, deliveries: [...more, ...evidence.deliveries] });
const withPerson = (evidence: Evidence, own: Partial<NonNullable<Evidence['person']>>): Evidence => ({ ...evidence, person: { ...evidence.person!, ...own } });
/** As if the newest update had been taken a minute ago. */
const justTaken = (evidence: Evidence) => withCommands(evidence, 'upsert-profile', () => ({ ledger: [{ at: now - minute, outcome: 'accepted' }] }));
const withoutToken = (evidence: Evidence, tokenAskedAt?: number): Evidence => {
  const { token: _opened, person, ...rest } = withProperty(evidence, 'neostore.authenticationToken', undefined);
  const { token: _sealed, tokenAskedAt: _asked, ...known } = person!;
  return { ...rest, person: { ...known, ...(tokenAskedAt === undefined ? {} : { tokenAskedAt }) } };
};
const consents = (evidence: Evidence, own: object) => withProfile(evidence, ({ consents }) => ({ consents: { ...consents, ...own } }));
const plugin = (says: string) => ({ by: 'plugin rules', says });
const oldStory = (events: WalletEvent[]) => healthy({}, events);

/** Every advice, and a person to whom it applies. */
const cases: [name: string, evidence: () => Evidence, particulars?: RegExp | string][] = [
  ['nobody-known', () => nobody({ nearMisses: [{ personId: 'p-2', by: 'phone:+33612345678' }] }), /person p-2 is known by phone/],
  ['never-heard-of', () => nobody({ passes: healthy().passes }), /pass-of-C-1/],
  ['only-in-klaviyo', () => nobody({ profiles: healthy().profiles }), 'profile K1'],
  ['delivery-parked', () => ({ ...healthy(), parked: [delivered(event('pass-installed', { name: 'Pass:Installed' }), [], { status: 'parked', code: 'PASS_KIND_UNKNOWN' })] }), /Pass:Installed of .*: PASS_KIND_UNKNOWN/],
  ['deciding', () => ({ ...withDelivery(healthy(), delivered(event('pass-installed'), [], { status: 'undecided' })), undecided: 12 }), /12 deliveries wait in all/],
  ['backlog', () => healthy({ undecided: 12 }), '12 in all'],
  ['not-reachable', () => withPerson(oldStory(aCustomer('C-9').passCreated().installed('apple').events), { identity: {} }), 'known by customerId'],
  ['sending', () => withCommands(healthy(), 'upsert-profile', answered('pending', 'KLAVIYO_BUSY')), /upsert-profile since .*KLAVIYO_BUSY "in the words of the vendor"/],
  ['klaviyo-not-asked', () => healthy({ profiles: { words: 'Klaviyo could not be asked now.' } })],
  ['plugin-fails', () => { const { expected: _gone, ...rest } = healthy(); return { ...rest, pluginNotes: [{ ...plugin('mapProfile: Oh no.'), code: 'PLUGIN_FAILED' }] }; }, 'plugin rules: mapProfile: Oh no.'],
  ['update-refused', () => withCommands(healthy(), 'upsert-profile', answered('refused', 'KLAVIYO_REFUSED_ITEM')), /"in the words of the vendor"/],
  ['no-profile', () => healthy({ profiles: [] }), /Klaviyo accepted an update/],
  ['no-profile', () => withProfile(healthy(), ({ name }) => ({ name: { ...name, klaviyoId: 'K2' } })), /; K2 has their name and takes its place with the next reconciliation$/],
  ['several-profiles', () => { const one = healthy(); const [profile] = one.profiles as [SeenProfile]; return { ...one, profiles: [profile, { ...profile, name: { klaviyoId: 'K2', email: 'ana@mail.example' }, properties: {} }] }; }, /K1 .*with wallet status; the one we write to\), K2 .*without wallet status/],
  ['identifier-withheld', () => withPerson(healthy(), { identity: { ...healthy().person!.identity, withheld: ['phone'] } }), /neostore.withheld.phone/],
  ['identifier-of-another', () => {
    const ana = withPerson(healthy(), { identity: { ...healthy().person!.identity, withheld: ['phone'] } });
    const [profile] = ana.profiles as [SeenProfile];
    const ben = { ...newPerson('ben'), identifiers: { email: [{ value: 'ben@mail.example', at: start }], phone: [{ value: '+33612345678', at: start }] } };
    return { ...ana, known: [ben], profiles: [profile, { ...profile, name: { klaviyoId: 'K2', email: 'ben@mail.example', phone: '+33612345678' } }] };
  }, /neostore.withheld.phone/],
  ['just-accepted', () => justTaken(withProperty(healthy(), apple, 'NotInstalled')), `${apple} should be Installed and is NotInstalled`],
  ['overwritten', () => withProperty(healthy(), apple, 'NotInstalled'), /should be Installed and is NotInstalled; accepted 2026-01-05/],
  ['status-absent', () => ({ ...withProperty(healthy(), apple, undefined), deliveries: [] }), `${apple} should be Installed and is not there`],
  ['status-absent', () => ({ ...withProperty(healthy(), apple, null), deliveries: [] }), `${apple} should be Installed and is empty`],
  ['status-differs', () => ({ ...withProperty(healthy(), apple, 'Uninstalled'), deliveries: [] }), `${apple} should be Installed and is Uninstalled`],
  ['plugin-changed-since', () => { const one = healthy({ pluginNotes: [plugin('mapProfile: property tier.')] }); return { ...one, expected: { ...one.expected!, properties: { ...one.expected!.properties, tier: 'gold' } } }; }, /tier should be gold and is not there; plugin rules: mapProfile: property tier/],
  ['detail-differs', () => ({ ...withProperty(healthy(), 'neostore.wallet.installedCount', 7), deliveries: [] }), /installedCount should be 1 and is 7/],
  ['left-over-status', () => withProperty(healthy(), 'neostore.wallet.oldCard.Any', 'Installed'), 'neostore.wallet.oldCard.Any'],
  ['wallet-crew-disagrees', () => healthy({ passes: [{ id: 'pass-of-C-1', identifiers: {}, installed: { Apple: start, Google: start } }] }), /^pass pass-of-C-1 in Google: installed there since 2026-01-05T09:00:00.000Z, NotInstalled here; the last webhook of anybody came 1 h ago$/],
  ['wallet-crew-disagrees', () => healthy({ passes: [{ id: 'another', identifiers: { customerId: 'C-1' }, installed: { Google: start } }] }), /^pass another in Google: installed there since .*, unknown here; pass pass-of-C-1 is installed here and not listed there/],
  ['wallet-crew-disagrees', () => healthy({ passes: [{ id: 'pass-of-C-1', identifiers: {}, installed: {} }] }), /^pass pass-of-C-1 in Apple: not installed there, Installed here since 2026-01-05/],
  ['wallet-crew-disagrees', () => withPerson(healthy(), { registeredAt: undefined as never }), /^nobody told us that the owner of pass pass-of-C-1 registered/],
  ['wallet-crew-disagrees', () => healthy({ known: [{ ...newPerson('ben'), passes: healthy().person!.passes }] }), /^pass pass-of-C-1 belongs to one person there and to 2 here/],
  ['pass-kind-unknown', () => ({ ...healthy(), rules: someRules({ passKinds: { giftCard: ['gift'] } }) }), 'pass pass-of-C-1 of type loyalty: kind loyaltyCard'],
  ['wallet-crew-disagrees', () => healthy({ passes: [{ id: 'pass-of-C-1', type: 'gift', identifiers: {}, installed: { Apple: start } }] }, story(), someRules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'] } })), /^pass pass-of-C-1 is of kind giftCard there and of loyaltyCard here;/],
  ['pass-kind-unknown', () => healthy({ passes: [{ id: 'pass-of-C-1', type: 'event', identifiers: {}, installed: { Apple: start } }] }, story(), someRules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'] } })), 'pass pass-of-C-1 of type event: listed so by The Wallet Crew'],
  ['pass-not-found', () => healthy({ passes: [] }, story().slice(0, 2)), 'pass-of-C-1'],
  ['wallet-crew-not-asked', () => healthy({ passes: { words: 'The Wallet Crew could not be asked now.' } })],
  ['several-kinds', () => healthy({}, story(), someRules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'] } })), /loyaltyCard.Any is Installed \(pass types loyalty\); neostore.wallet.giftCard.Any is NotInstalled/],
  ['nothing-installed', () => healthy({ passes: [{ id: 'pass-of-C-1', identifiers: {}, installed: {} }] }, [...story(), ...aCustomer('C-1', start + hour).uninstalled('apple').events]), /^removed 2026-01-05/],
  ['token-not-given', () => withoutToken(healthy(), start), /^asked 2026-01-05/],
  ['token-never-asked', () => withoutToken(healthy())],
  ['token-unreadable', () => { const { token: _opened, ...rest } = healthy(); return rest; }],
  ['token-just-accepted', () => justTaken(withProperty(healthy(), 'neostore.authenticationToken', undefined)), 'the profile has none'],
  ['token-just-accepted', () => justTaken(withProperty(healthy(), 'neostore.authenticationToken', 'an older one')), 'the profile has another'],
  ['token-absent', () => withProperty(healthy(), 'neostore.authenticationToken', undefined), /^given out/],
  ['token-stale', () => withProperty(healthy(), 'neostore.authenticationToken', 'an older one'), 'neostore.authenticationToken'],
  ['token-stale', () => { const one = healthy(); return withProperty({ ...one, expected: { ...one.expected!, links: { 'neostore.link.pass': 'https://passes.example/pass' } } }, 'neostore.link.pass', 'https://passes.example/pass?neo.authToken=older'); }, 'neostore.link.pass'],
  ['token-old', () => healthy({ now: start + 40 * day }), /40 days ago/],
  ['token-only-when-asked', () => ({ ...withoutToken(healthy()), rules: someRules({ links: { ...links, unasked: false } }) })],
  ['token-on-events', () => ({ ...healthy(), rules: someRules({ links: { ...links, tokenOn: 'event' } }) })],
  ['no-links', () => { const { links: _none, ...rule } = someRules(); return { ...healthy(), rules: rule }; }],
  ['event-refused', () => withCommands(healthy(), 'track', answered('refused', 'KLAVIYO_REFUSED_ITEM')), /Wallet Pass Installed.*"in the words of the vendor"/],
  ['event-not-seen', () => withProfile(healthy(), ({ events }) => ({ events: (events as { metric: string }[]).filter(({ metric }) => metric !== 'Wallet Pass Installed') as never })), /^Wallet Pass Installed, accepted/],
  ['event-dropped-twice', () => withCommands(withProfile(healthy(), () => ({ events: [] })), 'track', ({ ledger }) => ({ ledger: [...ledger, { at: now - 2 * hour, outcome: 'sent-again' }, { at: now - hour, outcome: 'accepted' }] })), /Wallet Pass Installed of 2026-01-05T\S+, accepted .*1 h ago/],
  ['event-fired-no-flow', () => withCommands(healthy(), 'track', ({ command }) => ({ command: { ...command, backfill: true } as never })), /Wallet Registered of/],
  ['event-not-counted', () => ({ ...healthy(), rules: someRules({ metrics: { ...someRules().metrics, 'pass-created': null } }) }), 'pass-created'],
  ['event-dropped-by-plugin', () => withDelivery(healthy(), delivered(event('pass-updated', { name: 'Pass:Updated' }), [], { notes: [plugin('mapMetric: no event.')] })), /^Pass:Updated of .*by plugin rules/],
  ['delivery-skipped-by-plugin', () => withDelivery(healthy(), delivered(event('registered'), [], { status: 'ignored', notes: [plugin('acceptEvent: skips the event.')] })), /by plugin rules/],
  ['delivery-without-meaning', () => withDelivery(healthy(), delivered(event('pass-updated', { name: 'Pass:Sung' }), [], { status: 'ignored', notes: [{ by: 'wallet-crew', says: 'kept' }] })), /^Pass:Sung/],
  ['consent-without-address', () => oldStory(aCustomer('C-1').enrolled({ email: 'ana@mail.example', consents: { consents_sms: true } }).events), /consents_sms: yes since .*no phone number/],
  ['address-only-in-klaviyo', () => consents(oldStory(aCustomer('C-1').enrolled({ email: 'ana@mail.example', consents: { consents_sms: true } }).events), { sms: { says: 'never' } }), /consents_sms: yes since .*no phone number/],
  ['list-missing', () => withCommands(healthy(), 'subscribe', answered('pending', 'KLAVIYO_LIST_MISSING')), /consents_email: list NEWS/],
  ['subscription-refused', () => withCommands(healthy(), 'subscribe', answered('refused', 'KLAVIYO_REFUSED_ITEM')), /consents_(email|sms), subscribe: "in the words of the vendor"/],
  ['subscription-just-accepted', () => consents(withCommands(healthy(), 'subscribe', () => ({ ledger: [{ at: now - minute, outcome: 'accepted' }] })), { email: { says: 'never' } }), /consents_email: .*1 min ago/],
  ['opt-out-unheard', () => withProfile(consents(healthy(), { email: { says: 'unsubscribed', at: now - hour } }), () => ({ optOuts: [event('opted-out', { channel: 'email' })] })), /^consents_email: [^;]*1 h ago$/],
  ['still-unsubscribed', () => consents(healthy(), { email: { says: 'unsubscribed' } }), 'consents_email: Klaviyo names no time'],
  ['subscription-not-asked', () => { const one = withPerson(healthy(), { asked: {} }); return { ...one, deliveries: one.deliveries.map((delivery) => ({ ...delivery, commands: delivery.commands.filter(({ command }) => command.do !== 'subscribe') })) }; }, /consents_email: yes since .*list NEWS/],
  ['opt-out-unheard', () => withProfile(oldStory(aCustomer('C-1').enrolled({ email: 'ana@mail.example' }).events), () => ({ optOuts: [event('opted-out', { channel: 'sms' })] })), /consents_sms: .*1 h ago/],
  ['subscribed-after-opt-out', () => consents(withPerson(healthy(), { optOuts: { email: { at: now - 2 * hour } }, identity: { ...healthy().person!.identity, optedOut: { email: now - 2 * hour } } }), { email: { says: 'subscribed', at: now - hour } }), /consents_email: .*1 h ago/],
  ['subscription-not-held', () => consents(withCommands(healthy({ optIns: { NEWS: 'double' } }), 'subscribe', ({ command }) => ({ command: { ...command, historical: true } as never })), { email: { says: 'never' } }), /consents_email: asked .*; list NEWS asks for a confirmation/],
  ['subscription-not-held', () => consents(healthy(), { email: { says: 'never' } }), /consents_email: asked 2026-01-05.*; list NEWS asks for no confirmation/],
  ['subscription-not-held', () => ({ ...consents(healthy({ optIns: {} }), { email: { says: 'never' } }), deliveries: [] }), /consents_email: asked longer ago than is kept; whether list NEWS asks for a confirmation is not known/],
  ['still-subscribed', () => oldStory([...story(), ...aCustomer('C-1', start + hour).answered({ consents_email: false }).events]), /consents_email: no since/],
  ['waits-for-confirmation', () => consents(healthy({ optIns: { NEWS: 'double' } }), { email: { says: 'never' } }), /consents_email: asked .*; list NEWS/],
  ['opted-out', () => withDelivery(withPerson(healthy(), { optOuts: { email: { at: start + hour } } }), delivered(event('opted-out', { name: 'Unsubscribed from Email Marketing', channel: 'email' }))), /consents_email: email since .*told by Unsubscribed from Email Marketing/],
  ['newer-opt-out-in-klaviyo', () => withCommands(healthy(), 'subscribe', answered('skipped', 'KLAVIYO_NEWER_OPT_OUT')), /consents_email/],
  ['newer-yes-in-klaviyo', () => withCommands(oldStory([...story(), ...aCustomer('C-1', start + hour).answered({ consents_email: false }).events]), 'unsubscribe', answered('skipped', 'KLAVIYO_NEWER_CONSENT')), /consents_email/],
  ['consent-leads-nowhere', () => healthy({ routes: [], pluginNotes: [plugin('routeLists: list NEWS by consents_email.')] }), /consents_email: plugin rules/],
  ['consent-withdrawn', () => oldStory(aCustomer('C-1').enrolled({ email: 'ana@mail.example', consents: { consents_email: false } }).events), /consents_email: since/],
  ['consent-not-given', () => oldStory(aCustomer('C-1').enrolled({ email: 'ana@mail.example' }).events), 'consents_email: no answer; consents_sms: no answer'],
  ['notification-refused', () => withDelivery(healthy(), delivered(event('notification-sent'), [sent({ do: 'notify', identifiers: { customerId: 'C-1' } }, answered('refused', 'WALLET_CREW_NOTIFICATION_UNCERTAIN')())])), /"in the words of the vendor"/],
  ...([['notification-without-pass', 'no-pass'], ['notification-without-device', 'no-device'], ['notification-over-quota', 'over-quota'], ['notification-not-allowed', 'not-allowed'], ['notification-turned-down', 'refused']] as const).map(
    ([name, reason]): [string, () => Evidence, RegExp] => [name, () => withDelivery(healthy(), delivered(event('notification-not-sent', { reason }))), /1 h ago/],
  ),
];

describe('a person about whom nothing is broken', () => {
  it('gives no reason for suspicion', () => expect(suspicionsOf(healthy())).toEqual([]));
});

describe('every advice', () => {
  it('has a person to whom it applies', () => expect([...new Set(cases.map(([name]) => name))].toSorted()).toEqual(checks.map(({ name }) => name).toSorted()));

  it.each(cases.map(([name, evidence, particulars]) => ({ name, evidence, particulars })))('$name is given to whom it applies', ({ name, evidence, particulars }) => {
    const found = suspicionsOf(evidence()).find((one) => one.name === name);
    expect(found).toBeDefined();
    if (particulars instanceof RegExp) expect(found!.detail).toMatch(particulars);
    else if (particulars !== undefined) expect(found!.detail).toBe(particulars);
    expect(JSON.stringify(found)).not.toContain(token);
  });

  it('names the tenant and the parked item in the command to run', () => {
    const id = nextId();
    const [parked] = suspicionsOf({ ...healthy(), parked: [delivered(event('registered'), [], { id, status: 'parked', code: 'PROCESSING_FAILED' })] });
    expect(parked).toMatchObject({ name: 'delivery-parked', code: 'PROCESSING_FAILED', run: `POST /api/acme/operations/parked/${id}/replay`, fix: expect.stringContaining('Report the delivery id') });
  });
});

describe('the first broken link', () => {
  it('is looked for in profile properties, then in the token, then in events, then in consent', () => {
    const all = consents(withCommands(withProperty(withProperty(healthy(), apple, 'NotInstalled'), 'neostore.authenticationToken', 'older'), 'track', answered('refused', 'KLAVIYO_REFUSED_ITEM')), { email: { says: 'unsubscribed' } });
    expect(names(all)).toEqual(['overwritten', 'token-stale', 'event-refused', 'still-unsubscribed']);
    expect(first(all)).toBe('overwritten');
  });

  it('is a refused update, and not the values that Klaviyo rightly never showed', () => {
    const refused = withProperty(withCommands(healthy(), 'upsert-profile', answered('refused', 'KLAVIYO_REFUSED_ITEM')), apple, 'NotInstalled');
    expect(names(refused)).toEqual(['update-refused']);
  });

  it('is not an update that a newer one replaced', () => {
    const replaced = healthy();
    const [newest] = replaced.deliveries;
    const old = sent({ do: 'upsert-profile', attributes: {}, properties: { [apple]: 'NotInstalled' } }, { status: 'superseded', ledger: [] });
    expect(names({ ...replaced, deliveries: [{ ...newest!, commands: [...newest!.commands, old] }, ...replaced.deliveries.slice(1)] })).toEqual([]);
  });

  it('is nothing that is as it is meant to be', () => {
    const declined = healthy({ passes: [] }, aCustomer('C-1').enrolled({ email: 'ana@mail.example', consents: { consents_email: false } }).events);
    const evidence = consents(declined, { email: { says: 'never' }, sms: { says: 'never' } });
    expect(names(evidence)).toEqual(['nothing-installed', 'consent-withdrawn', 'consent-not-given']);
    expect(first(evidence)).toBeUndefined();
  });

  it('is no duplicate where a family merely shares a phone', () => {
    const one = healthy();
    const [profile] = one.profiles as [SeenProfile];
    expect(names({ ...one, profiles: [profile, { ...profile, name: { klaviyoId: 'K2', email: 'ben@mail.example', phone: '+33612345678' }, properties: {} }] })).toEqual([]);
  });
});
