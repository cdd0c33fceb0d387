import type { PropertyValue, UpsertProfile } from '../command.js';
import type { Person } from '../person/person.js';
import type { Rules } from '../rules.js';
import { wallets } from '../wallet/event.js';
import { linksOf, tokenProperty } from '../wallet/pass-link.js';
import { inWallet, type InWallet, type WalletStatus } from '../wallet/pass.js';

/** The documented root of every property; the names are flat keys that contain dots. */
const root = 'neostore';

/** Here the names of the profile properties are made. */
export const propertyNames = {
  authenticationToken: tokenProperty,
  wallet: (kind: string, wallet: string) => `${root}.wallet.${kind}.${wallet}`,
  anyOfKind: (kind: string) => `${root}.wallet.${kind}.Any`,
  any: `${root}.wallet.Any`,
  installedCount: `${root}.wallet.installedCount`,
  firstInstalledAt: `${root}.wallet.firstInstalledAt`,
  lastChangedAt: `${root}.wallet.lastChangedAt`,
  lastChange: `${root}.wallet.lastChange`,
  registeredAt: `${root}.registeredAt`,
};

/**
 * The profile of a person. Every wallet of every kind of the tenant is named, whatever the person has: Klaviyo leaves
 * profiles whose property is not set out of its conditions, so a segment "not installed" needs the explicit word.
 */
export function profileOf(person: Person, rules: Rules): UpsertProfile {
  const properties: Record<string, PropertyValue> = {};
  const passes = Object.values(person.passes);
  const kinds = Object.keys(rules.passKinds);
  for (const kind of kinds) {
    const ofKind = passes.filter((pass) => pass.kind === kind);
    const statuses = wallets.map((wallet) => rollUp(ofKind.map((pass) => inWallet(pass, wallet)?.status)));
    wallets.forEach((wallet, i) => (properties[propertyNames.wallet(kind, wallet)] = statuses[i]!));
    properties[propertyNames.anyOfKind(kind)] = rollUp(statuses);
  }
  const views = passes.flatMap((pass) => wallets.flatMap((wallet) => inWallet(pass, wallet) ?? []));
  properties[propertyNames.any] = rollUp(views.map((view) => view.status));
  properties[propertyNames.installedCount] = views.filter((view) => view.status === 'Installed').length;

  const firsts = views.flatMap((view) => view.firstInstalledAt ?? []);
  if (firsts.length) properties[propertyNames.firstInstalledAt] = iso(Math.min(...firsts));
  const last = views.reduce<InWallet | undefined>((best, view) => (later(best, view) ? view : best), undefined);
  if (last) {
    properties[propertyNames.lastChangedAt] = iso(last.at);
    properties[propertyNames.lastChange] = last.status;
  }
  if (person.registeredAt !== undefined) properties[propertyNames.registeredAt] = iso(person.registeredAt);

  const attributes: UpsertProfile['attributes'] = {};
  for (const name of ['firstName', 'lastName', 'locale'] as const) {
    const said = person.attributes[name];
    if (said) attributes[name] = said.value;
  }
  const { links } = rules;
  if (links?.tokenOn !== 'profile' || !person.token) return { do: 'upsert-profile', attributes, properties };
  const addresses = linksOf(links);
  return { do: 'upsert-profile', attributes, properties, token: person.token.sealed, ...(addresses ? { links: addresses } : {}) };
}

/** Installed anywhere is installed; otherwise removed anywhere is removed; otherwise never installed. */
function rollUp(statuses: readonly (WalletStatus | undefined)[]): WalletStatus {
  return statuses.includes('Installed') ? 'Installed' : statuses.includes('Uninstalled') ? 'Uninstalled' : 'NotInstalled';
}

function later(best: InWallet | undefined, view: InWallet): boolean {
  return !best || view.at > best.at || (view.at === best.at && view.status === 'Uninstalled');
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}
