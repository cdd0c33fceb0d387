import { FaultPlan, type FaultRule } from '../faults.js';
import type { Exchange } from '../http/exchange.js';
import { type Listener, listen } from '../http/listener.js';
import { type LoggedRequest, RequestLog, type Stats } from '../http/request-log.js';
import { deliver, type Delivery, type DeliveryOptions, type DeliveryReport } from './delivery.js';
import { overviewPage } from './overview-page.js';
import { sampleDay, type SampleDayOptions } from './sample-day.js';
import { walletCrewService } from './service.js';
import type { StoryEvent } from './story.js';
import type { Subscription, SubscriptionOptions } from './subscriptions.js';
import { type Customer, type Notification, type Pass, type PassSeed, Tenant, type TenantOptions } from './tenant.js';

export interface WalletCrewOptions {
  port?: number;
  host?: string;
  /** Tenant id → tenant. Default: `acme` with the key `wc_test`. */
  tenants?: Readonly<Record<string, TenantOptions>>;
  /** How webhooks are delivered unless a call says otherwise. */
  delivery?: DeliveryOptions;
  seed?: number;
  keepRequests?: number;
  now?: () => number;
}

/** A running stand-in for The Wallet Crew: its API, its pages and its webhooks. `tenant` defaults to the first one everywhere. */
export class WalletCrewEmulator {
  private listener!: Listener;
  private readonly tenants = new Map<string, Tenant>();
  private readonly log: RequestLog;
  private readonly underWay = new Set<Promise<unknown>>();
  private delivered: Delivery[] = [];
  readonly faults: FaultPlan;

  private constructor(private readonly options: WalletCrewOptions) {
    this.faults = new FaultPlan(options.seed);
    this.log = new RequestLog(options.keepRequests);
    this.openTenants();
  }

  static async start(options: WalletCrewOptions): Promise<WalletCrewEmulator> {
    const emulator = new WalletCrewEmulator(options);
    const service = walletCrewService({
      tenants: emulator.tenants,
      announce: (tenant, event) => emulator.announce(tenant, event),
      faults: emulator.faults,
      log: emulator.log,
      ownPage: (exchange) => emulator.ownPage(exchange),
    });
    emulator.listener = await listen(service, options);
    return emulator;
  }

  get url(): string {
    return this.listener.url;
  }

  get port(): number {
    return this.listener.port;
  }

  /** One event happens: the tenant holds it, its subscribers are told. */
  send(event: StoryEvent, options: DeliveryOptions & { tenant?: string } = {}): Promise<DeliveryReport> {
    return this.play([event], options);
  }

  /** A story happens: the tenant holds all of it at once, its subscribers are told with the duplicates and the disorder asked for. */
  async play(story: readonly StoryEvent[], { tenant: id, ...options }: DeliveryOptions & { tenant?: string } = {}): Promise<DeliveryReport> {
    const tenant = this.tenant(id);
    const merged = { ...this.options.delivery, ...options };
    if (!merged.deliverOnly) for (const event of story) tenant.apply(event);
    const { to } = merged;
    const report = await deliver(tenant.id, story, (event) => (to ? [to] : tenant.subscriptions.listeningTo(event.kind).map(({ endpoint, signatureSecret }) => ({ url: endpoint, secret: signatureSecret }))), merged);
    this.delivered.push(...report.deliveries);
    if (this.delivered.length > 20_000) this.delivered = this.delivered.slice(-10_000);
    return report;
  }

  /** The tenant holds the story; nobody is told. What a backfill then has to find. */
  hold(story: readonly StoryEvent[], tenant?: string): void {
    for (const event of story) this.tenant(tenant).apply(event);
  }

  /** Fills the tenant, be it with a million; nobody is told. */
  holdPasses(passes: Iterable<PassSeed>, tenant?: string): void {
    const held = this.tenant(tenant);
    for (const { creationDate, passType = 'loyalty', ...seed } of passes) held.createPass({ ...seed, passType }, creationDate);
  }

  /** A pass changes and no webhook tells of it. A provider that is not named has it no more. */
  changePass(id: string, { providers }: Pick<Pass, 'providers'>, tenant?: string): void {
    const { held, pass } = this.held(id, tenant);
    pass.providers = { ...providers };
    held.touch(pass, new Date(held.now()).toISOString());
  }

