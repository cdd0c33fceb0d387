import { ConnectorError, type RunOptions } from '#core';
import { agreeing, apple, contents, emailOf, foundIn, google, leftIn, persons, planted, plantedKinds, profile, reported, tokenName } from './planted-world.js';
import { dry, everything, graceMs, tenant, World } from './reconcile-world.js';
import { refusalWords } from '../../support/memory-records.js';
import { aCustomer, event, hour } from '../../support/stories.js';

async function ran(world: World, options: RunOptions = everything) {
  const { is, run } = await world.process().run(tenant, options);
  expect(is).toBe('done');
  return run;
}

describe('a run over two sides that agree', () => {
  it('finds nothing, writes nothing and says so', async () => {
    const world = await agreeing(9);
    // Klaviyo's ids of profiles that were written in bulk become known with the first run.
    await ran(world);
    const before = await contents(world);
    const run = await ran(world);
    expect(foundIn(run)).toEqual({});
    expect(run.report!.verdict).toEqual({ worry: 'no', says: expect.stringContaining('nothing was wrong') });
    expect(await contents(world)).toEqual(before);
    expect(run.report!.read).toMatchObject({ passes: 9, profiles: 9, persons: 9 });
    expect(run.report!.adoption).toEqual({ passes: 9, Apple: 9, Google: 0, any: 9 });
  });

  it('finds nothing in a world without anybody', async () => {
    expect(foundIn(await ran(new World()))).toEqual({});
  });
});

