import type { LookUp, ProfileName } from '../command.js';
import { ConnectorError } from '../errors.js';
import { askedName, lookedFor, type AskedName } from '../explanation/asked-name.js';
import { consentsOf } from '../explanation/consent-evidence.js';
import { unshownEvents } from '../explanation/event-evidence.js';
import { isAsked, unheardPasses, type Evidence, type NearMiss, type NotAsked } from '../explanation/evidence.js';
import type { Explanation } from '../explanation/explanation.js';
import { explanationOf } from '../explanation/explanation-of.js';
import { profileOf } from '../marketing/profile.js';
import { identifierKeys, profileName } from '../person/identity.js';
import { listsOf } from '../person/list-routing.js';
import { lookUpBy } from '../person/look-up.js';
import type { Person } from '../person/person.js';
import { question, type PluginHost } from '../plugin/host.js';
import { personView, whoIs } from '../plugin/person-view.js';
import type { ListedPass, Passes } from '../ports/passes.js';
import type { Profiles } from '../ports/profiles.js';
import type { Records } from '../ports/records.js';
import { isUnanswered, type MarketingSetup } from '../ports/setup.js';
import type { DeliveryRecord, Store } from '../ports/store.js';
import type { Clock, Vault } from '../ports/system.js';
import { keysOfPasses } from '../reconciliation/compare-passes.js';
import { keysOfProfiles } from '../reconciliation/compare-profiles.js';
import { isHeld, shapedProfilesOf, strangersProfile } from '../reconciliation/expected-profile.js';
import type { Rules } from '../rules.js';
import { FindPerson, identifiersOf, keysOfDelivery, nothingToAskBy } from './find-person.js';
import type { ReconcileRules } from './reconcile.js';
import { WhatVendorsHold } from './what-vendors-hold.js';

