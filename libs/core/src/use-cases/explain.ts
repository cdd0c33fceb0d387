import type { ProfileName } from '../command.js';
import { ConnectorError } from '../errors.js';
import { askedName, type AskedName } from '../explanation/asked-name.js';
import { isAsked, type Evidence, type NearMiss, type NotAsked, type SeenProfile } from '../explanation/evidence.js';
import type { Explanation } from '../explanation/explanation.js';
import { explanationOf } from '../explanation/explanation-of.js';
import { profileOf } from '../marketing/profile.js';
import { identifierKeys, lookupKeys } from '../person/identity.js';
import { listsOf } from '../person/list-routing.js';
import { lookUpBy } from '../person/look-up.js';
import type { Person } from '../person/person.js';
import { question, type PluginHost } from '../plugin/host.js';
import { personView, whoIs } from '../plugin/person-view.js';
import type { ListedPass, Passes } from '../ports/passes.js';
import type { NotNow, Profiles } from '../ports/profiles.js';
import type { Records } from '../ports/records.js';
import type { DeliveryRecord, Store } from '../ports/store.js';
import type { Clock, Vault } from '../ports/system.js';
import { isHeld, shapedProfilesOf } from '../reconciliation/expected-profile.js';
import type { Rules } from '../rules.js';
import { bareEvent, type WalletEvent } from '../wallet/event.js';

const mostEvents = 20;
/** So many of the newest parked deliveries are looked through for somebody. */
const mostParked = 50;
/** Of somebody who changed their address, the former ones may still have a profile. */
const mostFormerEmails = 3;

export interface ExplainPorts {
  store: Pick<Store, 'delivery' | 'parked' | 'backlog'>;
  records: Records;
  passes: Passes;
  profiles: Profiles;
  plugins: PluginHost;
  vaultOf: (tenant: string) => Vault;
  rulesOf: (tenant: string) => Rules | undefined;
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
    if (asked.text === '') throw new ConnectorError('NOT_FOUND', 'Nobody was named.');
    const evidence = await this.gather(asked, rules);
    const { person, delivery, parked, profiles, passes } = evidence;
    const nobodyThere = (held: unknown[] | NotAsked) => isAsked(held) && held.length === 0;
    if (!person && !delivery && parked.length === 0 && nobodyThere(profiles) && nobodyThere(passes)) throw new ConnectorError('NOT_FOUND', `Neither we nor Klaviyo nor The Wallet Crew know anybody by this name.${nearWords(evidence.nearMisses)}`);
    return explanationOf(evidence);
  }

  private async gather(asked: AskedName, rules: Rules): Promise<Evidence> {
    const { store, records, clock } = this.ports;
    const { tenant } = rules;
    const delivery = asked.deliveryId === undefined ? undefined : await store.delivery(tenant, asked.deliveryId);
    const [person, ...others] = await this.persons(asked, delivery, rules);
    const keys = person ? identifierKeys(person) : delivery ? keysOfDelivery(delivery, rules) : asked.keys;
    const [deliveries, parked, profiles, passes, lastWebhookAt, undecided, shaped] = await Promise.all([
      person ? records.deliveriesOf(tenant, person.id, mostEvents) : [],
      this.parkedAbout(keys, rules),
      this.profilesOf(asked, person, tenant),
      this.passesOf(asked, person, delivery, rules),
      records.lastWebhook(tenant),
      store.backlog(),
      person && this.shape(person, rules),
    ]);
    const nearMisses = person ? others.map((other) => nearMiss(other, asked.keys)) : await this.nearMisses(asked, profiles, tenant);
    const token = person?.token && this.ports.vaultOf(tenant).open(person.token.sealed);
    return {
      rules, now: clock.now(), text: asked.text, nearMisses, parked, profiles, passes, undecided,
      pluginNotes: [], routes: [], ...shaped,
      deliveries: delivery && !deliveries.some(({ id }) => id === delivery.id) ? [delivery, ...deliveries] : deliveries,
      ...(delivery ? { delivery } : {}), ...(person ? { person } : {}), ...(token === undefined ? {} : { token }), ...(lastWebhookAt === undefined ? {} : { lastWebhookAt }),
    };
  }

  /** Whom the name means; the first is the one. Several own it where families share a phone. */
  private async persons(asked: AskedName, delivery: DeliveryRecord | undefined, rules: Rules): Promise<Person[]> {
    const { records } = this.ports;
    const { tenant } = rules;
    if (delivery) return records.personsBy(tenant, await this.matchedKeys(delivery, rules));
    const byName = await records.personsBy(tenant, asked.keys);
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

  private async profilesOf(asked: AskedName, person: Person | undefined, tenant: string): Promise<SeenProfile[] | NotAsked> {
    const { profiles } = this.ports;
    const { klaviyoId, externalId, email, phone } = person?.identity ?? {};
    const name: ProfileName = person ? { ...(klaviyoId ? { klaviyoId } : {}), ...(externalId ? { externalId } : {}), ...(email ? { email } : {}), ...(phone ? { phone } : {}) } : asked.profile;
    const former = (person?.identifiers['email'] ?? []).map(({ value }) => value).filter((value) => value !== email).slice(0, mostFormerEmails);
    const found = new Map<string, SeenProfile>();
    for (const one of [name, ...former.map((email) => ({ email }))]) {
      if (Object.keys(one).length === 0) continue;
      const held = await asking(profiles.find(tenant, one), 'Klaviyo');
      if (!isAsked(held)) return held;
      for (const profile of held) found.set(profile.name.klaviyoId, { ...profile, events: found.get(profile.name.klaviyoId)?.events ?? (await asking(profiles.newestEvents(tenant, profile.name.klaviyoId), 'Klaviyo')) });
    }
    return [...found.values()];
  }

  private async passesOf(asked: AskedName, person: Person | undefined, delivery: DeliveryRecord | undefined, rules: Rules): Promise<ListedPass[] | NotAsked> {
    const by = person ? lookUpBy([person], {}, rules) : delivery && delivery.event.kind !== 'flow-action' ? Object.entries(delivery.event.identifiers).map(([key, value]) => ({ key, value })) : asked.by;
    if (by.length === 0) return { words: 'There is no identifier to ask by.' };
    const found = new Map<string, ListedPass>();
    for (const { key, value } of by) {
      const listed = await asking(this.ports.passes.find(rules.tenant, key, value), 'The Wallet Crew');
      if (!isAsked(listed)) return listed;
      for (const pass of listed) found.set(pass.id, pass);
    }
    return [...found.values()];
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

  /** Who may have been meant: under a spelling that people confuse, or under another name that Klaviyo's profile has. */
  private async nearMisses(asked: AskedName, profiles: SeenProfile[] | NotAsked, tenant: string): Promise<NearMiss[]> {
    const names = isAsked(profiles) ? profiles.map(({ name }) => name) : [];
    const inKlaviyo = names.flatMap(({ klaviyoId, email, phone }) => [`klaviyoId:${klaviyoId}`, ...(email ? [`email:${email.toLowerCase()}`] : []), ...(phone ? [`phone:${phone}`] : [])]);
    const keys = [...asked.nearKeys, ...inKlaviyo];
    return (await this.ports.records.personsBy(tenant, keys)).map((person) => nearMiss(person, keys));
  }
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