describe('a run over what was planted on either side', () => {
  it('finds, names and repairs all of it; a second run finds only what is for people to decide', async () => {
    const world = await planted();
    const run = await ran(world);
    expect(foundIn(run)).toEqual(plantedKinds);
    expect(leftIn(run)).toEqual(reported);
    expect(profile(world, 0).properties).toMatchObject({ [apple]: 'Installed', [google]: 'Installed' });
    expect(profile(world, 1).properties).toMatchObject({ [apple]: 'Uninstalled' });
    expect(profile(world, 2).properties).toMatchObject({ [apple]: 'Uninstalled' });
    expect(profile(world, 3).properties).toMatchObject({ [apple]: 'Installed' });
    expect(profile(world, 4).properties).toMatchObject({ [google]: 'NotInstalled' });
    expect(profile(world, 5).properties).toMatchObject({ [apple]: 'Installed' });
    for (const n of [6, 7, 98, 99]) expect(profile(world, n).properties[tokenName]).toBe(`token-of-${n}`);
    expect(persons(world).find(({ identity }) => identity.email === emailOf(8))!.identity.optedOut).toHaveProperty('email');
    expect(world.profiles.held.get('profile-stranger')!.properties).toMatchObject({ [apple]: 'NotInstalled', [google]: 'NotInstalled' });
    expect(profile(world, 12).properties).toMatchObject({ 'neostore.wallet.installedCount': 1 });

    world.clock.at += hour;
    world.sendAgain();
    world.clock.at += 24 * hour;
    const second = await ran(world);
    expect(foundIn(second)).toEqual(reported);
  });

  it('takes one of two profiles with the same address for the own one, whatever they hold, and leaves the other to people', async () => {
    const world = await agreeing(3);
    const own = profile(world, 1);
    world.profiles.put({ name: { klaviyoId: 'profile-twin', email: emailOf(1) }, createdAt: own.createdAt + hour });
    world.profiles.put({ name: { klaviyoId: 'profile-twin-alike', email: emailOf(2) }, properties: { ...profile(world, 2).properties }, createdAt: own.createdAt + 2 * hour });
    world.clock.at += 12 * hour;
    for (const run of [await ran(world), await ran(world)]) expect(foundIn(run)).toEqual({ 'profile-duplicated': 2 });
    expect(world.profiles.held.get('profile-twin')!.properties).toEqual({});
  });

  it('names each opt-out by its channel', async () => {
    const world = await agreeing(1);
    const { klaviyoId } = profile(world, 0).name;
    for (const channel of ['email', 'sms'] as const) profile(world, 0).optOuts.push(event('opted-out', { at: world.clock.now(), channel, profile: { klaviyoId, email: emailOf(0) } }));
    world.clock.at += 12 * hour;
    const { report } = await ran(world);
    expect(report!.drift.find(({ kind }) => kind === 'opt-out-unheard')!.samples.map(({ about }) => about)).toEqual([['email'], ['sms']]);
  });

  it('gives a profile that was deleted in Klaviyo back under whatever id Klaviyo chooses, and finds nothing the night after', async () => {
    const world = await agreeing(3);
    const { klaviyoId } = profile(world, 1).name;
    profile(world, 1).properties[apple] = 'NotInstalled';
    expect(foundIn(await ran(world))).toEqual({ 'status-wrong': 1 });
    expect(persons(world).map(({ identity }) => identity.klaviyoId)).toContain(klaviyoId);
    world.profiles.delete(klaviyoId);
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'profile-missing': 1 });
    expect(profile(world, 1).name.klaviyoId).not.toBe(klaviyoId);
    expect(profile(world, 1).properties).toMatchObject({ [apple]: 'Installed' });
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });

  it('compares a pass with any id, also one that means something to JavaScript', async () => {
    const world = await agreeing(1);
    const at = world.clock.now();
    const names = ['__proto__', 'constructor', 'toString'];
    for (const id of names) world.tokens.set(`C-${id}`, `token-of-${id}`);
    for (const id of names) world.passes.put({ id, type: 'loyalty', identifiers: { email: `${id}@mail.example`, customerId: `C-${id}` }, createdAt: at, installed: { Apple: at } });
    world.clock.at += 12 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'registration-unheard': 3, 'install-unheard': 3 });
    expect([...world.profiles.held.values()].every(({ properties }) => properties[apple] === 'Installed')).toBe(true);
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });

  it('fires no flow and subscribes nobody: all it asks for comes afterwards', async () => {
    const world = await planted();
    const before = world.records.deliveries.length;
    await ran(world);
    const commands = world.records.deliveries.slice(before).flatMap(({ record }) => record.commands.map(({ command }) => command));
    expect(commands.filter((command) => command.do === 'track').map(({ metric, backfill }) => `${metric} ${backfill}`).sort()).toEqual(['Wallet Pass Installed true', 'Wallet Pass Installed true', 'Wallet Pass Installed true', 'Wallet Registered true', 'Wallet Registered true']);
    expect(commands.filter((command) => command.do === 'subscribe' || command.do === 'unsubscribe')).toEqual([]);
    expect(world.received.every(({ repair }) => repair !== undefined && repair.runId.length > 0)).toBe(true);
  });

  it('names the same in a dry run, and changes nothing', async () => {
    const world = await planted();
    const before = await contents(world);
    const run = await ran(world, dry);
    expect(foundIn(run)).toEqual(plantedKinds);
    expect(leftIn(run)).toEqual(plantedKinds);
    expect(world.received).toEqual([]);
    expect(await contents(world)).toEqual(before);
    expect(run.report!.verdict.worry).toBe('look');
  });

  it.each([
    [['tokens'], ['token-missing', 'token-stale']],
    [['consent'], ['consent-differs', 'opt-out-unheard']],
  ] as const)('looks at nothing but %s when told so, and makes no call for the rest', async (only, kinds) => {
    const world = await planted();
    const run = await ran(world, { ...everything, only: [...only] });
    expect(Object.keys(foundIn(run)).sort()).toEqual([...kinds]);
    expect(run.report!.calls).toMatchObject({ passes: 0, events: 0 });
    const named = run.report!.drift.map(({ kind }) => kind);
    expect(named.filter((kind) => kind !== 'consent-unconfirmed').sort()).toEqual([...kinds]);
  });

  it('leaves profiles of strangers alone where the tenant wants it so', async () => {
    const world = await planted();
    world.strangers = false;
    expect(foundIn(await ran(world, dry))).toEqual({ ...plantedKinds, 'default-missing': 1 });
  });

  it('over what has changed since yesterday finds nobody missing whom it was not shown', async () => {
    const world = await planted();
    const since = world.clock.now() - 13 * hour;
    const found = foundIn(await ran(world, { ...dry, since }));
    expect(found).toMatchObject({ 'registration-unheard': 2 });
    for (const kind of ['pass-gone', 'profile-missing']) expect(found).not.toHaveProperty(kind);
  });

  it('holds no address and no value of anybody in its report', async () => {
    const world = await planted();
    const { report } = await ran(world);
    expect(JSON.stringify(report)).not.toMatch(/mail\.example|token-of|an-old-token|NotInstalled/);
  });
});

