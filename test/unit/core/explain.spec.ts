import { askedName, ConnectorError, strangersProfile, type SeenProfile } from '#core';
import { aCustomer, day, hour, start } from '../../support/stories.js';
import { delivered, healthy, links, someRules, story, token, withProfile, withProperty } from './explaining.js';
import { ExplainWorld } from './explain-world.js';
import { PluginsHere, plugin } from './plugins-here.js';

const apple = 'neostore.wallet.loyaltyCard.Apple';
const nobodyThere = () => {
  const world = new ExplainWorld();
  world.persons.length = 0;
  world.held = [];
  world.listed = [];
  return world;
};

describe('an operator may name somebody', () => {
  const world = new ExplainWorld();
  const ana = world.persons[0]!;

  it.each([
    ['by e-mail, however it is written', ' Ana@Mail.Example '],
    ['by phone, however it is written', '+33 6 12 34 56 78'],
    ['by pass id', 'pass-of-C-1'],
    ['by pass id, with spaces around it', '  pass-of-C-1\t'],
    ['by pass id, with marks around it that one cannot see', '\u200B\u202Apass-of-C-1\u202C\uFEFF'],
    ['by pass id, as key:value with spaces', ' pass: pass-of-C-1 '],
    ['by customer id', 'C-1'],
    ['by any identifier, as key:value', 'customerId:C-1'],
    ['by the id of their Klaviyo profile', 'K1'],
    ['by the id that drift reports name', ana.id],
    ['by the id of a delivery', world.deliveries.at(-1)!.id],
  ])('%s', async (_how, who) => {
    const { who: found, firstBroken, suspicions } = await world.explain(who);
    expect(found?.personId).toBe(ana.id);
    expect({ firstBroken, suspicions }).toEqual({ suspicions: [] });
  });

  it.each([
    ['a pass id that looks like a key and a value', 'a:b:c', { passes: { 'a:b:c': ana.passes['pass-of-C-1']! } }],
    ['a customer id that looks like a key and a value', 'shop:42', { identifiers: { customerId: [{ value: 'shop:42', at: start }] } }],
    ['a pass id that looks like an e-mail address', 'card@mail.example', { passes: { 'card@mail.example': ana.passes['pass-of-C-1']! } }],
    ['a customer id that looks like an e-mail address', 'ana@shop.example', { identifiers: { customerId: [{ value: 'ana@shop.example', at: start }] } }],
  ])('by %s', async (_what, who, own) => {
    const other = new ExplainWorld();
    Object.assign(other.persons[0]!, own);
    expect((await other.explain(who)).who?.personId).toBe(ana.id);
  });

  it('and an address is somebody\'s e-mail first, before it is somebody else\'s customer id', async () => {
    const other = new ExplainWorld();
    other.persons.unshift({ ...ana, id: 'ben', identity: {}, passes: {}, identifiers: { customerId: [{ value: 'ana@mail.example', at: start }] } });
    const { who, nearMisses } = await other.explain('ana@mail.example');
    expect(who?.personId).toBe(ana.id);
    expect(nearMisses).toEqual([{ personId: 'ben', by: 'customerId:ana@mail.example' }]);
  });

  it('and a number is tried as a phone and as an id', () => expect(askedName('+33612345678', someRules()).keys).toEqual(['phone:+33612345678', 'pass:+33612345678', 'klaviyoId:+33612345678', 'customerId:+33612345678']));
  it('and a tenant\'s own key of the external id is tried too', () => expect(askedName('S-1', someRules({ identity: { ...someRules().identity, externalId: ['shopifyId'] } })).keys).toContain('shopifyId:S-1'));
});

