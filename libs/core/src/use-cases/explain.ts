import type { LookUp, ProfileName, Track } from '../command.js';
import { ConnectorError } from '../errors.js';
import { askedName, lookedFor, type AskedName } from '../explanation/asked-name.js';
import { consentsOf } from '../explanation/consent-evidence.js';
import { unshownEvents } from '../explanation/event-evidence.js';
import { isAsked, unheardPasses, type Evidence, type NearMiss, type NotAsked, type SeenProfile } from '../explanation/evidence.js';
import type { Explanation } from '../explanation/explanation.js';
import { explanationOf } from '../explanation/explanation-of.js';
import { profileOf } from '../marketing/profile.js';
import { identifierKeys, lookupKeys, profileName } from '../person/identity.js';
import { listsOf } from '../person/list-routing.js';
import { lookUpBy } from '../person/look-up.js';
import type { Person } from '../person/person.js';
import { PersonIndex } from '../person/person-index.js';
import { question, type PluginHost } from '../plugin/host.js';
import { personView, whoIs } from '../plugin/person-view.js';
import type { ListedPass, Passes } from '../ports/passes.js';
import type { HeldEvent, NotNow, Profiles } from '../ports/profiles.js';
import type { Records } from '../ports/records.js';
import { isUnanswered, type MarketingSetup } from '../ports/setup.js';
import type { DeliveryRecord, Store } from '../ports/store.js';
import type { Clock, Vault } from '../ports/system.js';
import { keysOfPasses, ownersOf } from '../reconciliation/compare-passes.js';
import { keysOfProfiles, personOf } from '../reconciliation/compare-profiles.js';
import { isHeld, shapedProfilesOf, strangersProfile } from '../reconciliation/expected-profile.js';
import type { Rules } from '../rules.js';
import { bareEvent, type WalletEvent } from '../wallet/event.js';
import type { ReconcileRules } from './reconcile.js';

/** So many of the newest deliveries about somebody are looked through. */
const mostDeliveries = 100;
/** Of so many events that are older than those their profile shows Klaviyo is asked whether it has them, a call each. */
const mostOlderEvents = 20;
/** So many of the newest parked deliveries are looked through for somebody. */
const mostParked = 50;
/** Of somebody whose names changed, the newest of the former ones are asked for too, two calls each. */
const mostFormerNames = 10;

const nothingToAskBy: NotAsked = { words: 'There is no identifier to ask by.' };

export interface ExplainPorts {
  store: Pick<Store, 'delivery' | 'parked' | 'backlog'>;
  records: Records;
  passes: Passes;
  profiles: Profiles;
  lists: Pick<MarketingSetup, 'lists'>;
  plugins: PluginHost;
  vaultOf: (tenant: string) => Vault;
  rulesOf: (tenant: string) => Rules | undefined;
  reconcileRulesOf: (tenant: string) => Pick<ReconcileRules, 'strangers'>;
  clock: Clock;
}

/** Why somebody is (not) in a segment: gathers what each side holds, and changes nothing anywhere. */
export class Explain {
  constructor(private readonly ports: ExplainPorts) {}

  /** `who`: e-mail, phone in any form, id of a delivery, pass, person or Klaviyo profile, customer id, or `key:value`. */
  async run(tenant: string, who: string): Promise<Explanation> {
    const rules = this.ports.rulesOf(tenant);
    if (!rules) throw new ConnectorError('TENANT_UNKNOWN');
    const asked = askedName(who, rules);
    if (asked.text === '') throw new ConnectorError('PERSON_UNKNOWN', 'Nobody was named.');
    const evidence = await this.gather(asked, rules);
    const { person, delivery, parked, profiles, passes } = evidence;
    const nobodyThere = (held: unknown[] | NotAsked) => isAsked(held) && held.length === 0;
    if (!person && !delivery && parked.length === 0 && nobodyThere(profiles) && nobodyThere(passes)) throw new ConnectorError('PERSON_UNKNOWN', `${lookedFor(asked, rules)}${nearWords(evidence.nearMisses)}`);
    return explanationOf(evidence);
  }