describe('somebody of whom the run itself tells Klaviyo', () => {
  it('has their consent compared at once, and once only: no update of a profile changes it', async () => {
    const world = await agreeing(11);
    const pass = world.passes.held.get('pass-of-C-9')!;
    world.passes.put({ ...pass, installed: { ...pass.installed, Google: world.clock.now() } });
    profile(world, 9).consents.email = { says: 'never' };
    profile(world, 9).properties[tokenName] = 'an-old-token';
    world.clock.at += 12 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'install-unheard': 1, 'consent-differs': 1 });
    expect(foundIn(await ran(world))).toEqual({ 'consent-differs': 1 });
  });
});

describe('subscriptions that somebody has yet to confirm', () => {
  it.each([
    ['double', { 'consent-unconfirmed': 1 }, 'no'],
    ['single', { 'consent-differs': 1 }, 'look'],
    [undefined, { 'consent-differs': 1 }, 'look'],
  ] as const)('where the list asks for %s opt-in, are %j', async (optIn, found, worry) => {
    const world = await agreeing(11);
    profile(world, 9).consents.email = { says: 'never' };
    world.optIn = optIn;
    world.clock.at += 12 * hour;
    const run = await ran(world);
    expect(foundIn(run)).toEqual(found);
    expect(run.report!.verdict.worry).toBe(worry);
  });
});

describe('a pass that was given to somebody else, of which nobody told us', () => {
  const given = async () => {
    const world = await agreeing(3);
    const [pass, own] = ['pass-of-C-1', 'pass-of-C-0'].map((id) => world.passes.held.get(id)!);
    world.passes.put({ ...pass!, identifiers: { ...own!.identifiers, email: emailOf(0) }, changedAt: world.clock.now() });
    world.clock.at += 12 * hour;
    return world;
  };

  it('counts for who has it now, and no more for who had it; the two stay two', async () => {
    const world = await given();
    expect(foundIn(await ran(world))).toEqual({ 'install-unheard': 1, 'status-wrong': 1 });
    expect(persons(world)).toHaveLength(3);
    expect(profile(world, 0).properties).toMatchObject({ [apple]: 'Installed', 'neostore.wallet.installedCount': 2 });
    expect(profile(world, 1).properties).toMatchObject({ [apple]: 'Uninstalled', 'neostore.wallet.installedCount': 0 });
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });

  it('is told of under the new name from then on', async () => {
    const world = await given();
    await ran(world);
    await world.tell([event('pass-uninstalled', { at: world.clock.now(), identifiers: {}, pass: { id: 'pass-of-C-1' }, wallet: 'Apple' })]);
    expect(profile(world, 0).properties).toMatchObject({ 'neostore.wallet.installedCount': 1 });
    expect(persons(world)).toHaveLength(3);
  });
});

describe('a profile that came to be somebody else\'s, as where a family shares a phone and Klaviyo took it for one person', () => {
  it('is theirs whose e-mail it carries; who lost it gets one of their own, and the two stay two', async () => {
    const world = await agreeing(3);
    await ran(world);
    const taken = profile(world, 1);
    world.profiles.delete(profile(world, 2).name.klaviyoId);
    taken.name.email = emailOf(2);
    world.clock.at += 12 * hour;
    expect(Object.keys(foundIn(await ran(world)))).toContain('profile-missing');
    expect(persons(world)).toHaveLength(3);
    expect(profile(world, 2)).toBe(taken);
    expect(profile(world, 1)).toMatchObject({ properties: { [apple]: 'Installed' } });
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });
});

describe('a profile that is missing where a family shares a phone', () => {
  it('is written without the phone, which would make it the profile of the other again', async () => {
    const world = await agreeing(3);
    await world.tell([1, 2].map((n) => event('customer-updated', { at: world.clock.now(), identifiers: { customerId: `C-${n}`, email: emailOf(n), phone: '+33612345678' } })));
    world.clock.at += hour;
    await ran(world);
    world.profiles.delete(profile(world, 1).name.klaviyoId);
    world.clock.at += 12 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'profile-missing': 1 });
    const identityOf = (n: number) => persons(world).find(({ identity }) => identity.email === emailOf(n))!.identity;
    expect([identityOf(1).withheld, identityOf(2).withheld]).toEqual([['phone'], undefined]);
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });
});