describe('somebody whom nobody knows', () => {
  it('is no explanation but an error', async () => {
    await expect(nobodyThere().explain('eva@mail.example')).rejects.toMatchObject({ code: 'PERSON_UNKNOWN', detail: 'Looked for here as email, pass, customerId; in Klaviyo as email; at The Wallet Crew as email, customerId.' });
    await expect(nobodyThere().explain('   ')).rejects.toMatchObject({ code: 'PERSON_UNKNOWN' });
    await expect(new ExplainWorld({ ...healthy(), rules: someRules({ tenant: 'other' }) }).explain('C-1')).rejects.toMatchObject({ code: 'TENANT_UNKNOWN' });
  });

  it('is told who may have been meant, without an address', async () => {
    const world = new ExplainWorld();
    world.held = [];
    world.listed = [];
    const error = await world.explain('ana+news@mail.example').catch((error: unknown) => error as ConnectorError);
    expect(error).toMatchObject({ code: 'PERSON_UNKNOWN', message: expect.stringContaining(`${world.persons[0]!.id} (email)`) });
    expect((error as ConnectorError).message).not.toContain('@');
  });

  it('but by The Wallet Crew is somebody whose webhooks never came', async () => {
    const world = nobodyThere();
    world.listed = healthy().passes as never;
    expect((await world.explain('ana@mail.example')).suspicions.map(({ name }) => name)).toEqual(['never-heard-of']);
  });

  it('by the id of a pass is told that The Wallet Crew finds no pass by its id, and what to ask by instead', async () => {
    const error = await nobodyThere().explain('Klnq7-pass').catch((error: unknown) => error as ConnectorError);
    expect((error as ConnectorError).detail).toMatch(/^Looked for here as pass, klaviyoId, customerId; in Klaviyo as klaviyoId; at The Wallet Crew as customerId\. The Wallet Crew finds passes by the identifiers on them, .* ask by an identifier on it, or let a reconciliation read all passes \(npm run reconcile -- --once --tenant acme\)\.$/);
  });

  describe('but by Klaviyo', () => {
    const stranger = (changed: Record<string, unknown> = {}) => {
      const world = nobodyThere();
      const [profile] = healthy().profiles as [SeenProfile];
      world.held = [{ ...profile, properties: { ...strangersProfile(someRules()).properties, ...changed } }];
      return world;
    };

    it('has never enrolled, and nothing is broken while the profile says so', async () => {
      const { firstBroken, suspicions, truth } = await stranger().explain('ana@mail.example');
      expect({ firstBroken, names: suspicions.map(({ name }) => name) }).toEqual({ names: ['only-in-klaviyo'] });
      expect(truth).toMatchObject({ passes: [], profile: { properties: { [apple]: 'NotInstalled' } } });
    });

    it('has a profile that says Installed, which a reconciliation puts right', async () => {
      const { firstBroken, differences } = await stranger({ [apple]: 'Installed' }).explain('K1');
      expect(firstBroken).toMatchObject({ name: 'status-differs', run: 'npm run reconcile -- --once --tenant acme' });
      expect(differences).toEqual([{ property: apple, should: 'NotInstalled', is: 'Installed' }]);
    });

    it('has a profile without any status, which segments pass over', async () => {
      const { firstBroken } = await stranger({ [apple]: undefined }).explain('K1');
      expect(firstBroken).toMatchObject({ name: 'status-absent', detail: `${apple} should be NotInstalled and is not there` });
    });

    it('is left alone where the tenant keeps only profiles of people it knows (everyProfile: false)', async () => {
      const world = stranger({ [apple]: 'Installed' });
      world.everyProfile = false;
      const { firstBroken, truth } = await world.explain('K1');
      expect({ firstBroken, truth }).toEqual({});
    });
  });

  it('but by Klaviyo under another identifier is found by that', async () => {
    const world = new ExplainWorld();
    const [profile] = world.held as SeenProfile[];
    world.held = [{ ...profile!, name: { klaviyoId: 'K9', email: 'ana.new@mail.example', phone: '+33612345678' } }];
    world.listed = [];
    const { firstBroken, nearMisses, who } = await world.explain('ana.new@mail.example');
    expect(who).toBeUndefined();
    expect(firstBroken).toMatchObject({ name: 'nobody-known', detail: expect.stringContaining('phone:+33612345678') });
    expect(nearMisses).toEqual([{ personId: world.persons[0]!.id, by: 'phone:+33612345678' }]);
  });

  it('but has a parked delivery is explained by it', async () => {
    const world = nobodyThere();
    world.parked = [delivered(aCustomer('C-7').enrolled({ email: 'eva@mail.example' }).events[0]!, [], { status: 'parked', code: 'PASS_KIND_UNKNOWN' })];
    expect((await world.explain('eva@mail.example')).firstBroken).toMatchObject({ name: 'delivery-parked', code: 'PASS_KIND_UNKNOWN' });
  });
});

