import type { LookUp } from '../command.js';
import type { AskedName } from '../explanation/asked-name.js';
import { isAsked, type NotAsked, type SeenProfile } from '../explanation/evidence.js';
import { identifierKeys, lookupKeys } from '../person/identity.js';
import { lookUpBy } from '../person/look-up.js';
import type { Person } from '../person/person.js';
import { PersonIndex } from '../person/person-index.js';
import { question, type PluginHost } from '../plugin/host.js';
import { whoIs } from '../plugin/person-view.js';
import type { ListedPass } from '../ports/passes.js';
import type { Records } from '../ports/records.js';
import type { DeliveryRecord } from '../ports/store.js';
import { keysOfPasses, ownersOf } from '../reconciliation/compare-passes.js';
import { keysOfProfiles, personOf } from '../reconciliation/compare-profiles.js';
import type { Rules } from '../rules.js';
import { bareEvent, type WalletEvent } from '../wallet/event.js';
import type { WhatVendorsHold } from './what-vendors-hold.js';

export const nothingToAskBy: NotAsked = { words: 'There is no identifier to ask by.' };

/** Who is meant by a name, and how that was found. */
export interface Meant {
  person: Person | undefined;
  /** Others who could be meant too. */
  others: Person[];
  /** By what the name could be known to us, and to The Wallet Crew. */
  keys: string[];
  by: LookUp['by'];
  /** What was asked of the vendors to find out. */
  seen: SeenProfile[] | NotAsked;
  listed: ListedPass[] | NotAsked;
}

/** Finds whom a name means: of those we know, by what Klaviyo holds under it, or by what The Wallet Crew does. */
export class FindPerson {
  constructor(
    private readonly records: Records,
    private readonly plugins: PluginHost,
  ) {}

  async find(asked: AskedName, delivery: DeliveryRecord | undefined, vendors: WhatVendorsHold, rules: Rules): Promise<Meant> {
    const named = await this.persons(asked, delivery, rules);
    // Klaviyo may have somebody under this name whom we know by another name that its profile has.
    const seen = named.length > 0 ? [] : await vendors.held([asked.profile]);
    const byProfile = named.length > 0 ? named : await this.personsOf(seen, rules);
    const by = delivery ? identifiersOf(delivery) : identifiersAt(asked, seen, rules);
    const listed = byProfile.length > 0 ? [] : by.length === 0 && delivery ? nothingToAskBy : await vendors.passesOf(by);
    // And The Wallet Crew may have a pass under it that we know under another. A profile of nobody we know is explained as such.
    const isUnheld = !delivery && isAsked(seen) && seen.length === 0;
    const [person, ...others] = byProfile.length > 0 || !isUnheld ? byProfile : await this.ownersOf(listed, rules);
    const keys = [...(delivery ? keysOfDelivery(delivery, rules) : asked.keys), ...(isAsked(seen) ? keysOfProfiles(seen, rules) : [])];
    return { person, others, keys, by, seen, listed };
  }

  /** Whom the name means; the first is the one. Several own it where families share a phone. */
  private async persons(asked: AskedName, delivery: DeliveryRecord | undefined, rules: Rules): Promise<Person[]> {
    const { records } = this;
    const { tenant } = rules;
    if (delivery) return records.personsBy(tenant, await this.matchedKeys(delivery, rules));
    const byName = inOrderOf(asked.keys, await records.personsBy(tenant, asked.keys));
    const byId = asked.personId === undefined ? undefined : await records.person(tenant, asked.personId);
    return byId ? [byId, ...byName] : byName;
  }

  /** As deciding did, plugins included. */
  private async matchedKeys(delivery: DeliveryRecord, rules: Rules): Promise<string[]> {
    const keys = keysOfDelivery(delivery, rules);
    const { event } = delivery;
    if (event.kind === 'flow-action' || !this.plugins.has(rules.tenant, 'matchPerson')) return keys;
    const asked = question<'matchPerson'>(whoIs({ id: delivery.id, metadata: event.metadata }), { event, identifiers: event.identifiers });
    await this.plugins.ask(rules.tenant, 'matchPerson', [asked]);
    return [...keys, ...Object.entries(asked.output ?? {}).map(([key, value]) => `${key}:${value}`)];
  }

  /** Whose these profiles are, by the rule of a reconciliation. */
  private async personsOf(profiles: SeenProfile[] | NotAsked, rules: Rules): Promise<Person[]> {
    if (!isAsked(profiles) || profiles.length === 0) return [];
    const known = new PersonIndex(await this.records.personsBy(rules.tenant, keysOfProfiles(profiles, rules)));
    return [...new Set(profiles.flatMap((profile) => personOf(profile, known, rules) ?? []))];
  }

  /** Whose these passes are, by the rule of a reconciliation. */
  private async ownersOf(passes: ListedPass[] | NotAsked, rules: Rules): Promise<Person[]> {
    if (!isAsked(passes) || passes.length === 0) return [];
    const known = new PersonIndex(await this.records.personsBy(rules.tenant, keysOfPasses(passes, rules)));
    return [...new Set(passes.flatMap((pass) => ownersOf(pass, known, rules)))];
  }
}

/** By what The Wallet Crew may know somebody whom we do not: the name itself, and those that Klaviyo's profile has. Families share phones, so an e-mail counts more. */
function identifiersAt({ by }: AskedName, seen: SeenProfile[] | NotAsked, rules: Rules): LookUp['by'] {
  const names = isAsked(seen) ? seen.map(({ name: { phone, ...name } }) => (name.email === undefined && phone !== undefined ? { ...name, phone } : name)) : [];
  const all = [...by, ...names.flatMap((name) => lookUpBy([], name, rules))];
  return [...new Map(all.map((one) => [`${one.key}:${one.value}`, one])).values()];
}

/** Whoever is known by the first of the keys comes first. */
function inOrderOf(keys: readonly string[], persons: readonly Person[]): Person[] {
  const place = (person: Person) => Math.min(...identifierKeys(person).map((key) => keys.indexOf(key)).filter((at) => at >= 0));
  return persons.toSorted((a, b) => place(a) - place(b));
}

export function identifiersOf({ event }: DeliveryRecord): LookUp['by'] {
  return event.kind === 'flow-action' ? [] : Object.entries(event.identifiers).map(([key, value]) => ({ key, value }));
}

export function keysOfDelivery({ event }: DeliveryRecord, rules: Rules): string[] {
  const { command } = event.kind === 'flow-action' ? event : {};
  const read = event.kind !== 'flow-action' ? event : asEvent(event.name, event.at, command?.do === 'look-up' ? { profile: command.profile } : { identifiers: command?.identifiers ?? {} });
  return lookupKeys(read, rules);
}

/** Nothing but whom a flow named. */
const asEvent = (name: string, at: number, who: Pick<Partial<WalletEvent>, 'profile' | 'identifiers'>): WalletEvent => bareEvent({ kind: 'looked-up', name, at, ...who });
