import { createHmac } from 'node:crypto';
import { seeded, type Seeded } from '../seeded.js';
import { SettlingSequence } from '../settling-sequence.js';
import type { StoryEvent } from './story.js';
import { Subscriptions, type SubscriptionOptions } from './subscriptions.js';

export interface Pass {
  id: string;
  secret: string;
  creationDate: string;
  lastUpdateDate: string;
  passType: string;
  identifiers: Record<string, string>;
  metadata: Record<string, unknown>;
  additionalData: Record<string, unknown>;
  /** Installation date per provider; a provider without the pass is absent. */
  providers: Partial<Record<'apple' | 'google', string>>;
}

export interface Customer {
  id: string;
  identifiers: Record<string, string>;
  account: Record<string, unknown>;
  /** The `neo.authToken` of links in messages. */
  token: string;
}

export interface Notification {
  passId: string;
  content: string | null;
  localizedContent: Record<string, string> | null;
  at: string;
}

/** A pass that has been there for long. What is not said is made up. */
export type PassSeed = Partial<Omit<Pass, 'creationDate'>> & Pick<Pass, 'identifiers' | 'creationDate'>;

export interface TenantOptions {
  /** API key → its scopes; `['*']` is a tenant administrator. */
  apiKeys?: Readonly<Record<string, readonly string[]>>;
  webhooks?: readonly SubscriptionOptions[];
}

/** Everything one tenant of The Wallet Crew holds. */
export class Tenant {
  readonly apiKeys: Readonly<Record<string, readonly string[]>>;
  readonly passes = new Map<string, Pass>();
  readonly customers = new Map<string, Customer>();
  readonly notifications: Notification[] = [];
  readonly subscriptions: Subscriptions;
  /** Changes with every write; sorted copies are valid for one version. */
  version = 0;
  private readonly customersByIdentifier = new Map<string, Customer>();
  readonly inOrderOfCreation = new SettlingSequence<Pass>(({ creationDate }) => creationDate);
  /** Nearly every identifier has one pass, and a million lists would be heavy. */
  private readonly passesByIdentifier = new Map<string, Pass | Pass[]>();
  private readonly random: Seeded;

  constructor(readonly id: string, options: TenantOptions, seed: number, readonly now: () => number) {
    this.apiKeys = options.apiKeys ?? { wc_test: ['*'] };
    this.random = seeded(seed);
    this.subscriptions = new Subscriptions(options.webhooks ?? []);
  }

  newPassId(): string {
    return letters(this.random, 16);
  }

  createPass(fields: Partial<Pass> & Pick<Pass, 'passType' | 'identifiers'>, at: string): Pass {
    const pass: Pass = {
      id: fields.id ?? this.newPassId(),
      secret: fields.secret ?? letters(this.random, 32),
      creationDate: at,
      lastUpdateDate: fields.lastUpdateDate ?? at,
      passType: fields.passType,
      identifiers: { ...fields.identifiers },
      metadata: { ...fields.metadata },
      additionalData: { ...fields.additionalData },
      providers: { ...fields.providers },
    };
    this.passes.set(pass.id, pass);
    this.inOrderOfCreation.add(pass);
    for (const entry of Object.entries(pass.identifiers)) {
      const sharing = this.sharing(entry);
      this.passesByIdentifier.set(key(entry), sharing.length === 0 ? pass : [...sharing, pass]);
    }
    this.version++;
    return pass;
  }

  deletePass(pass: Pass): void {
    this.passes.delete(pass.id);
    this.inOrderOfCreation.remove(pass);
    for (const entry of Object.entries(pass.identifiers)) this.passesByIdentifier.set(key(entry), this.sharing(entry).filter((other) => other !== pass));
    this.version++;
  }

  /** Passes that carry all of these identifiers, exactly as written. */
  passesWith(identifiers: Readonly<Record<string, string>>): Pass[] {
    const entries = Object.entries(identifiers);
    const [first, ...others] = entries;
    if (!first) return [];
    return this.sharing(first).filter((pass) => others.every(([name, value]) => pass.identifiers[name] === value));
  }

  touch(pass: Pass, at: string): void {
    if (at > pass.lastUpdateDate) pass.lastUpdateDate = at;
    this.version++;
  }

  upsertCustomer(identifiers: Record<string, string>, account: Record<string, unknown>): Customer {
    const known = this.findCustomer(identifiers);
    const customer = known ?? { id: identifiers['customerId'] ?? identifiers['email'] ?? letters(this.random, 12), identifiers: {}, account: {}, token: '' };
    Object.assign(customer.identifiers, identifiers);
    Object.assign(customer.account, account);
    customer.token ||= token(this.id, customer.id);
    this.customers.set(customer.id, customer);
    for (const entry of Object.entries(customer.identifiers)) this.customersByIdentifier.set(key(entry), customer);
    return customer;
  }

  /** The customer any of these identifiers belongs to. */
  findCustomer(identifiers: Readonly<Record<string, string>>): Customer | undefined {
    for (const entry of Object.entries(identifiers)) {
      const customer = this.customersByIdentifier.get(key(entry));
      if (customer) return customer;
    }
    return undefined;
  }

  customerOfToken(given: string): Customer | undefined {
    const [, payload] = given.split('.');
    try {
      const { sub } = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as { sub?: string };
      const customer = this.customers.get(sub ?? '');
      return customer?.token === given ? customer : undefined;
    } catch {
      return undefined;
    }
  }

  passesOf(customer: Customer): Pass[] {
    return [...new Set(Object.entries(customer.identifiers).flatMap(([name, value]) => this.passesWith({ [name]: value })))];
  }

  /** Makes the tenant hold what a story says has happened. */
  apply(event: StoryEvent): void {
    if (event.kind.startsWith('Customer:')) {
      this.upsertCustomer(event.identifiers, event.account ?? {});
      return;
    }
    if (!event.kind.startsWith('Pass:') || event.passId === undefined) return;
    const pass = this.passes.get(event.passId) ??
      this.createPass({ id: event.passId, passType: event.passType ?? 'loyalty', identifiers: event.identifiers }, event.at);
    Object.assign(pass.metadata, event.metadata);
    Object.assign(pass.additionalData, event.additionalData);
    if (event.device && event.kind === 'Pass:Installed') pass.providers[event.device] ??= event.at;
    // With several devices the pass leaves a wallet only when the last of them drops it.
    if (event.device && event.kind === 'Pass:Uninstalled' && !event.additionalInformation?.activeRegistrationCount) delete pass.providers[event.device];
    this.touch(pass, event.at);
  }

  private sharing(entry: [string, string]): Pass[] {
    const passes = this.passesByIdentifier.get(key(entry)) ?? [];
    return Array.isArray(passes) ? passes : [passes];
  }
}

const key = ([name, value]: [string, string]) => `${name} ${value}`;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const letters = (random: Seeded, length: number) => Array.from({ length }, () => alphabet[random.below(alphabet.length)]!).join('');

/** A customer JWT. Whether the vendor's `neo.authToken` is one is not documented: callers must treat it as opaque. */
function token(tenantId: string, customerId: string): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: customerId, tenant: tenantId })}`;
  return `${signed}.${createHmac('sha256', `emulated tenant ${tenantId}`).update(signed).digest('base64url')}`;
}