describe('a webhook that is parked', () => {
  const parked = delivered(aCustomer('C-1').enrolled({ email: 'ana@mail.example' }).events[0]!, [], { status: 'parked', code: 'PASS_KIND_UNKNOWN' });
  const line = { id: parked.id, lane: 'decide', status: 'parked', since: new Date(parked.receivedAt).toISOString(), why: 'PASS_KIND_UNKNOWN' };

  it.each([['the person it names', 'ana@mail.example'], ['its own id', parked.id]])('is among what is pending, once, asked by %s', async (_what, who) => {
    const world = new ExplainWorld();
    world.parked = [parked];
    const { pending, firstBroken } = await world.explain(who);
    expect(pending).toEqual([line]);
    expect(firstBroken).toMatchObject({ name: 'delivery-parked', detail: expect.not.stringContaining('more') });
  });
});

describe('somebody who said yes and is not subscribed at Klaviyo', () => {
  it.each([
    ['should have been, where the list asks for no confirmation', 'single', 'subscription-not-held', 'broken'],
    ['has yet to confirm, where the list asks for that', 'double', 'waits-for-confirmation', 'meant'],
  ] as const)('%s', async (_what, optIn, name, weight) => {
    const world = new ExplainWorld(withProfile(healthy(), ({ consents }) => ({ consents: { ...consents, email: { says: 'never' } } })));
    world.optIns = { NEWS: optIn };
    expect((await world.explain('C-1')).suspicions).toMatchObject([{ name, weight, detail: expect.stringContaining('list NEWS') }]);
  });
});

describe('a card that was removed and put into the wallet again, of which we heard neither', () => {
  it('is found by its newer date, as a reconciliation finds it', async () => {
    const world = new ExplainWorld();
    world.listed = [{ id: 'pass-of-C-1', type: 'loyalty', identifiers: { customerId: 'C-1' }, installed: { Apple: start + day } }];
    const { firstBroken } = await world.explain('C-1');
    expect(firstBroken).toMatchObject({ name: 'wallet-crew-disagrees', detail: expect.stringMatching(/^pass pass-of-C-1 in Apple: installed there since 2026-01-06T09:00:00.000Z, Installed here since 2026-01-05T09:03:00.000Z;/) });
  });
});