  /** A pass is gone and no webhook tells of it. */
  deletePass(id: string, tenant?: string): void {
    const { held, pass } = this.held(id, tenant);
    held.deletePass(pass);
  }

  private held(id: string, tenant?: string): { held: Tenant; pass: Pass } {
    const held = this.tenant(tenant);
    const pass = held.passes.get(id);
    if (!pass) throw new Error(`The Wallet Crew emulator holds no pass '${id}'.`);
    return { held, pass };
  }

  sampleDay(options: SampleDayOptions = {}): StoryEvent[] {
    return sampleDay({ ...(this.options.seed === undefined ? {} : { seed: this.options.seed }), ...options });
  }

  /** Registers a webhook without going through the API. */
  subscribe(options: SubscriptionOptions, tenant?: string): Subscription {
    return this.tenant(tenant).subscriptions.add(options);
  }

  passes(tenant?: string): Pass[] {
    return structuredClone([...this.tenant(tenant).passes.values()]);
  }

  pass(query: { id: string } | { identifiers: Record<string, string> }, tenant?: string): Pass | undefined {
    const held = this.tenant(tenant);
    return structuredClone('id' in query ? held.passes.get(query.id) : held.passesWith(query.identifiers)[0]);
  }

  customers(tenant?: string): Customer[] {
    return structuredClone([...this.tenant(tenant).customers.values()]);
  }

  customer(identifiers: Record<string, string>, tenant?: string): Customer | undefined {
    return structuredClone(this.tenant(tenant).findCustomer(identifiers));
  }

  notifications(tenant?: string): Notification[] {
    return [...this.tenant(tenant).notifications];
  }

  webhooks(tenant?: string): Subscription[] {
    return structuredClone(this.tenant(tenant).subscriptions.list());
  }

  /** What was sent to subscribers so far, with every try. */
  deliveries(): Delivery[] {
    return [...this.delivered];
  }

  requests(operation?: string): LoggedRequest[] {
    return this.log.list().filter((request) => operation === undefined || request.operation === operation);
  }

  stats(): Stats {
    return this.log.stats();
  }

  /** Resolves when every webhook set off by an API call has been delivered or given up. */
  async settle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  reset(): void {
    this.openTenants();
    this.log.clear();
    this.faults.clear();
    this.delivered = [];
  }

  async close(): Promise<void> {
    await this.listener.close();
  }

  private openTenants(): void {
    for (const [id, tenant] of Object.entries(this.options.tenants ?? { acme: {} })) {
      this.tenants.set(id, new Tenant(id, tenant, this.options.seed ?? 1, this.options.now ?? Date.now));
    }
  }

  private tenant(id = [...this.tenants.keys()][0]): Tenant {
    const tenant = this.tenants.get(id ?? '');
    if (!tenant) throw new Error(`The Wallet Crew emulator has no tenant '${id}'.`);
    return tenant;
  }

  private announce(tenant: Tenant, event: StoryEvent): void {
    const sending: Promise<unknown> = this.play([event], { tenant: tenant.id, deliverOnly: true }).finally(() => this.underWay.delete(sending));
    this.underWay.add(sending);
  }

  private ownPage({ path, method, body, query }: Exchange): unknown {
    const tenant = query.get('tenant') ?? undefined;
    if (method === 'POST') {
      if (path === '/__emulator/reset') return this.reset(), { done: true };
      if (path === '/__emulator/faults') return this.faults.set(JSON.parse(body.toString() || '[]') as FaultRule[]), this.faults.report();
      return undefined;
    }
    switch (path) {
      case '/': return overviewPage(this.tenants.values());
      case '/__emulator': return [...this.tenants.values()].map(({ id, passes, customers }) => ({ id, passes: passes.size, customers: customers.size }));
      case '/__emulator/passes': return this.passes(tenant).slice(0, 10_000);
      case '/__emulator/customers': return this.customers(tenant).slice(0, 10_000);
      case '/__emulator/notifications': return this.notifications(tenant);
      case '/__emulator/webhooks': return this.webhooks(tenant);
      case '/__emulator/deliveries': return this.deliveries();
      case '/__emulator/requests': return this.requests();
      case '/__emulator/stats': return this.stats();
      case '/__emulator/faults': return this.faults.report();
      default: return undefined;
    }
  }
}

export const startWalletCrew = (options: WalletCrewOptions = {}): Promise<WalletCrewEmulator> => WalletCrewEmulator.start(options);
