import { comparePass, decide, identifierKeys, inWallet, lookupKeys, newPerson, PersonIndex, settledPasses, absencesOf, isPlausible, type ListedPass, type PassComparison, type Person, type Rules, type WalletEvent } from '#core';
import { aCustomer, event, hour, live, minute, rules, start } from '../../support/stories.js';

const at = (minutes: number) => start + minutes * minute;
/** The run begins two hours after the stories, with a minute of grace. */
const now = start + 2 * hour;
const reading = { at: now, settledBefore: now - minute };
const email = 'ana@example.com';
const twoKinds = rules({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'] } });

const pass = (installed: ListedPass['installed'] = {}, own: Partial<ListedPass> = {}): ListedPass => ({ id: 'P-1', type: 'loyalty', createdAt: at(0), changedAt: at(0), identifiers: { customerId: 'C-42' }, installed, ...own });
const ana = () => aCustomer('C-42').enrolled({ at: at(0), email });
const seen = (minutes: number, installed: ListedPass['installed']) => event('looked-up', { at: at(minutes), identifiers: { customerId: 'C-42' }, found: { passes: [{ id: 'P-1', type: 'loyalty', installed }] } });
const known = (events: readonly WalletEvent[], rule = rules()) => live(events, rule, now).persons;

function compare(listed: ListedPass, persons: readonly Person[], rule: Rules = rules(), when = reading): PassComparison {
  const index = new PersonIndex();
  for (const person of persons) index.put(person);
  return comparePass(listed, index, rule, when);
}

/** What is known after the repairs of a comparison are decided. */
function repaired({ drift }: PassComparison, persons: readonly Person[], rule: Rules = rules()): Person[] {
  let all = [...persons];
  for (const { event: told } of drift?.repairs ?? []) {
    const keys = lookupKeys(told as WalletEvent, rule);
    const { person, absorbed } = decide(told as WalletEvent, all.filter((one) => identifierKeys(one).some((key) => keys.includes(key))), rule, now);
    all = [...all.filter(({ id }) => id !== person.id && !absorbed.includes(id)), person];
  }
  return all;
}

const says = ({ drift }: PassComparison) => drift?.repairs.map(({ event: told, kinds }) => `${told.kind} ${kinds.join('+')}`) ?? [];

describe('a listed pass against what we know', () => {
  const P = { pass: 'P-1' };
  it.each<[title: string, heard: WalletEvent[], listed: ListedPass, repairs: string[]]>([
    ['nothing is wrong about a pass in no wallet', ana().passCreated(P).events, pass(), []],
    ['nothing is wrong where the webhook told of the installation', ana().installed('apple', { ...P, at: at(5) }).events, pass({ Apple: at(5) }), []],
    ['a list may date it a few minutes otherwise', ana().installed('apple', { ...P, at: at(5) }).events, pass({ Apple: at(14) }), []],
    ['a list may date it earlier: the pass was put on a second phone since', ana().installed('apple', { ...P, at: at(60) }).events, pass({ Apple: at(5) }), []],
    ['an owner nobody had heard of registers', [], pass(), ['registered registration-unheard']],
    ['an owner nobody had heard of registers and has installed', [], pass({ Apple: at(5), Google: at(6) }), ['registered registration-unheard', 'pass-installed install-unheard', 'pass-installed install-unheard']],
    ['an installation without a webhook is made up for', ana().passCreated(P).events, pass({ Google: at(9) }), ['pass-installed install-unheard']],
    ['only the wallet that was not heard of is made up for', ana().installed('apple', { ...P, at: at(5) }).events, pass({ Apple: at(5), Google: at(9) }), ['pass-installed install-unheard']],
    ['an installation long after the one that was heard is another one', ana().installed('apple', { ...P, at: at(5) }).events, pass({ Apple: at(30) }), ['pass-installed install-unheard']],
    ['a flow was told of it, but nobody was told of the event', [...ana().events, seen(20, { Apple: at(5) })], pass({ Apple: at(5) }), ['pass-installed install-unheard']],
    ['what was heard and then taken for removed is back', ana().installed('apple', { ...P, at: at(5) }).uninstalled('apple', { ...P, at: at(9) }).events, pass({ Apple: at(5) }), ['looked-up install-unheard']],
    ['what was never heard, and taken for removed since, is there', ana().uninstalled('apple', { ...P, at: at(9) }).events, pass({ Apple: at(5) }), ['pass-installed install-unheard', 'looked-up ']],
    ['what was never heard, and not there when asked, is there', [...ana().events, seen(20, {})], pass({ Apple: at(5) }), ['pass-installed install-unheard', 'looked-up ']],
  ])('%s', (_title, heard, listed, repairs) => {
    const persons = known(heard);
    const comparison = compare(listed, persons);
    expect(says(comparison)).toEqual(repairs);
    expect(comparison.drift?.kinds ?? []).toEqual([...new Set(repairs.flatMap((text) => text.split(' ')[1] || []))]);
    expect(comparison.absentFrom).toEqual([]);
    // Repaired, nothing is found again, and where the list says the pass is, it is.
    const after = repaired(comparison, persons);
    expect(compare(listed, after).drift).toBeUndefined();
    const [owner] = after;
    for (const wallet of ['Apple', 'Google'] as const) if (listed.installed[wallet] !== undefined) expect(inWallet(owner!.passes['P-1']!, wallet)?.status).toBe('Installed');
  });

  it('repairs carry the true dates, fire no flow and name the pass and its owner', () => {
    const { drift } = compare(pass({ Apple: at(5) }, { createdAt: at(3) }), []);
    expect(drift!.repairs.map(({ event: told }) => told)).toMatchObject([
      { kind: 'registered', at: at(3), backfill: true, identifiers: { customerId: 'C-42' }, pass: { id: 'P-1', type: 'loyalty' } },
      { kind: 'pass-installed', at: at(5), backfill: true, wallet: 'Apple', identifiers: { customerId: 'C-42' }, pass: { id: 'P-1', type: 'loyalty' } },
    ]);
    expect(drift!.sample).toEqual({ passId: 'P-1' });
    const { createdAt: _, ...undated } = pass({ Apple: at(5) });
    expect(compare(undated, []).drift!.repairs[0]!.event.at).toBe(at(5));
    expect(compare({ ...undated, installed: {} }, []).drift!.repairs[0]!.event.at).toBe(now);
  });

  it('a newcomer with two passes registers once', () => {
    const registrations = [pass(), pass({}, { id: 'P-2', createdAt: at(1) })].map((listed) => compare(listed, []).drift!.repairs.find(({ event: told }) => told.kind === 'registered')!.key);
    expect(new Set(registrations).size).toBe(1);
    expect(registrations).not.toEqual([compare(pass({}, { identifiers: { customerId: 'C-43' } }), []).drift!.repairs[0]!.key]);
  });

  it('a person who is known and never registered does so now', () => {
    expect(says(compare(pass(), known(aCustomer('C-42').passCreated({ pass: 'P-1' }).events)))).toEqual(['registered registration-unheard']);
  });

  it('says for each wallet whether a webhook told of it', () => {
    const persons = known(ana().installed('apple', { pass: 'P-1', at: at(5) }).events);
    expect(compare(pass({ Apple: at(5), Google: at(9) }), persons).heard).toEqual({ Apple: true, Google: false });
    expect(compare(pass(), persons).heard).toEqual({});
  });
});

describe('what is wrong about a pass as a whole', () => {
  it('a type that belongs to no kind is reported and not repaired', () => {
    const { drift } = compare(pass({ Apple: at(5) }, { type: 'coupon' }), [], twoKinds);
    expect(drift).toEqual({ kinds: ['pass-kind-unknown'], sample: { passId: 'P-1', about: ['coupon'] }, repairs: [] });
  });

  it('a pass that was converted to another kind is told anew', () => {
    const persons = known(ana().installed('apple', { pass: 'P-1', at: at(5) }).events, twoKinds);
    const comparison = compare(pass({ Apple: at(5) }, { type: 'gift' }), persons, twoKinds);
    expect(says(comparison)).toEqual(['looked-up status-wrong']);
    const after = repaired(comparison, persons, twoKinds);
    expect(after[0]!.passes['P-1']!.kind).toBe('giftCard');
    expect(compare(pass({ Apple: at(5) }, { type: 'gift' }), after, twoKinds).drift).toBeUndefined();
  });

  it('a pass of which no webhook named a type is not converted', () => {
    const untyped = event('pass-installed', { at: at(5), identifiers: { customerId: 'C-42' }, pass: { id: 'P-1' }, wallet: 'Apple' });
    expect(says(compare(pass({ Apple: at(5) }), known([...ana().events, untyped], twoKinds), twoKinds))).toEqual([]);
  });

  it('two persons who share a pass are joined', () => {
    const persons = known([...ana().passCreated({ pass: 'P-1' }).events, ...aCustomer('C-43').enrolled({ at: at(1) }).events]);
    expect(persons).toHaveLength(2);
    const listed = pass({}, { identifiers: { customerId: 'C-43' } });
    const comparison = compare(listed, persons);
    expect(says(comparison)).toEqual(['looked-up status-wrong']);
    const after = repaired(comparison, persons);
    expect(after).toHaveLength(1);
    expect(compare(listed, after).drift).toBeUndefined();
  });
});

describe('what has just changed', () => {
  it.each<[string, Partial<ListedPass>]>([
    ['changed', { changedAt: now }],
    ['created', { createdAt: now }],
    ['installed', { installed: { Google: now } }],
  ])('is left to its webhook, which may still be under way: %s', (_title, own) => {
    expect(compare(pass({}, own), [])).toMatchObject({ fresh: true, absentFrom: [], heard: {} });
    expect(compare(pass({}, own), []).drift).toBeUndefined();
    expect(compare(pass({}, own), [], rules(), { at: now, settledBefore: now }).drift).toBeDefined();
  });

  it('is judged at the very end of the grace', () => {
    expect(compare(pass({}, { changedAt: reading.settledBefore }), []).fresh).toBe(false);
    expect(compare(pass({}, { changedAt: reading.settledBefore + 1 }), []).fresh).toBe(true);
  });
});

describe('passes that are not where we take them to be', () => {
  const persons = known(ana().installed('apple', { pass: 'P-1', at: at(5) }).installed('google', { pass: 'P-1', at: at(6) }).events);
  const [person] = persons;

  it('are named by wallet, and repaired by nobody who has seen only one of them', () => {
    const comparison = compare(pass({ Google: at(6) }), persons);
    expect(comparison.absentFrom).toEqual(['Apple']);
    expect(comparison.drift).toBeUndefined();
  });

  it('are given the grace, too', () => {
    const late = known(ana().installed('apple', { pass: 'P-1', at: reading.settledBefore + 1 }).events);
    expect(compare(pass(), late).absentFrom).toEqual([]);
    expect(settledPasses(late[0]!, reading.settledBefore)).toEqual([]);
    expect(settledPasses(person!, reading.settledBefore).map(({ id }) => id)).toEqual(['P-1']);
  });

  it('say nothing of a wallet beside them, where the list has news of that', () => {
    const onlyApple = known(ana().installed('apple', { pass: 'P-1', at: at(5) }).events);
    const comparison = compare(pass({ Google: at(9) }), onlyApple);
    expect(comparison.absentFrom).toEqual(['Apple']);
    expect(says(comparison)).toEqual(['pass-installed install-unheard']);
    expect(inWallet(repaired(comparison, onlyApple)[0]!.passes['P-1']!, 'Apple')?.status).toBe('Installed');
    const googleIsBack = known(ana().installed('apple', { pass: 'P-1', at: at(5) }).installed('google', { pass: 'P-1', at: at(6) }).uninstalled('google', { pass: 'P-1', at: at(9) }).events);
    expect(compare(pass({ Google: at(6) }), googleIsBack)).toMatchObject({ absentFrom: ['Apple'], heard: { Google: true } });
    expect(says(compare(pass({ Google: at(6) }), googleIsBack))).toEqual([]);
  });

  it.each([
    ['gone from one wallet', ['Apple'] as const, 'uninstall-unheard', { Apple: 'Uninstalled', Google: 'Installed' }],
    ['gone from both', ['Apple', 'Google'] as const, 'uninstall-unheard', { Apple: 'Uninstalled', Google: 'Uninstalled' }],
    ['not listed at all', undefined, 'pass-gone', { Apple: 'Uninstalled', Google: 'Uninstalled' }],
  ])('become Uninstalled once they are believed: %s', (_title, gone, kind, statuses) => {
    const held = person!.passes['P-1']!;
    const [drift] = absencesOf(person!, [{ pass: held, ...(gone ? { wallets: [...gone] } : {}) }], now);
    expect(drift).toMatchObject({ kinds: [kind], sample: { personId: person!.id, passId: 'P-1' } });
    const [after] = repaired({ drift } as PassComparison, persons);
    for (const [wallet, status] of Object.entries(statuses)) expect(inWallet(after!.passes['P-1']!, wallet as 'Apple')?.status).toBe(status);
    // Nobody says when, so it is no event: only the profile is written anew.
    expect(decide(drift!.repairs[0]!.event as WalletEvent, persons, rules(), now).commands.map((command) => command.do)).toEqual(['upsert-profile']);
  });

  it('are a drift for each pass, and each names its own', () => {
    const both = known(ana().installed('apple', { pass: 'P-1' }).installed('apple', { pass: 'P-2' }).events)[0]!;
    const drifts = absencesOf(both, [{ pass: both.passes['P-1']! }, { pass: both.passes['P-2']!, wallets: ['Apple'] }], now);
    expect(drifts.map(({ repairs: [repair], sample, kinds }) => `${sample.passId} ${kinds.join()}: ${repair!.key}`)).toEqual(['P-1 pass-gone: listed absent P-1', 'P-2 uninstall-unheard: listed absent P-2']);
    expect(absencesOf(newPerson('nobody'), [], now)).toEqual([]);
  });

  it.each([
    [0, 0, true],
    [20, 20, true],
    [21, 105, true],
    [21, 104, false],
    [200_000, 1_000_000, true],
    [200_001, 1_000_000, false],
  ])('%i of %i installed passes can be gone: %s', (absent, installed, plausible) => {
    expect(isPlausible(absent, installed)).toBe(plausible);
  });
});
