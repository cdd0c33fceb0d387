import type { Person } from '#core';
import { aCustomer, event, hour } from '../../support/stories.js';
import { brokenIn, explainer } from './explainer.js';
import { agreeing, emailOf, foundIn, leftIn, persons, profile } from './planted-world.js';
import { dry, everything, tenant, World } from './reconcile-world.js';

/** What a run finds after a night, and what explaining says of somebody. */
async function bothSay(world: World, who: string) {
  world.clock.at += 12 * hour;
  const found = foundIn((await world.process().run(tenant, dry)).run);
  const answer = await explainer(world).run(tenant, who);
  const meant = answer.suspicions.flatMap(({ name, weight }) => (weight === 'meant' ? [name] : []));
  return { found, broken: brokenIn(answer), meant, suspicions: answer.suspicions };
}

describe('somebody who opted out at Klaviyo, which a run took over', () => {
  const who = emailOf(9);
  const optedOut = async () => {
    const world = await agreeing(10);
    const held = profile(world, 9);
    held.optOuts.push(event('opted-out', { at: world.clock.now(), channel: 'email', profile: { klaviyoId: held.name.klaviyoId, email: who } }));
    held.consents.email = { says: 'unsubscribed', at: world.clock.now() };
    world.clock.at += 12 * hour;
    expect(foundIn((await world.process().run(tenant, everything)).run)).toEqual({ 'opt-out-unheard': 1 });
    world.clock.at += hour;
    return { world, held };
  };
  const saidNoAndYes = async () => {
    const { world, held } = await optedOut();
    await world.tell(aCustomer('C-9', world.clock.now()).answered({ consents_email: false }).answered({ consents_email: true }).events);
    expect(world.records.deliveries.at(-1)!.record.commands).toContainEqual(expect.objectContaining({ lane: 'subscribe', status: 'accepted' }));
    world.clock.at += hour;
    return { world, held };
  };

  it('and then said no and yes in the form is subscribed by us, and nothing differs', async () => {
    const { world, held } = await saidNoAndYes();
    held.optOuts = [];
    held.consents.email = { says: 'subscribed', at: world.clock.now() };
    expect(await bothSay(world, who)).toMatchObject({ found: {}, broken: [] });
  });

  it('and then said no and yes in the form differs where Klaviyo does not subscribe them', async () => {
    const { world } = await saidNoAndYes();
    expect(await bothSay(world, who)).toMatchObject({ found: { 'consent-differs': 1 }, broken: ['still-unsubscribed'] });
  });

  it('and then said no and yes in the form has yet to confirm where the list asks for it', async () => {
    const { world } = await saidNoAndYes();
    world.optIn = 'double';
    expect(await bothSay(world, who)).toMatchObject({ found: { 'consent-unconfirmed': 1 }, broken: [], meant: expect.arrayContaining(['waits-for-confirmation']) });
  });

  it('and whom Klaviyo subscribed again, of which neither it nor a form told us, is left to people', async () => {
    const { world, held } = await optedOut();
    held.optOuts = [];
    held.consents.email = { says: 'subscribed', at: world.clock.now() };
    expect(await bothSay(world, who)).toMatchObject({ found: { 'consent-differs': 1 }, broken: ['subscribed-after-opt-out'] });
  });
});

describe('somebody who said no in the form and has subscribed elsewhere before', () => {
  it.each([['who had never said yes in the form', 3], ['whom we had subscribed before', 9]])('is as they are meant to be: %s', async (_title, n) => {
    const world = await agreeing(10);
    profile(world, n).consents.email = { says: 'subscribed', at: world.clock.now() - hour };
    await world.tell(aCustomer(`C-${n}`, world.clock.now()).answered({ consents_email: false }).events);
    expect(await bothSay(world, emailOf(n))).toMatchObject({ found: {}, broken: [], meant: expect.arrayContaining(['still-subscribed']) });
  });
});