describe('an address that changed without our hearing of it', () => {
  it.each([['Klaviyo has no profile of it', false], ['we know it by nothing but the pass', true]])('is taken over from the pass, and the profile with it: %s', async (_title, hasCustomerId) => {
    const world = await agreeing(3);
    await ran(world);
    const pass = world.passes.held.get('pass-of-C-1')!;
    world.passes.put({ ...pass, identifiers: { ...(hasCustomerId ? {} : pass.identifiers), email: 'moved@mail.example' }, changedAt: world.clock.now() });
    const own = profile(world, 1);
    world.clock.at += 12 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'address-unheard': 1 });
    expect(persons(world).filter(({ identity }) => identity.email === 'moved@mail.example')).toMatchObject([{ identity: { klaviyoId: own.name.klaviyoId } }]);
    expect(world.profiles.held.size).toBe(3);
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });

  it('gives way to what a webhook said since the pass last changed', async () => {
    const world = await agreeing(3);
    const pass = world.passes.held.get('pass-of-C-1')!;
    world.passes.put({ ...pass, identifiers: { ...pass.identifiers, email: 'once@mail.example' }, changedAt: world.clock.now() });
    world.clock.at += hour;
    await world.tell([event('customer-updated', { at: world.clock.now(), identifiers: { customerId: 'C-1', email: 'now@mail.example' } })]);
    world.clock.at += 12 * hour;
    await ran(world);
    expect(persons(world).map(({ identity: { email } }) => email)).toContain('now@mail.example');
  });
});

describe('a pass that was installed at a time to come, by its date', () => {
  it('is installed, and counted once', async () => {
    const world = await agreeing(3);
    world.passes.put({ ...world.passes.held.get('pass-of-C-1')!, installed: { ...world.passes.held.get('pass-of-C-1')!.installed, Google: world.clock.now() + 300 * 24 * hour } });
    world.clock.at += 12 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'install-unheard': 1 });
    expect(profile(world, 1).properties).toMatchObject({ [google]: 'Installed' });
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });
});

describe('somebody whose profile is gone', () => {
  it('and whose pass is gone too, is forgotten and does not come back', async () => {
    const world = await agreeing(3);
    await ran(world);
    world.passes.delete('pass-of-C-1');
    world.profiles.delete(profile(world, 1).name.klaviyoId);
    world.clock.at += 12 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'pass-gone': 1 });
    expect(profile(world, 1)).toBeUndefined();
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
    expect(profile(world, 1)).toBeUndefined();
  });

  it('is found missing also where something is wrong with their pass, of which Klaviyo is told meanwhile', async () => {
    const world = await agreeing(3);
    await ran(world);
    world.passes.put({ ...world.passes.held.get('pass-of-C-1')!, installed: {} });
    world.profiles.delete(profile(world, 1).name.klaviyoId);
    world.clock.at += 12 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'uninstall-unheard': 1, 'profile-missing': 1 });
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });

  it('and of whom Klaviyo has another under the same address, has that one from now on', async () => {
    const world = await agreeing(3);
    await ran(world);
    world.profiles.delete(profile(world, 1).name.klaviyoId);
    world.profiles.put({ name: { klaviyoId: 'made-by-a-form', email: emailOf(1) }, createdAt: world.clock.now() });
    world.clock.at += 12 * hour;
    expect(foundIn(await ran(world))).toEqual({ 'profile-missing': 1 });
    expect(profile(world, 1)).toMatchObject({ name: { klaviyoId: 'made-by-a-form' }, properties: { [apple]: 'Installed' } });
    world.clock.at += 24 * hour;
    expect(foundIn(await ran(world))).toEqual({});
  });
});

