import { bareEvent, DecideBatch, goes, PluginHost, parts, Reconcile, type Changes, type HeldList, type LookUp, type MarketingSetup, type NewDelivery, type OptIn, type Person, type Receipt, type Rules, type Run, type RunOptions, type Store, type Track, type Unanswered, type UpsertProfile, type WalletEvent } from '#core';
import { MemoryPasses } from '../../support/memory-passes.js';
import { MemoryProfiles } from '../../support/memory-profiles.js';
import { MemoryRecords } from '../../support/memory-records.js';
import { MemoryRuns } from '../../support/memory-runs.js';
import { GlassVault, KeptLog, KeptMeter, ManualClock } from '../../support/system-fakes.js';
import { rules } from '../../support/stories.js';
import { marketing, noPlugins } from './fakes.js';

export const tenant = 'acme';
export const graceMs = 60_000;
export const everything: RunOptions = { dryRun: false, only: parts };
export const dry: RunOptions = { dryRun: true, only: parts };

/** The inbox in memory, decided and sent in this process: as soon as something is in it, or when a test says so. */
export class World implements Pick<Store, 'receive'>, Pick<MarketingSetup, 'lists'> {
  readonly clock = new ManualClock();
  readonly log = new KeptLog();
  readonly meter = new KeptMeter();
  readonly vault = new GlassVault();
  readonly passes = new MemoryPasses({ pageSize: 5 });
  readonly profiles: MemoryProfiles;
  readonly runs = new WatchedRuns(this.clock, () => this.step(), () => this.waiting.length);
  readonly records = new WatchedRecords(this.clock, this.runs, () => this.step());
  /** By customer id. */
  readonly tokens = new Map<string, string>();
  readonly received: NewDelivery[] = [];
  waiting: NewDelivery[] = [];
  /** True: deliveries wait until `decideAll`. */
  holds = false;
  /** Metrics of which Klaviyo shows no event, although it accepts them. */
  readonly drops = new Set<string>();
  /** Whether the lists ask whoever is put on them to confirm it; undefined: Klaviyo does not say. */
  optIn: OptIn | undefined = 'single';
  /** True: Klaviyo refuses every profile. */
  refusesProfiles = false;
  /** Told of every step that a run takes outside of itself. */
  onStep: () => void | Promise<void> = () => {};
  strangers = true;
  private serial = 0;

  constructor(readonly rules: Rules = aTenant(), profilesPerPage = 5) {
    this.profiles = new MemoryProfiles({ pageSize: profilesPerPage });
    this.passes.faults.before = () => this.step();
    this.profiles.faults.before = () => this.step();
  }

  /** As in a process of its own. */
  process(plugins: PluginHost = noPlugins): Reconcile {
    const { runs, records, passes, profiles, clock, log, meter, vault } = this;
    return new Reconcile({ runs, records, store: this, passes, profiles, marketing, lists: this, plugins, rulesOf: (id) => (id === tenant ? this.rules : undefined), reconcileRulesOf: () => ({ graceMs, strangers: this.strangers }), vaultOf: () => vault, clock, log, meter });
  }

  async lists(_tenant: string, ids: readonly string[]): Promise<HeldList[] | Unanswered> {
    const { optIn } = this;
    return optIn ? ids.map((id) => ({ id, name: id, optIn })) : { code: 'KLAVIYO_SCOPE_MISSING', words: 'lists:read' };
  }

  step(): void | Promise<void> {
    return this.onStep();
  }

  async receive(deliveries: NewDelivery[]): Promise<Receipt[]> {
    await this.step();
    const receipts = deliveries.map((delivery): Receipt => {
      const redelivered = this.received.some(({ key }) => key === delivery.key);
      if (!redelivered) {
        this.received.push(delivery);
        this.waiting.push(delivery);
      }
      return { id: delivery.key, redelivered };
    });
    if (!this.holds) await this.decideAll();
    return receipts;
  }

  /** Webhooks. */
  async tell(events: readonly WalletEvent[]): Promise<void> {
    this.waiting.push(...events.map((event) => ({ tenant, key: `webhook-${++this.serial}`, receivedAt: this.clock.now(), event, body: '' })));
    await this.decideAll();
  }