describe('somebody who said yes to e-mail and gave no address', () => {
  const phone = '+33612345678';
  const nameless = async () => {
    const world = new World();
    world.tokens.set('C-1', 'token-of-1');
    await world.tell(aCustomer('C-1', world.clock.now()).enrolled({ phone, consents: { consents_email: true } }).events);
    return { world, held: [...world.profiles.held.values()][0]! };
  };

  it('is told of, and nothing is broken', async () => {
    const { world } = await nameless();
    expect(await bothSay(world, phone)).toMatchObject({ found: {}, broken: [], meant: expect.arrayContaining(['consent-without-address']) });
  });

  it('is left to people where Klaviyo has an address of theirs, and subscribed once a flow syncs the profile by it', async () => {
    const { world, held } = await nameless();
    held.name.email = 'ana@mail.example';
    expect(await bothSay(world, phone)).toMatchObject({ found: { 'consent-differs': 1 }, broken: ['address-only-in-klaviyo'] });
    await world.tell([event('looked-up', { at: world.clock.now(), profile: { email: 'ana@mail.example', phone }, found: { passes: [] } })]);
    expect(world.records.deliveries.at(-1)!.record.commands.map(({ lane }) => lane)).toContain('subscribe');
    held.consents.email = { says: 'subscribed', at: world.clock.now() };
    expect(await bothSay(world, phone)).toMatchObject({ found: {}, broken: [] });
  });
});

describe('a phone that Klaviyo gave to another profile', () => {
  const phone = '+33612345678';
  /** Ana's phone stands on another profile. */
  const withheld = async (world: World, klaviyoId: string) => {
    const ana = persons(world).find(({ identity }) => identity.email === emailOf(1)) as Person;
    world.records.happened(tenant, { event: event('looked-up'), persons: [{ ...ana, identity: { ...ana.identity, withheld: ['phone'] } }] });
    world.profiles.held.get(klaviyoId)!.name.phone = phone;
  };
  const household = async () => {
    const world = new World();
    for (const n of [1, 2]) {
      const at = world.clock.now();
      world.tokens.set(`C-${n}`, `token-of-${n}`);
      world.passes.put({ id: `pass-of-C-${n}`, identifiers: { customerId: `C-${n}` }, createdAt: at, changedAt: at, installed: { Apple: at } });
      await world.tell(aCustomer(`C-${n}`).enrolled({ at, email: emailOf(n), phone }).passCreated({ at }).installed('apple', { at }).events);
    }
    return world;
  };

  it('of another of the household is no fault, and nobody is told to merge the two', async () => {
    const world = await household();
    await withheld(world, profile(world, 2).name.klaviyoId);
    const { found, broken, suspicions } = await bothSay(world, emailOf(1));
    expect({ found, broken }).toEqual({ found: {}, broken: [] });
    expect(suspicions).toContainEqual(expect.objectContaining({ name: 'identifier-of-another', weight: 'meant' }));
    expect(suspicions.map(({ fix }) => fix).join(' ')).not.toMatch(/merge/i);
  });

  it('of somebody we do not know is no fault, and may be the same person', async () => {
    const world = await household();
    world.strangers = false;
    world.profiles.put({ name: { klaviyoId: 'K-stranger', email: 'stranger@mail.example' } });
    await withheld(world, 'K-stranger');
    const { found, broken, suspicions } = await bothSay(world, emailOf(1));
    expect({ found, broken }).toEqual({ found: {}, broken: [] });
    expect(suspicions).toContainEqual(expect.objectContaining({ name: 'identifier-withheld', weight: 'meant', fix: expect.stringContaining('if they are one person') }));
  });
});

describe('an event that Klaviyo accepted and dropped twice', () => {
  it('is said to have been sent in vain, and nobody promises to send it a third time', async () => {
    const world = await agreeing(12);
    const who = emailOf(11);
    expect(await bothSay(world, who)).toMatchObject({ found: { 'event-not-seen': 1 }, broken: ['event-not-seen'] });
    await world.process().run(tenant, everything);
    // Klaviyo takes it again, and shows it no more than before.
    world.records.answer(tenant, 'track', 'accepted');
    world.clock.at += 12 * hour;
    expect(leftIn((await world.process().run(tenant, everything)).run)).toEqual({ 'event-not-seen': 1 });
    const { found, broken, suspicions } = await bothSay(world, who);
    expect({ found, broken }).toEqual({ found: {}, broken: ['event-dropped-twice'] });
    expect(suspicions).toContainEqual(expect.objectContaining({ name: 'event-dropped-twice', detail: expect.stringMatching(/^Wallet Pass Created of 2026/) as unknown, fix: expect.stringMatching(/^Nothing sends it a third time/) as unknown }));
    expect(suspicions.find(({ name }) => name === 'event-dropped-twice')).not.toHaveProperty('run');
  });
});
