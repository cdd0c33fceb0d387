import type { DriftKind, Person, Rules, Sample } from '#core';
import { aCustomer, event, hour } from '../../support/stories.js';
import { brokenIn, explainer } from './explainer.js';
import { agreeing, emailOf, foundIn, persons, planted, plantedKinds, profile, tokenName } from './planted-world.js';
import { aTenant, dry, everything, tenant, World } from './reconcile-world.js';

/** How explaining names what a run finds. */
const suspected: Record<DriftKind, string[]> = {
  'registration-unheard': ['never-heard-of'], 'install-unheard': ['wallet-crew-disagrees', 'never-heard-of'], 'uninstall-unheard': ['wallet-crew-disagrees'], 'pass-gone': ['wallet-crew-disagrees'], 'pass-kind-unknown': ['pass-kind-unknown'],
  'profile-missing': ['no-profile'], 'person-unreachable': ['not-reachable'], 'default-missing': ['status-absent', 'overwritten', 'never-heard-of'], 'status-wrong': ['overwritten'], 'detail-wrong': ['overwritten'], 'event-not-seen': ['event-not-seen'],
  'address-unheard': ['wallet-crew-disagrees'], 'token-missing': ['token-absent'], 'token-stale': ['token-stale'], 'opt-out-unheard': ['opt-out-unheard'], 'consent-differs': ['subscription-not-held'], 'consent-unconfirmed': ['waits-for-confirmation'], 'profile-duplicated': ['several-profiles'],
};

describe('what a run finds, explaining finds too', () => {
  /** No pass is found by its id before we have heard of it. */
  const newcomers: Record<string, string> = { 'pass-of-newcomer': emailOf(99), 'pass-of-98': emailOf(98) };
  const whoOf = ({ personId, passId = '', klaviyoId = '' }: Sample) => personId ?? newcomers[passId] ?? (passId || klaviyoId);
  let world: World;
  let drift: { kind: DriftKind; samples: Sample[] }[];
  beforeAll(async () => {
    world = await planted();
    const { run } = await world.process().run(tenant, dry);
    expect(foundIn(run)).toEqual(plantedKinds);
    ({ drift } = run.report!);
  });

  it.each(Object.keys(plantedKinds) as DriftKind[])('%s, asked by a sample of the report', async (kind) => {
    const { samples } = drift.find((one) => one.kind === kind)!;
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) {
      const broken = brokenIn(await explainer(world).run(tenant, whoOf(sample)));
      expect(broken.filter((name) => suspected[kind].includes(name))).not.toEqual([]);
    }
  });

  it('and nothing of anybody of whom a run finds nothing', async () => {
    const found = drift.flatMap(({ samples }) => samples.flatMap(({ personId, passId }) => [personId, passId]));
    const agreeing = persons(world).filter(({ id, passes }) => ![id, ...Object.keys(passes)].some((one) => found.includes(one)));
    expect(agreeing.length).toBeGreaterThan(0);
    for (const { id } of agreeing) expect(brokenIn(await explainer(world).run(tenant, id))).toEqual([]);
  });
});