describe('what Klaviyo refuses', () => {
  it('is tried once, and called refused with the same words every night until somebody has looked after it', async () => {
    const world = await agreeing(3);
    world.profiles.delete(profile(world, 0).name.klaviyoId);
    profile(world, 1).properties[apple] = 'NotInstalled';
    world.refusesProfiles = true;
    await ran(world);
    const sent = world.received.length;
    for (let night = 0; night < 2; night++) {
      world.clock.at += 24 * hour;
      const { report } = await ran(world);
      expect(world.received).toHaveLength(sent);
      expect(report!.drift.filter(({ found }) => found > 0)).toMatchObject([{ kind: 'profile-missing', found: 1, refused: 1, left: 1 }, { kind: 'status-wrong', found: 1, refused: 1, left: 1 }]);
      expect(report!.refusals).toEqual([{ code: 'KLAVIYO_REFUSED_ITEM', words: refusalWords, count: 2, sample: { personId: expect.any(String), deliveryId: expect.any(String) } }]);
      expect(report!.verdict.says).toBe('2 of 2 differences are left: 2 refused before.');
    }
  });

  it('is not said of what the same person has yet to confirm, or of their opt-out', async () => {
    const world = await agreeing(11);
    world.optIn = 'double';
    for (const n of [9, 10]) profile(world, n).properties[apple] = 'NotInstalled';
    world.refusesProfiles = true;
    await ran(world);
    // Somebody put the profiles right by hand.
    for (const n of [9, 10]) profile(world, n).properties[apple] = 'Installed';
    profile(world, 9).consents.email = { says: 'never' };
    profile(world, 10).optOuts.push(event('opted-out', { at: world.clock.now(), channel: 'email', profile: profile(world, 10).name }));
    world.clock.at += 24 * hour;
    const { report } = await ran(world);
    expect(report!.drift.filter(({ found }) => found > 0)).toMatchObject([{ kind: 'opt-out-unheard', found: 1, repaired: 1, refused: 0 }, { kind: 'consent-unconfirmed', found: 1, refused: 0 }]);
    expect(report!.refusals).toEqual([]);
    expect(report!.verdict.worry).toBe('no');
  });
});

describe('somebody who cannot be told to Klaviyo, or has no token', () => {
  it('is named every night: nobody calls well what the night before was refused', async () => {
    const world = await agreeing(1);
    const at = world.clock.now();
    // A customer id is no identifier of Klaviyo's here.
    await world.tell(aCustomer('C-50').enrolled({ at }).installed('apple', { at }).events);
    await world.tell(aCustomer('C-51').enrolled({ at, email: emailOf(51) }).events);
    world.passes.put({ id: 'pass-of-C-50', identifiers: { customerId: 'C-50' }, createdAt: at, changedAt: at, installed: { Apple: at } });
    for (let night = 0; night < 3; night++) {
      world.clock.at += 24 * hour;
      const { report } = await ran(world);
      expect(report!.drift.filter(({ left }) => left > 0)).toMatchObject([{ kind: 'person-unreachable', found: 1, refused: 0, left: 1 }, { kind: 'token-missing', found: 1, refused: 1, left: 1 }]);
      expect(report!.refusals).toMatchObject([{ code: 'LINK_TOKEN_MISSING', count: 1 }]);
      expect(report!.verdict).toEqual({ worry: 'look', says: expect.stringContaining('differences are left: 1 for people to decide, 1 refused before.') });
    }
  });
});

describe('passes that are gone', () => {
  it('are all found with one walk over what is known, those of somebody who lost two as well', async () => {
    const world = await agreeing(40);
    const at = world.clock.now();
    await world.tell([event('pass-installed', { at, identifiers: { customerId: 'C-0' }, pass: { id: 'pass-of-nobody-else', type: 'loyalty' }, wallet: 'Apple' })]);
    for (const gone of [...world.passes.held.keys()].slice(0, 9)) world.passes.delete(gone);
    world.clock.at += 12 * hour;
    const walks: (string | undefined)[] = [];
    const { unseenPasses } = world.records;
    world.records.unseenPasses = (of, run, after, walk) => {
      walks.push(after);
      return unseenPasses.call(world.records, of, run, after, walk);
    };
    expect(foundIn(await ran(world))).toMatchObject({ 'pass-gone': 10 });
    expect(walks).toEqual([undefined]);
    expect(foundIn(await ran(world))).not.toHaveProperty('pass-gone');
  });
});

describe('passes that are gone in such numbers that it cannot be', () => {
  async function emptied(): Promise<World> {
    const world = await agreeing(30);
    for (const pass of world.passes.held.values()) world.passes.put({ ...pass, installed: {} });
    world.clock.at += 12 * hour;
    return world;
  }

  it('are reported and not repaired', async () => {
    const world = await emptied();
    const run = await ran(world);
    expect(foundIn(run)).toEqual({ 'event-not-seen': 1, 'uninstall-unheard': 30 });
    expect(leftIn(run)).toEqual({ 'uninstall-unheard': 30 });
    expect(run.report).toMatchObject({ implausible: { absent: 30, installed: 30 }, verdict: { worry: 'yes' } });
    expect(profile(world, 0).properties[apple]).toBe('Installed');
    expect(world.log.lines.join('\n')).toContain('ABSENCES_IMPLAUSIBLE');
  });

  it('are believed when somebody says so', async () => {
    const world = await emptied();
    const run = await ran(world, { ...everything, believeAbsences: true });
    expect(leftIn(run)).toEqual({});
    expect(run.report).not.toHaveProperty('implausible');
    expect([...world.profiles.held.values()].every(({ properties }) => properties[apple] === 'Uninstalled')).toBe(true);
  });
});