/** So many of the newest deliveries about somebody are looked through. */
const mostDeliveries = 100;
/** Of so many events that are older than those their profile shows Klaviyo is asked whether it has them, a call each. */
const mostOlderEvents = 20;
/** So many of the newest parked deliveries are looked through for somebody. */
const mostParked = 50;
/** Of somebody whose names changed, the newest of the former ones are asked for too, two calls each. */
const mostFormerNames = 10;

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
    const vendors = new WhatVendorsHold(tenant, this.ports);
    const meant = await new FindPerson(records, this.ports.plugins).find(asked, delivery, vendors, rules);
    const { person, others, seen, listed } = meant;
    const by = person ? lookUpBy([person], {}, rules) : meant.by;
    const [deliveries, parked, profiles, theirs, lastWebhookAt, undecided, shaped] = await Promise.all([
      person ? records.deliveriesOf(tenant, person.id, mostDeliveries) : [],
      this.parkedAbout(person ? identifierKeys(person) : meant.keys, rules),
      person ? vendors.held(profileNamesOf(person, rules), seen) : seen,
      !person ? listed : by.length === 0 ? nothingToAskBy : vendors.passesOf(by, listed),
      records.lastWebhook(tenant),
      store.backlog(),
      person && this.shape(person, rules),
    ]);
    const passes = person ? await withUnfound(theirs, person, by, deliveries, vendors) : theirs;
    const found = [...(isAsked(profiles) ? keysOfProfiles(profiles, rules) : []), ...(isAsked(passes) ? keysOfPasses(passes, rules) : []), ...(person ? [] : asked.nearKeys)];
    const known = await records.personsBy(tenant, found);
    const nearMisses = person ? others.map((other) => nearMiss(other, [...meant.keys, ...(isAsked(listed) ? keysOfPasses(listed, rules) : [])])) : known.map((other) => nearMiss(other, found));
    const token = person?.token && this.ports.vaultOf(tenant).open(person.token.sealed);
    const evidence: Evidence = {
      rules, now: clock.now(), text: asked.text, nearMisses, known, parked, profiles, passes, undecided,
      pluginNotes: [], routes: [], optIns: {}, missingEvents: [], ...shaped,
      deliveries: delivery && !deliveries.some(({ id }) => id === delivery.id) ? [delivery, ...deliveries] : deliveries,
      ...(delivery ? { delivery } : {}), ...(person ? { person } : {}), ...(token === undefined ? {} : { token }), ...(lastWebhookAt === undefined ? {} : { lastWebhookAt }),
    };
    const [optIns, missingEvents] = await Promise.all([this.optIns(evidence), notShown(evidence, vendors)]);
    return { ...evidence, ...this.strangersOwn(evidence), optIns, missingEvents };
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

  /** What a reconciliation writes to the profile of somebody whom neither we nor The Wallet Crew know, where the tenant wants that. */
  private strangersOwn(evidence: Evidence): Pick<Evidence, 'expected' | 'plain'> {
    const { person, profiles, passes, rules } = evidence;
    const isStranger = !person && isAsked(profiles) && profiles.length > 0 && isAsked(passes) && unheardPasses(evidence).length === 0;
    if (!isStranger || !this.ports.reconcileRulesOf(rules.tenant).strangers) return {};
    const expected = strangersProfile(rules);
    return { expected, plain: expected };
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

/** The webhook that told of a pass names its owner as it stands on the pass: The Wallet Crew may find `Ana@shop.fr` by no other spelling. */
async function withUnfound(listed: ListedPass[] | NotAsked, { passes }: Person, asked: LookUp['by'], deliveries: readonly DeliveryRecord[], vendors: WhatVendorsHold): Promise<ListedPass[] | NotAsked> {
  if (!isAsked(listed)) return listed;
  const unfound = Object.keys(passes).filter((id) => !listed.some((pass) => pass.id === id));
  const told = deliveries.filter(({ event }) => event.kind !== 'flow-action' && event.pass && unfound.includes(event.pass.id)).flatMap(identifiersOf);
  const found = await vendors.passesOf(told.filter(({ key, value }) => !asked.some((one) => one.key === key && one.value === value)));
  return isAsked(found) ? [...listed, ...found.filter(({ id }) => unfound.includes(id))] : found;
}

/** A profile shows its newest events only; for older ones Klaviyo is asked by their metric and time, as a run asks. */
async function notShown(evidence: Evidence, vendors: WhatVendorsHold): Promise<string[]> {
  const older = unshownEvents(evidence).filter(({ isOlder }) => isOlder).slice(0, mostOlderEvents);
  const missing: string[] = [];
  for (const { sent: { command } } of older) {
    const held = await vendors.eventsAt(command);
    if (!isAsked(held)) return missing;
    if (!held.some(({ uniqueId }) => uniqueId === command.uniqueId)) missing.push(command.uniqueId);
  }
  return missing;
}

/** Somebody whose address or customer id changed may still have a profile under a former one. */
function profileNamesOf({ identity, identifiers }: Person, rules: Rules): ProfileName[] {
  const keysOf = { klaviyoId: ['klaviyoId'], externalId: rules.identity.externalId, email: ['email'], phone: ['phone'] };
  const former = (['klaviyoId', 'externalId', 'email', 'phone'] as const).flatMap((name) => {
    const said = keysOf[name].flatMap((key) => identifiers[key] ?? []);
    return said.filter(({ value }) => value !== identity[name]).map(({ value, at }) => ({ at, name: { [name]: value } }));
  });
  return [profileName(identity), ...former.toSorted((a, b) => b.at - a.at).slice(0, mostFormerNames).map(({ name }) => name)];
}

function nearMiss(person: Person, keys: readonly string[]): NearMiss {
  return { personId: person.id, by: identifierKeys(person).find((key) => keys.includes(key)) ?? '' };
}

function nearWords(near: readonly NearMiss[]): string {
  return near.length === 0 ? '' : ` Near it: ${near.map(({ personId, by }) => `${personId} (${by.split(':')[0]})`).join(', ')}.`;
}