describe('asked by the id of a Klaviyo profile', () => {
  const email = 'ana@mail.example';
  /** Ana, and the profile that Klaviyo has of her under an id which nobody told us. */
  const known = async (name: { email?: string; phone?: string; externalId?: string }, klaviyoId?: string) => {
    const world = new World();
    await world.tell(aCustomer('C-1').enrolled({ email, phone: '+33612345678' }).installed('apple').events);
    const [ana] = persons(world) as [Person];
    if (klaviyoId) world.records.happened(tenant, { event: aCustomer('C-1').updated().events[0]!, persons: [{ ...ana, identity: { ...ana.identity, klaviyoId } }] });
    world.profiles.put({ name: { klaviyoId: 'K-other', ...name } });
    return { world, ana };
  };

  it.each([
    ['the e-mail on it', { email: 'Ana@Mail.Example' }],
    ['the phone on it, where it has no e-mail', { phone: '+33612345678' }],
    ['the external id on it', { externalId: 'C-1', email: 'another@mail.example' }],
  ])('somebody is found by %s', async (_what, name) => {
    const { world, ana } = await known(name);
    world.rules.identity = { ...world.rules.identity, externalId: ['customerId'] };
    const { who, klaviyo } = await explainer(world).run(tenant, 'K-other');
    expect(who?.personId).toBe(ana.id);
    expect(klaviyo).toMatchObject({ asked: true, profiles: expect.arrayContaining([expect.objectContaining({ klaviyoId: 'K-other', own: true })]) });
  });

  it('somebody is found whose record has the id of another profile, and that there are two is said', async () => {
    const { world, ana } = await known({ email }, 'profile-000001');
    const answer = await explainer(world).run(tenant, 'K-other');
    expect(answer.who?.personId).toBe(ana.id);
    expect(brokenIn(answer)).toContain('several-profiles');
  });

  it('somebody whose webhooks never came is found at The Wallet Crew by the e-mail on it', async () => {
    const world = new World();
    world.profiles.put({ name: { klaviyoId: 'K-eva', email: 'eva@mail.example' } });
    world.passes.put({ id: 'pass-of-eva', identifiers: { email: 'eva@mail.example' } });
    expect((await explainer(world).run(tenant, 'K-eva')).firstBroken).toMatchObject({ name: 'never-heard-of', detail: expect.stringContaining('pass-of-eva') });
  });

  it('nobody is taken for another of the family who shares the phone', async () => {
    const { world, ana } = await known({ email: 'ben@mail.example', phone: '+33612345678' });
    const { who, nearMisses, firstBroken } = await explainer(world).run(tenant, 'K-other');
    expect(who).toBeUndefined();
    expect(nearMisses).toEqual([{ personId: ana.id, by: 'phone:+33612345678' }]);
    expect(firstBroken).toMatchObject({ name: 'nobody-known' });
  });
});

describe('a pass that The Wallet Crew finds by its owner as they stand on it', () => {
  const told = async (identifiers: Record<string, string>) => {
    const world = new World();
    const at = world.clock.now();
    world.passes.put({ id: 'pass-of-C-1', identifiers, createdAt: at, changedAt: at, installed: { Apple: at } });
    await world.tell(aCustomer('C-1').enrolled({ at, identifiers }).passCreated({ at, identifiers }).installed('apple', { at, identifiers }).events);
    world.clock.at += 12 * hour;
    return world;
  };

  it.each<[string, Record<string, string>, string]>([
    ['an address with capitals', { email: 'Ana@Mail.Example' }, 'ana@mail.example'],
    ['one of more identifiers than are tried', Object.fromEntries([...'abcdefgh'].map((name) => [`${name}.id`, `${name}-1`])), 'a.id:a-1'],
  ])('is not said to be missing there: %s', async (_title, identifiers, who) => {
    const world = await told(identifiers);
    expect(brokenIn(await explainer(world).run(tenant, who))).not.toContain('wallet-crew-disagrees');
    // And is, when it is.
    world.passes.delete('pass-of-C-1');
    expect(brokenIn(await explainer(world).run(tenant, who))).toContain('wallet-crew-disagrees');
  });
});

describe('somebody who is in Klaviyo and was never a customer', () => {
  it('lacks no token once a reconciliation has given their profile its status, and is still said to be only in Klaviyo', async () => {
    const world = new World();
    world.profiles.put({ name: { klaviyoId: 'K-eva', email: 'eva@mail.example' } });
    await world.process().run(tenant, everything);
    world.clock.at += 12 * hour;
    expect(foundIn((await world.process().run(tenant, dry)).run)).toEqual({});
    const answer = await explainer(world).run(tenant, 'eva@mail.example');
    expect(answer.who).toBeDefined();
    expect(brokenIn(answer)).toEqual([]);
    expect(answer.suspicions).toContainEqual(expect.objectContaining({ name: 'only-in-klaviyo', detail: 'profile K-eva' }));
  });
});

describe('a token that somebody emptied on the profile', () => {
  it('is said to be missing there, as by a reconciliation, and not to be another one', async () => {
    const world = await agreeing(2);
    profile(world, 0).properties[tokenName] = null;
    world.clock.at += 12 * hour;
    expect(foundIn((await world.process().run(tenant, dry)).run)).toEqual({ 'token-missing': 1 });
    const answer = await explainer(world).run(tenant, emailOf(0));
    expect(brokenIn(answer)).toEqual(['token-absent']);
    expect(answer.klaviyo).toMatchObject({ profiles: [{ token: { there: false } }] });
  });
});