  private async gather(asked: AskedName, rules: Rules): Promise<Evidence> {
    const { store, records, clock } = this.ports;
    const { tenant } = rules;
    const delivery = asked.deliveryId === undefined ? undefined : await store.delivery(tenant, asked.deliveryId);
    const named = await this.persons(asked, delivery, rules);
    // Klaviyo may have somebody under this name whom we know by another name that its profile has.
    const seen = named.length > 0 ? [] : await this.held([asked.profile], tenant);
    const seenKeys = isAsked(seen) ? keysOfProfiles(seen, rules) : [];
    const byProfile = named.length > 0 ? named : await this.personsOf(seen, rules);
    const theirs = delivery ? identifiersOf(delivery) : identifiersAt(asked, seen, rules);
    const listedSo = byProfile.length > 0 ? [] : theirs.length === 0 && delivery ? nothingToAskBy : await this.passesOf(theirs, tenant);
    // And The Wallet Crew may have a pass under it that we know under another. A profile of nobody we know is explained as such.
    const isUnheld = !delivery && isAsked(seen) && seen.length === 0;
    const [person, ...others] = byProfile.length > 0 || !isUnheld ? byProfile : await this.ownersOf(listedSo, rules);
    const askedKeys = [...(delivery ? keysOfDelivery(delivery, rules) : asked.keys), ...seenKeys];
    const by = person ? lookUpBy([person], {}, rules) : theirs;
    const [deliveries, parked, profiles, listed, lastWebhookAt, undecided, shaped] = await Promise.all([
      person ? records.deliveriesOf(tenant, person.id, mostDeliveries) : [],
      this.parkedAbout(person ? identifierKeys(person) : askedKeys, rules),
      person ? this.held(namesOf(person, rules), tenant, seen) : seen,
      !person ? listedSo : by.length === 0 ? nothingToAskBy : this.passesOf(by, tenant, listedSo),
      records.lastWebhook(tenant),
      store.backlog(),
      person && this.shape(person, rules),
    ]);
    const passes = person ? await this.withUnfound(listed, person, by, deliveries, tenant) : listed;
    const found = [...(isAsked(profiles) ? keysOfProfiles(profiles, rules) : []), ...(isAsked(passes) ? keysOfPasses(passes, rules) : []), ...(person ? [] : asked.nearKeys)];
    const known = await records.personsBy(tenant, found);
    const nearMisses = person ? others.map((other) => nearMiss(other, [...asked.keys, ...seenKeys, ...(isAsked(listedSo) ? keysOfPasses(listedSo, rules) : [])])) : known.map((other) => nearMiss(other, found));
    const token = person?.token && this.ports.vaultOf(tenant).open(person.token.sealed);
    const evidence: Evidence = {
      rules, now: clock.now(), text: asked.text, nearMisses, known, parked, profiles, passes, undecided,
      pluginNotes: [], routes: [], optIns: {}, missingEvents: [], ...shaped,
      deliveries: delivery && !deliveries.some(({ id }) => id === delivery.id) ? [delivery, ...deliveries] : deliveries,
      ...(delivery ? { delivery } : {}), ...(person ? { person } : {}), ...(token === undefined ? {} : { token }), ...(lastWebhookAt === undefined ? {} : { lastWebhookAt }),
    };
    const [optIns, missingEvents] = await Promise.all([this.optIns(evidence), this.missingEvents(evidence)]);
    return { ...evidence, ...this.strangersOwn(evidence), optIns, missingEvents };
  }

  /** Whom the name means; the first is the one. Several own it where families share a phone. */
  private async persons(asked: AskedName, delivery: DeliveryRecord | undefined, rules: Rules): Promise<Person[]> {
    const { records } = this.ports;
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
    if (event.kind === 'flow-action' || !this.ports.plugins.has(rules.tenant, 'matchPerson')) return keys;
    const asked = question<'matchPerson'>(whoIs({ id: delivery.id, metadata: event.metadata }), { event, identifiers: event.identifiers });
    await this.ports.plugins.ask(rules.tenant, 'matchPerson', [asked]);
    return [...keys, ...Object.entries(asked.output ?? {}).map(([key, value]) => `${key}:${value}`)];
  }

  /** Deliveries that were never decided, so that nobody knows whom they are about but their own words. */
  private async parkedAbout(keys: readonly string[], rules: Rules): Promise<DeliveryRecord[]> {
    const { store } = this.ports;
    const parked = (await store.parked(rules.tenant, mostParked)).filter(({ what }) => what === 'delivery');
    const found: DeliveryRecord[] = [];
    for (const { id } of parked) {
      const delivery = await store.delivery(rules.tenant, id);
      if (delivery && keysOfDelivery(delivery, rules).some((key) => keys.includes(key))) found.push(delivery);
    }
    return found;
  }

