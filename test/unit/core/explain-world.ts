import { Explain, identifierKeys, PluginHost, type DeliveryRecord, type Evidence, type ListedPass, type NotNow, type Passes, type Person, type Profiles, type Records, type Rules, type SeenProfile } from '#core';
import { GlassVault } from '../../support/system-fakes.js';
import { ManualClock, noPlugins } from './fakes.js';
import { healthy, now, token } from './explaining.js';

/** The ports of explaining, as far as it looks at them, filled with what an evidence says. */
export class ExplainWorld {
  readonly persons: Person[];
  deliveries: DeliveryRecord[];
  parked: DeliveryRecord[] = [];
  held: SeenProfile[] | NotNow | Error;
  listed: ListedPass[] | NotNow;
  optIns: Record<string, 'single' | 'double'> = {};
  /** As in the settings of the tenant. */
  everyProfile = true;
  /** What the vendors were asked. */
  readonly asked: string[] = [];
  plugins: PluginHost = noPlugins;
  private readonly rules: Rules;

  constructor(evidence: Evidence = healthy()) {
    this.rules = evidence.rules;
    this.persons = evidence.person ? [{ ...evidence.person, token: { sealed: new GlassVault().seal(token), at: evidence.person.token!.at } }] : [];
    this.deliveries = evidence.deliveries;
    this.held = evidence.profiles as SeenProfile[];
    this.listed = evidence.passes as ListedPass[];
  }

  explain(who: string) {
    const found = async <T>(answer: T | Error): Promise<T> => { if (answer instanceof Error) throw answer; return answer; };
    const records = {
      personsBy: async (_tenant: string, keys: readonly string[]) => this.persons.filter((person) => identifierKeys(person).some((key) => keys.includes(key))),
      person: async (_tenant: string, id: string) => this.persons.find((person) => person.id === id),
      deliveriesOf: async (_tenant: string, personId: string, limit: number) => (this.persons[0]?.id === personId ? this.deliveries.slice(0, limit) : []),
      lastWebhook: async () => now,
    } as unknown as Records;
    const passes = { find: async (_tenant: string, key: string, value: string) => { this.asked.push(`${key}:${value}`); return this.listed; } } as unknown as Passes;
    const profiles = {
      find: async (_tenant: string, name: object) => { this.asked.push(JSON.stringify(name)); return found(this.held); },
      newestEvents: async (_tenant: string, id: string) => (Array.isArray(this.held) ? this.held.find(({ name }) => name.klaviyoId === id)!.events : []),
      events: async () => ({ events: [] }),
    } as unknown as Profiles;
    const store = {
      delivery: async (_tenant: string, id: string) => [...this.parked, ...this.deliveries].find((delivery) => delivery.id === id),
      backlog: async () => 0,
      parked: async () => this.parked.map(({ id, event, code, receivedAt }) => ({ id, what: 'delivery' as const, name: event.name, code: code!, at: receivedAt })),
    };
    const lists = { lists: async (_tenant: string, ids: readonly string[]) => Object.entries(this.optIns).flatMap(([id, optIn]) => (ids.includes(id) ? [{ id, name: id, optIn }] : [])) };
    return new Explain({ store, records, passes, profiles, lists, plugins: this.plugins, vaultOf: () => new GlassVault(), rulesOf: (tenant) => (tenant === this.rules.tenant ? this.rules : undefined), reconcileRulesOf: () => ({ strangers: this.everyProfile }), clock: new ManualClock(now) }).run('acme', who);
  }
}