describe('an explanation', () => {
  it('puts what should be and what Klaviyo says side by side', async () => {
    const world = new ExplainWorld(withProperty(healthy(), 'neostore.wallet.loyaltyCard.Apple', 'NotInstalled'));
    const { differences, truth, klaviyo } = await world.explain('C-1');
    expect(differences).toEqual([{ property: 'neostore.wallet.loyaltyCard.Apple', should: 'Installed', is: 'NotInstalled' }]);
    expect(truth!.status).toEqual({ loyaltyCard: { Apple: { status: 'Installed', since: new Date(story().at(-1)!.at).toISOString() }, Google: { status: 'NotInstalled' } } });
    expect(klaviyo).toMatchObject({ asked: true, profiles: [{ klaviyoId: 'K1', own: true, token: { there: true, newest: true }, consents: { email: { says: 'subscribed' } } }] });
  });

  it('holds the events with their answers, and what is asked of lists', async () => {
    const { events, consent, pending } = await new ExplainWorld().explain('C-1');
    expect(events.map(({ name }) => name)).toEqual(['pass-installed', 'pass-created', 'registered']);
    expect(events[0]!.commands).toContainEqual(expect.objectContaining({ lane: 'track', what: 'Wallet Pass Installed', status: 'accepted', ledger: [{ at: new Date(start + hour).toISOString(), outcome: 'accepted' }] }));
    expect(consent).toMatchObject([{ field: 'consents_email', choice: { given: true }, asked: [{ list: 'NEWS', what: 'subscribe' }], klaviyo: { says: 'subscribed' } }, { field: 'consents_sms' }]);
    expect(pending).toEqual([]);
  });

  it('never holds a token, sealed or open, not even where a link carries it', async () => {
    const rule = someRules({ links: { ...links, asProperties: true } });
    const evidence = withProperty(healthy({}, story(), rule), 'neostore.link.pass', `https://passes.example/pass?neo.authToken=${token}`);
    const world = new ExplainWorld(evidence);
    world.deliveries = world.deliveries.map((delivery) => ({ ...delivery, event: { ...delivery.event, found: { passes: [], token: { sealed: 'sealed:abc', at: start } } } as never, commands: delivery.commands.map((record) => ({ ...record, command: { ...record.command, token: 'sealed:abc' } as never })) }));
    const text = JSON.stringify(await world.explain('C-1'));
    expect(text).not.toContain(token);
    expect(text).not.toContain('sealed:');
  });

  it('says what it can while a vendor cannot be asked', async () => {
    const world = new ExplainWorld();
    world.held = new ConnectorError('KLAVIYO_KEY_REFUSED');
    world.listed = { waitMs: 1_000 };
    const { klaviyo, walletCrew, firstBroken, truth } = await world.explain('C-1');
    expect({ klaviyo, walletCrew }).toMatchObject({ klaviyo: { asked: false, code: 'KLAVIYO_KEY_REFUSED' }, walletCrew: { asked: false } });
    expect(firstBroken).toMatchObject({ name: 'klaviyo-not-asked', code: 'KLAVIYO_KEY_REFUSED' });
    expect(truth!.status['loyaltyCard']!.Apple.status).toBe('Installed');
  });

  it('asks Klaviyo also by the e-mail somebody had before', async () => {
    const moved = [...story(), ...aCustomer('C-1', start + hour).updated({ email: 'ana.new@mail.example' }).events];
    const world = new ExplainWorld(healthy({}, moved));
    await world.explain('C-1');
    expect(world.asked).toEqual(expect.arrayContaining([expect.stringContaining('ana.new@mail.example'), '{"email":"ana@mail.example"}']));
  });

  it('names others who share the phone', async () => {
    const world = new ExplainWorld();
    world.persons.push({ ...world.persons[0]!, id: 'ben', identifiers: { email: [{ value: 'ben@mail.example', at: start }], phone: [{ value: '+33612345678', at: start }] }, passes: {}, identity: {} });
    expect((await world.explain('+33612345678')).nearMisses).toEqual([{ personId: 'ben', by: 'phone:+33612345678' }]);
  });

  it('says which plugin changed what of the profile, and compares with that', async () => {
    const world = new ExplainWorld();
    world.plugins = new PluginsHere([plugin('tiers', { mapProfile: ({ profile }) => ({ ...profile, properties: { ...profile.properties, tier: 'gold' } }) })]).host();
    const { truth, differences, suspicions } = await world.explain('C-1');
    expect(truth!.plugins).toEqual([{ by: 'plugin tiers', says: 'mapProfile: property tier.' }]);
    expect(differences).toEqual([{ property: 'tier', should: 'gold' }]);
    expect(suspicions.map(({ name }) => name)).toEqual(['plugin-changed-since']);
  });

  it('of a delivery keeps that delivery among the events, however old it is', async () => {
    const world = new ExplainWorld();
    const old = delivered(aCustomer('C-1').enrolled({ email: 'ana@mail.example' }).events[0]!);
    const { deliveries } = world;
    world.deliveries = [...Array.from({ length: 20 }, () => deliveries[0]!), old];
    expect((await world.explain(old.id)).events.map(({ deliveryId }) => deliveryId)).toContain(old.id);
  });
});