  /** Whose these profiles are, by the rule of a reconciliation. */
  private async personsOf(profiles: SeenProfile[] | NotAsked, rules: Rules): Promise<Person[]> {
    if (!isAsked(profiles) || profiles.length === 0) return [];
    const known = new PersonIndex(await this.ports.records.personsBy(rules.tenant, keysOfProfiles(profiles, rules)));
    return [...new Set(profiles.flatMap((profile) => personOf(profile, known, rules) ?? []))];
  }

  /** Whose these passes are, by the rule of a reconciliation. */
  private async ownersOf(passes: ListedPass[] | NotAsked, rules: Rules): Promise<Person[]> {
    if (!isAsked(passes) || passes.length === 0) return [];
    const known = new PersonIndex(await this.ports.records.personsBy(rules.tenant, keysOfPasses(passes, rules)));
    return [...new Set(passes.flatMap((pass) => ownersOf(pass, known, rules)))];
  }

  private async held(names: readonly ProfileName[], tenant: string, before: SeenProfile[] | NotAsked = []): Promise<SeenProfile[] | NotAsked> {
    const { profiles } = this.ports;
    if (!isAsked(before)) return before;
    const found = new Map(before.map((profile) => [profile.name.klaviyoId, profile]));
    for (const name of names) {
      if (Object.keys(name).length === 0) continue;
      const held = await asking(profiles.find(tenant, name), 'Klaviyo');
      if (!isAsked(held)) return held;
      for (const profile of held) found.set(profile.name.klaviyoId, { ...profile, events: found.get(profile.name.klaviyoId)?.events ?? (await asking(profiles.newestEvents(tenant, profile.name.klaviyoId), 'Klaviyo')) });
    }
    return [...found.values()];
  }

  /** The webhook that told of a pass names its owner as it stands on the pass: The Wallet Crew may find `Ana@shop.fr` by no other spelling. */
  private async withUnfound(listed: ListedPass[] | NotAsked, { passes }: Person, asked: LookUp['by'], deliveries: readonly DeliveryRecord[], tenant: string): Promise<ListedPass[] | NotAsked> {
    if (!isAsked(listed)) return listed;
    const unfound = Object.keys(passes).filter((id) => !listed.some((pass) => pass.id === id));
    const told = deliveries.filter(({ event }) => event.kind !== 'flow-action' && event.pass && unfound.includes(event.pass.id)).flatMap(identifiersOf);
    const found = await this.passesOf(told.filter(({ key, value }) => !asked.some((one) => one.key === key && one.value === value)), tenant);
    return isAsked(found) ? [...listed, ...found.filter(({ id }) => unfound.includes(id))] : found;
  }

  private async passesOf(by: LookUp['by'], tenant: string, before: ListedPass[] | NotAsked = []): Promise<ListedPass[] | NotAsked> {
    if (!isAsked(before)) return before;
    const found = new Map(before.map((pass) => [pass.id, pass]));
    for (const { key, value } of by) {
      const listed = await asking(this.ports.passes.find(tenant, key, value), 'The Wallet Crew');
      if (!isAsked(listed)) return listed;
      for (const pass of listed) found.set(pass.id, pass);
    }
    return [...found.values()];
  }

  /** What a reconciliation writes to the profile of somebody whom neither we nor The Wallet Crew know, where the tenant wants that. */
  private strangersOwn(evidence: Evidence): Pick<Evidence, 'expected' | 'plain'> {
    const { person, profiles, passes, rules } = evidence;
    const isStranger = !person && isAsked(profiles) && profiles.length > 0 && isAsked(passes) && unheardPasses(evidence).length === 0;
    if (!isStranger || !this.ports.reconcileRulesOf(rules.tenant).strangers) return {};
    const expected = strangersProfile(rules);
    return { expected, plain: expected };
  }

  /** A profile shows its newest events only; for older ones Klaviyo is asked by their metric and time, as a run asks. */
  private async missingEvents(evidence: Evidence): Promise<string[]> {
    const older = unshownEvents(evidence).filter(({ isOlder }) => isOlder).slice(0, mostOlderEvents);
    const missing: string[] = [];
    for (const { sent: { command } } of older) {
      const held = await asking(this.eventsAt(evidence.rules.tenant, command), 'Klaviyo');
      if (!isAsked(held)) return missing;
      if (!held.some(({ uniqueId }) => uniqueId === command.uniqueId)) missing.push(command.uniqueId);
    }
    return missing;
  }