describe('an event that Klaviyo accepted and lost', () => {
  /** Klaviyo loses that Ana registered; then she is heard of so often, and does so much in Klaviyo itself. */
  const lost = async (updates: number, newer: number) => {
    const world = new World();
    const now = () => world.clock.now();
    const ana = () => aCustomer('C-1', now());
    world.passes.put({ id: 'pass-of-C-1', identifiers: { customerId: 'C-1' }, createdAt: now(), changedAt: now() });
    world.drops.add('Wallet Registered');
    await world.tell(ana().enrolled({ email: emailOf(1) }).events);
    world.drops.clear();
    world.clock.at += hour;
    await world.tell(ana().passCreated().events);
    for (let n = 0; n < updates; n++) {
      world.clock.at += hour;
      await world.tell(ana().updated().events);
    }
    for (let n = 0; n < newer; n++) world.profiles.putEvent(profile(world, 1).name.klaviyoId, { metric: 'Opened Email', uniqueId: `opened-${n}`, at: now() });
    world.clock.at += 12 * hour;
    return world;
  };

  it.each([
    ['is found when it is older than all that its profile shows', 0, 0],
    ['is found when its profile shows none so old any more', 0, 60],
    ['is found behind many webhooks that came since', 30, 0],
  ])('%s', async (_title, updates, newer) => {
    const world = await lost(updates, newer);
    expect(foundIn((await world.process().run(tenant, dry)).run)).toMatchObject({ 'event-not-seen': 1 });
    const { suspicions } = await explainer(world).run(tenant, emailOf(1));
    expect(suspicions).toContainEqual(expect.objectContaining({ name: 'event-not-seen', detail: expect.stringMatching(/^Wallet Registered, accepted [^;]*$/) }));
  });
});

describe('a pass of a kind that is not configured', () => {
  it('of somebody whom no webhook told of is for people to decide, and not said to be fetched by a reconciliation', async () => {
    const world = new World(aTenant({ passKinds: { loyaltyCard: ['loyalty'], giftCard: ['gift'] } }));
    world.passes.put({ id: 'pass-of-eva', type: 'event', identifiers: { email: 'eva@mail.example' } });
    world.clock.at += 12 * hour;
    expect(foundIn((await world.process().run(tenant, dry)).run)).toEqual({ 'pass-kind-unknown': 1 });
    expect(brokenIn(await explainer(world).run(tenant, 'eva@mail.example'))).toEqual(['pass-kind-unknown']);
  });
});

describe('somebody who said yes and whom Klaviyo calls unsubscribed without a date', () => {
  it('is left to people, as by a reconciliation, which does not take it for an opt-out', async () => {
    const world = await agreeing(10);
    profile(world, 9).consents.email = { says: 'unsubscribed' };
    world.clock.at += 12 * hour;
    expect(foundIn((await world.process().run(tenant, dry)).run)).toEqual({ 'consent-differs': 1 });
    const answer = await explainer(world).run(tenant, emailOf(9));
    expect(brokenIn(answer)).toEqual(['still-unsubscribed']);
    expect(answer.firstBroken).not.toHaveProperty('run');
  });
});

describe('the status of a pass kind that the tenant no longer has', () => {
  it('is told of and is no fault: a reconciliation leaves it alone too', async () => {
    const world = await agreeing(1);
    profile(world, 0).properties['neostore.wallet.oldCard.Any'] = 'Installed';
    world.clock.at += 12 * hour;
    expect(foundIn((await world.process().run(tenant, dry)).run)).toEqual({});
    const answer = await explainer(world).run(tenant, emailOf(0));
    expect(brokenIn(answer)).toEqual([]);
    expect(answer.suspicions).toContainEqual(expect.objectContaining({ name: 'left-over-status', weight: 'meant' }));
  });
});

describe('a second profile of somebody in Klaviyo', () => {
  /** Dave was given five other customer ids and addresses since; Klaviyo has him under the newest, and under another name. */
  const dave = async (name: { externalId?: string; email?: string }, rules: Rules) => {
    const world = new World(rules);
    for (let n = 0; n < 6; n++) {
      await world.tell([event('customer-updated', { at: world.clock.now(), identifiers: { cardId: 'card-1', customerId: `C-${n}`, email: emailOf(n) } })]);
      world.clock.at += hour;
    }
    const main = profile(world, 5);
    world.profiles.held.clear();
    world.profiles.put({ ...main, name: { ...main.name, externalId: 'C-5' } });
    world.profiles.put({ name: { klaviyoId: 'K-former', ...name } });
    world.clock.at += 12 * hour;
    return world;
  };

  it.each([
    ['under a customer id that they no longer have', { externalId: 'C-3' }, aTenant({ identity: { ...aTenant().identity, externalId: ['customerId'] } })],
    ['under one of many addresses that they no longer have', { email: emailOf(1) }, aTenant()],
  ])('is found %s, asked by their address', async (_title, name, rules) => {
    const world = await dave(name, rules);
    expect(foundIn((await world.process().run(tenant, dry)).run)).toMatchObject({ 'profile-duplicated': 1 });
    expect((await explainer(world).run(tenant, emailOf(5))).suspicions).toContainEqual(expect.objectContaining({ name: 'several-profiles', detail: expect.stringContaining('K-former') }));
  });
});

