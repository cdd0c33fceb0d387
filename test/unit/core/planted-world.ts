import type { DriftKind, Run } from '#core';
import { aCustomer, event, hour } from '../../support/stories.js';
import { tenant, World } from './reconcile-world.js';

export const apple = 'neostore.wallet.loyaltyCard.Apple';
export const google = 'neostore.wallet.loyaltyCard.Google';
export const tokenName = 'neostore.authenticationToken';
export const emailOf = (n: number) => `person-${n}@mail.example`;
const passOf = (n: number) => `pass-of-C-${n}`;

/** Customers whose passes are in Apple Wallet; both sides agree about each of them. */
export async function agreeing(people = 16): Promise<World> {
  const world = new World();
  for (let n = 0; n < people; n++) {
    const at = world.clock.now();
    world.tokens.set(`C-${n}`, `token-of-${n}`);
    world.passes.put({ id: passOf(n), identifiers: { customerId: `C-${n}` }, createdAt: at, changedAt: at, installed: { Apple: at } });
    // Of one customer Klaviyo takes an event and shows it never.
    if (n === 11) world.drops.add('Wallet Pass Created');
    await world.tell(aCustomer(`C-${n}`).enrolled({ at, email: emailOf(n), ...(n === 9 ? { consents: { consents_email: true } } : {}) }).passCreated({ at }).installed('apple', { at }).events);
    world.drops.clear();
    if (n === 9) profile(world, n).consents.email = { says: 'subscribed' };
    world.clock.at += hour;
  }
  return world;
}

export function profile(world: World, n: number) {
  return [...world.profiles.held.values()].find(({ name }) => name.email === emailOf(n))!;
}

/** One difference of every kind, on either side. */
export async function planted(): Promise<World> {
  const world = await agreeing();
  const at = world.clock.now();
  const change = (n: number, installed: object) => world.passes.put({ ...world.passes.held.get(passOf(n))!, installed });
  await world.tell([event('customer-updated', { at, identifiers: { customerId: 'C-10', email: 'moved@mail.example' } })]);
  change(0, { ...world.passes.held.get(passOf(0))!.installed, Google: at });
  change(1, {});
  world.passes.delete(passOf(2));
  world.passes.put({ id: 'pass-of-newcomer', identifiers: { customerId: 'C-99', email: emailOf(99) }, createdAt: at, changedAt: at, installed: { Apple: at, Google: at } });
  world.tokens.set('C-99', 'token-of-99');
  // Klaviyo knows this newcomer already.
  world.passes.put({ id: 'pass-of-98', identifiers: { customerId: 'C-98', email: emailOf(98) }, createdAt: at, changedAt: at });
  world.tokens.set('C-98', 'token-of-98');
  world.profiles.put({ name: { klaviyoId: 'profile-98', email: emailOf(98) }, createdAt: at });
  profile(world, 3).properties[apple] = 'NotInstalled';
  delete profile(world, 4).properties[google];
  world.profiles.delete(profile(world, 5).name.klaviyoId);
  delete profile(world, 6).properties[tokenName];
  profile(world, 7).properties[tokenName] = 'an-old-token';
  profile(world, 8).optOuts.push(event('opted-out', { at, channel: 'email', profile: { klaviyoId: profile(world, 8).name.klaviyoId, email: emailOf(8) } }));
  profile(world, 9).consents.email = { says: 'never' };
  profile(world, 12).properties['neostore.wallet.installedCount'] = 9;
  world.profiles.put({ name: { klaviyoId: 'profile-stranger', email: 'stranger@mail.example' }, createdAt: at });
  world.clock.at += 12 * hour;
  return world;
}

export const plantedKinds: Partial<Record<DriftKind, number>> = {
  'registration-unheard': 2, 'install-unheard': 3, 'uninstall-unheard': 1, 'pass-gone': 1, 'profile-missing': 1, 'default-missing': 2, 'status-wrong': 1, 'detail-wrong': 1,
  'event-not-seen': 1, 'token-missing': 1, 'token-stale': 1, 'opt-out-unheard': 1, 'consent-differs': 1, 'profile-duplicated': 1,
};
/** For people to decide. */
export const reported: Partial<Record<DriftKind, number>> = { 'consent-differs': 1, 'profile-duplicated': 1 };

export function foundIn({ report }: Run): Partial<Record<DriftKind, number>> {
  return Object.fromEntries(report!.drift.flatMap(({ kind, found }) => (found > 0 ? [[kind, found]] : [])));
}

export function leftIn({ report }: Run): Partial<Record<DriftKind, number>> {
  return Object.fromEntries(report!.drift.flatMap(({ kind, left }) => (left > 0 ? [[kind, left]] : [])));
}

export const persons = (world: World) => world.records.persons(tenant);

/** What Klaviyo holds and what we know: a look at them must not change them. That an event shows in Klaviyo is no change. */
export async function contents(world: World): Promise<unknown> {
  const asked = world.records.deliveries.map(({ record }) => record.commands.map(({ command, ledger }) => ({ command, ledger })));
  return structuredClone([[...world.profiles.held.values()], persons(world), asked]);
}