  async decideAll(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, 50);
      const deciding = new DecideBatch(noPlugins, this.clock, (id, _tenant, error) => ({ id, status: 'parked', code: 'PROCESSING_FAILED', notes: [{ by: 'decide', says: String(error) }] }));
      const changes = await deciding.run({ persons: (keys) => this.records.personsBy(tenant, keys) }, this.rules, batch.map(({ key, ...rest }) => ({ ...rest, id: key })));
      this.save(batch, changes);
    }
  }

  private save(batch: readonly NewDelivery[], { persons, absorbed, commands, outcomes }: Changes): void {
    batch.forEach(({ key, event, repair, receivedAt }, i) => {
      const outcome = outcomes.find(({ id }) => id === key)!;
      const personId = 'personId' in outcome ? outcome.personId : undefined;
      this.records.happened(tenant, { event: event as WalletEvent, receivedAt, ...(repair ? { repair: true } : {}), ...(personId === undefined ? {} : { personId }), ...(i === 0 ? { persons, absorbed } : {}), commands: commands.filter(({ deliveryId }) => deliveryId === key).map(({ command }) => command) });
      const isRefused = outcome.status === 'parked' || (this.refusesProfiles && commands.some(({ deliveryId, command }) => deliveryId === key && command.do === 'upsert-profile'));
      if (repair) this.runs.repairs.push({ ...repair, fate: isRefused ? 'refused' : 'repaired' });
    });
    for (const { personId, command } of commands) {
      const person = persons.find(({ id, identity }) => id === personId && goes(identity) !== 'when-reachable');
      if (command.do === 'look-up') this.lookUp(command);
      else if (person && command.do === 'upsert-profile' && !this.refusesProfiles) this.write(person, command);
      else if (person && command.do === 'track') this.count(person, command);
    }
    for (const lane of ['upsert-profile', 'track', 'look-up', 'subscribe', 'unsubscribe'] as const) this.records.answer(tenant, lane, this.refusesProfiles && lane === 'upsert-profile' ? 'refused' : 'accepted');
  }

  /** What waits to be sent once more reaches Klaviyo. */
  sendAgain(): void {
    for (const { record, personId } of this.records.deliveries) {
      for (const { command, status } of record.commands) {
        if (command.do === 'track' && status === 'pending') this.profiles.putEvent(personId!, { metric: command.metric, uniqueId: command.uniqueId, at: command.at });
      }
    }
    this.records.answer(tenant, 'track', 'accepted');
  }

  private profileOf({ identity: { klaviyoId, email, phone } }: Person): string {
    const all = [...this.profiles.held.values()];
    const named = email !== undefined ? { email } : phone !== undefined ? { phone } : {};
    const held = all.find(({ name }) => name.klaviyoId === klaviyoId) ?? all.find(({ name }) => (email !== undefined ? name.email === email : phone !== undefined && name.phone === phone));
    // What Klaviyo does with an id it has no more is not documented. Here it makes a profile of another one.
    return (held ?? this.profiles.put({ name: named, createdAt: this.clock.now() })).name.klaviyoId;
  }

  private write(person: Person, { properties, token }: UpsertProfile): void {
    const held = this.profiles.held.get(this.profileOf(person))!;
    Object.assign(held.properties, properties, token === undefined ? {} : { 'neostore.authenticationToken': this.vault.open(token) });
    held.updatedAt = this.clock.now();
  }

  private count(person: Person, { metric, uniqueId, at }: Track): void {
    if (!this.drops.has(metric)) this.profiles.putEvent(this.profileOf(person), { metric, uniqueId, at });
  }

  private lookUp({ profile, by, backfill }: LookUp): void {
    const { value: customer = '' } = by.find(({ key }) => key === 'customerId') ?? {};
    const passes = [...this.passes.held.values()].filter(({ identifiers }) => identifiers['customerId'] === customer);
    const token = this.tokens.get(customer);
    const event = bareEvent({ kind: 'looked-up', name: 'look-up', at: this.clock.now(), profile, identifiers: { customerId: customer }, found: { passes, ...(token ? { token: { sealed: this.vault.seal(token), at: this.clock.now() } } : {}) }, ...(backfill ? { backfill } : {}) });
    this.waiting.push({ tenant, key: `answer-${++this.serial}`, receivedAt: this.clock.now(), event, body: '' });
  }
}

export function aTenant(own: Partial<Rules> = {}): Rules {
  return rules({ tenant, links: { pages: { enrolment: 'https://wallet.example/mail', pass: 'https://wallet.example/pass' }, tokenOn: 'profile', unasked: true, asProperties: false, refreshAfterMs: 30 * 86_400_000 }, ...own });
}

class WatchedRecords extends MemoryRecords {
  constructor(clock: ManualClock, runs: MemoryRuns, private readonly step: () => void | Promise<void>) {
    super(clock, runs);
  }

  override async unseenPersons(...asked: Parameters<MemoryRecords['unseenPersons']>): ReturnType<MemoryRecords['unseenPersons']> {
    await this.step();
    return super.unseenPersons(...asked);
  }

  override async unseenPasses(...asked: Parameters<MemoryRecords['unseenPasses']>): ReturnType<MemoryRecords['unseenPasses']> {
    await this.step();
    return super.unseenPasses(...asked);
  }
}

class WatchedRuns extends MemoryRuns {
  constructor(clock: ManualClock, private readonly step: () => void | Promise<void>, private readonly waiting: () => number) {
    super(clock);
  }

  override async undecided(): Promise<number> {
    await this.step();
    return this.waiting();
  }

  override async open(id: string): Promise<number> {
    await this.step();
    return (await super.open(id)) + this.waiting();
  }

  override async begin(of: string, options: RunOptions, leaseMs: number): Promise<{ run: Run; lease: string } | { busy: Run }> {
    return super.begin(of, options, leaseMs);
  }
}