describe('somebody known by more identifiers than The Wallet Crew is asked by', () => {
  it('is found there by the e-mail on the pass', async () => {
    const world = new World();
    const at = world.clock.now();
    const ids = Object.fromEntries([...'abcdefgh'].map((name) => [`${name}.id`, `${name}-1`]));
    world.passes.put({ id: 'pass-of-C-1', identifiers: { email: emailOf(1) }, createdAt: at, changedAt: at, installed: { Apple: at } });
    await world.tell(aCustomer('C-1').enrolled({ at, identifiers: { ...ids, email: emailOf(1) } }).passCreated({ at, identifiers: ids }).installed('apple', { at, identifiers: ids }).events);
    world.clock.at += 12 * hour;
    expect(brokenIn(await explainer(world).run(tenant, emailOf(1)))).not.toContain('wallet-crew-disagrees');
  });
});

describe('a pass that The Wallet Crew gave to another address, of which nobody told us', () => {
  const moved = async (isInstalledHere: boolean) => {
    const world = new World();
    const at = world.clock.now();
    const ana = aCustomer('C-1', at).enrolled({ email: emailOf(1) }).passCreated();
    await world.tell((isInstalledHere ? ana.installed('apple') : ana).events);
    world.clock.at += hour;
    world.passes.put({ id: 'pass-of-C-1', identifiers: { customerId: 'C-2', email: emailOf(2) }, createdAt: at, changedAt: world.clock.at, installed: { Apple: at, Google: world.clock.at } });
    world.clock.at += 12 * hour;
    return world;
  };

  it.each([['in a wallet as far as we know', true], ['in no wallet as far as we know', false]])('is one of somebody we do not know, asked by the new address, and put right by a reconciliation: %s', async (_title, isInstalledHere) => {
    const world = await moved(isInstalledHere);
    const { who, firstBroken, nearMisses } = await explainer(world).run(tenant, emailOf(2));
    expect(who).toBeUndefined();
    expect(firstBroken).toMatchObject({ name: 'never-heard-of', run: expect.stringContaining('reconcile') });
    expect(nearMisses).toEqual([{ personId: persons(world)[0]!.id, by: 'pass:pass-of-C-1' }]);
    expect(foundIn((await world.process().run(tenant, dry)).run)).toMatchObject({ 'registration-unheard': 1, 'install-unheard': 2, ...(isInstalledHere ? { 'status-wrong': 1 } : {}) });
  });

  it('is said to be missing there, asked by the old address, where we take it to be in a wallet', async () => {
    const { firstBroken } = await explainer(await moved(true)).run(tenant, emailOf(1));
    expect(firstBroken).toMatchObject({ name: 'wallet-crew-disagrees', detail: expect.stringContaining('pass-of-C-1 is installed here and not listed there') });
  });

  it('is said not to be found, asked by the old address, and that only a reconciliation sees more', async () => {
    const { suspicions } = await explainer(await moved(false)).run(tenant, emailOf(1));
    expect(suspicions).toContainEqual(expect.objectContaining({ name: 'pass-not-found', weight: 'meant', detail: 'pass-of-C-1', run: expect.stringContaining('reconcile') }));
  });

  it('is led to by a reconciliation, asked by the new address of which Klaviyo has a profile of nobody we know', async () => {
    const world = await moved(true);
    world.profiles.put({ name: { klaviyoId: 'K-new', email: emailOf(2) } });
    const { firstBroken, nearMisses } = await explainer(world).run(tenant, emailOf(2));
    expect(nearMisses).toEqual([{ personId: persons(world)[0]!.id, by: 'pass:pass-of-C-1' }]);
    expect(firstBroken).toMatchObject({ name: 'never-heard-of', run: expect.stringContaining('reconcile') });
  });
});