  /** All events of the metric in that second: Klaviyo keeps no shorter times. */
  private async eventsAt(tenant: string, { metric, at }: Track): Promise<HeldEvent[] | NotNow> {
    const from = Math.floor(at / 1_000) * 1_000;
    const events: HeldEvent[] = [];
    let next: string | undefined;
    do {
      const page = await this.ports.profiles.events(tenant, metric, from, from + 1_000, next);
      if ('waitMs' in page) return page;
      events.push(...page.events);
      ({ next } = page);
    } while (next !== undefined);
    return events;
  }

  /** Asked only where a subscription is missing: then it says whether somebody must confirm it. */
  private async optIns(evidence: Evidence): Promise<Evidence['optIns']> {
    const lists = [...new Set(consentsOf(evidence).flatMap(({ unheld }) => unheld))].filter((list) => list !== '');
    if (lists.length === 0) return {};
    const held = await this.ports.lists.lists(evidence.rules.tenant, lists);
    return isUnanswered(held) ? {} : Object.fromEntries(held.map(({ id, optIn }) => [id, optIn]));
  }

  /** What should stand on the profile and where consents lead, with what plugins make of both. */
  private async shape(person: Person, rules: Rules): Promise<Pick<Evidence, 'expected' | 'plain' | 'pluginNotes' | 'routes'>> {
    const { plugins } = this.ports;
    const view = personView(person);
    const lists = question<'routeLists'>(whoIs(view), { person: view, lists: listsOf(person, rules) });
    const [shaped] = await shapedProfilesOf([person], rules, plugins);
    await plugins.ask(rules.tenant, 'routeLists', [lists]);
    const routes = (lists.output ?? lists.input.lists).filter(({ consent }) => view.consents[consent] === true);
    return { plain: profileOf(person, rules), routes, pluginNotes: [...shaped!.asked, lists].flatMap(({ notes }) => notes), ...(isHeld(shaped!) ? {} : { expected: shaped!.profile }) };
  }
}

/** Somebody whose address or customer id changed may still have a profile under a former one. */
function namesOf({ identity, identifiers }: Person, rules: Rules): ProfileName[] {
  const keysOf = { klaviyoId: ['klaviyoId'], externalId: rules.identity.externalId, email: ['email'], phone: ['phone'] };
  const former = (['klaviyoId', 'externalId', 'email', 'phone'] as const).flatMap((name) => {
    const said = keysOf[name].flatMap((key) => identifiers[key] ?? []);
    return said.filter(({ value }) => value !== identity[name]).map(({ value, at }) => ({ at, name: { [name]: value } }));
  });
  return [profileName(identity), ...former.toSorted((a, b) => b.at - a.at).slice(0, mostFormerNames).map(({ name }) => name)];
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

function identifiersOf({ event }: DeliveryRecord): LookUp['by'] {
  return event.kind === 'flow-action' ? [] : Object.entries(event.identifiers).map(([key, value]) => ({ key, value }));
}

function nearMiss(person: Person, keys: readonly string[]): NearMiss {
  return { personId: person.id, by: identifierKeys(person).find((key) => keys.includes(key)) ?? '' };
}

function nearWords(near: readonly NearMiss[]): string {
  return near.length === 0 ? '' : ` Near it: ${near.map(({ personId, by }) => `${personId} (${by.split(':')[0]})`).join(', ')}.`;
}

function keysOfDelivery({ event }: DeliveryRecord, rules: Rules): string[] {
  const { command } = event.kind === 'flow-action' ? event : {};
  const read = event.kind !== 'flow-action' ? event : asEvent(event.name, event.at, command?.do === 'look-up' ? { profile: command.profile } : { identifiers: command?.identifiers ?? {} });
  return lookupKeys(read, rules);
}

/** Nothing but whom a flow named. */
const asEvent = (name: string, at: number, who: Pick<Partial<WalletEvent>, 'profile' | 'identifiers'>): WalletEvent => bareEvent({ kind: 'looked-up', name, at, ...who });

/** A vendor that cannot be asked is an answer too: the rest is explained all the same. */
async function asking<T>(question: Promise<T[] | NotNow>, vendor: string): Promise<T[] | NotAsked> {
  try {
    const answer = await question;
    return Array.isArray(answer) ? answer : { words: `${vendor} could not be asked now.` };
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return { words: `${vendor} could not be asked: ${error.message}`, code: error.code };
  }
}