describe('a run that does not come to its end', () => {
  it('leaves the tenant to the process that is at it', async () => {
    const world = await planted();
    let second: { is: string } | undefined;
    world.onStep = async () => {
      world.onStep = () => {};
      second = await world.process().run(tenant, everything);
    };
    await ran(world);
    expect(second).toMatchObject({ is: 'busy', run: { status: 'running' } });
    expect(await world.runs.list(tenant, 9)).toHaveLength(1);
  });

  it('says with a code why it failed, and where', async () => {
    const world = await planted();
    world.profiles.faults.refuse('KLAVIYO_KEY_REFUSED');
    const ended = await world.process().run(tenant, everything);
    expect(ended).toMatchObject({ is: 'failed', run: { status: 'failed', code: 'KLAVIYO_KEY_REFUSED' }, report: { code: 'KLAVIYO_KEY_REFUSED', stopped: { why: 'failed', at: 'profiles' }, verdict: { worry: 'yes' } } });
    // What it had found by then is repaired.
    expect(world.received.length).toBeGreaterThan(0);
    world.profiles.faults.refuse();
    expect(await world.process().run(tenant, everything)).toMatchObject({ is: 'done', run: { resumed: 0 } });
  });

  it('says that it failed where nobody knows why, and shows no words of the error', async () => {
    const world = await planted();
    world.onStep = () => Promise.reject(new TypeError(`of ${emailOf(1)}`));
    expect(await world.process().run(tenant, everything)).toMatchObject({ is: 'failed', run: { code: 'PROCESSING_FAILED' } });
    expect(world.log.lines.join('\n')).not.toContain(emailOf(1));
  });

  it('is left to whoever goes on with it while the database is away', async () => {
    const world = await planted();
    const process = world.process();
    world.onStep = () => Promise.reject(new ConnectorError('DATABASE_UNAVAILABLE'));
    await expect(process.run(tenant, everything)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    world.onStep = () => {};
    world.clock.at += 2 * 60_000;
    expect(foundIn(await ran(world))).toEqual(plantedKinds);
    expect(await world.runs.list(tenant, 9)).toMatchObject([{ resumed: 1 }]);
  });

  it('ends soon after somebody cancels it', async () => {
    const world = await planted();
    let calls = 0;
    world.onStep = async () => void (++calls === 4 && (await world.runs.cancel(tenant, (await world.runs.list(tenant, 1))[0]!.id)));
    const ended = await world.process().run(tenant, everything);
    expect(ended).toMatchObject({ is: 'cancelled', run: { status: 'cancelled' }, report: { stopped: { why: 'cancelled' }, verdict: { worry: 'look' } } });
    expect(calls).toBeLessThan(20);
  });

  it('knows its tenant', async () => {
    await expect(new World().process().run('nobody', everything)).rejects.toMatchObject({ code: 'TENANT_UNKNOWN' });
  });

  it('lets go at once in a process that is stopping', async () => {
    const world = await planted();
    const process = world.process();
    process.stop();
    expect((await process.run(tenant, everything)).is).toBe('stopped');
    expect(world.passes.calls.length + world.profiles.calls.length).toBe(0);
  });

  it('ends without the answers to its repairs, when none has come for a quarter of an hour', async () => {
    const world = await planted();
    world.runs.open = async () => 3;
    const begun = world.clock.now();
    await ran(world);
    expect(world.clock.now() - begun).toBeGreaterThan(15 * 60_000);
    expect(world.clock.now() - begun).toBeLessThan(15 * 60_000 + graceMs + 60_000);
  });

  it('compares profiles only when what it found among the passes is decided', async () => {
    const world = await planted();
    world.holds = true;
    const { profiles: { calls } } = world;
    let waited = 0;
    world.clock.wait = async (ms) => {
      world.clock.at += ms;
      if (++waited === 3) {
        expect(calls.length).toBe(0);
        world.holds = false;
        await world.decideAll();
      }
    };
    expect(foundIn(await ran(world))).toEqual(plantedKinds);
    expect(waited).toBeGreaterThanOrEqual(3);
  });
});
