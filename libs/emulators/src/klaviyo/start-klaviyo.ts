import { FaultPlan, type FaultRule } from '../faults.js';
import type { Exchange } from '../http/exchange.js';
import { type Listener, listen } from '../http/listener.js';
import { type LoggedRequest, RequestLog, type Stats } from '../http/request-log.js';
import type { Account } from './account.js';
import { AccountBook } from './account-book.js';
import { type FlowWebhook, type FlowWebhookOutcome, personVariables, sendFlowWebhook } from './flow-webhook.js';
import { KlaviyoInspection, type ProfileQuery } from './inspection.js';
import { defaultLimits } from './limits.js';
import { mergeProfiles } from './merge.js';
import type { KlaviyoOptions } from './options.js';
import { overviewPage } from './overview-page.js';
import type { Settings } from './operation.js';
import { changeProperties, type EventSeed, holdEvents, holdProfiles, type ProfileSeed } from './planting.js';
import type { Profile } from './profile.js';
import { klaviyoService } from './service.js';
import { type ChosenChannel, happen, optIn, optOut, personOf } from './choices.js';
import type { SystemEventOptions } from './system-events.js';
import { sendSystemWebhook, type SystemWebhook, type SystemWebhookEvent, type SystemWebhookOutcome } from './system-webhook.js';
import { renderTemplate, type TemplateScope } from './template.js';

/** A running stand-in for Klaviyo. */
export class KlaviyoEmulator extends KlaviyoInspection {
  private listener!: Listener;

  private constructor(
    book: AccountBook,
    /** What goes wrong; changeable at any time. */
    readonly faults: FaultPlan,
    private readonly log: RequestLog,
  ) {
    super(book);
  }

  static async start(options: KlaviyoOptions): Promise<KlaviyoEmulator> {
    const now = options.now ?? Date.now;
    const emulator = new KlaviyoEmulator(new AccountBook(options, now), new FaultPlan(options.seed), new RequestLog(options.keepRequests));
    const { events = 20, imports = 20, subscriptions = 20, other = 20 } = options.delays ?? {};
    const settings: Settings = {
      delays: { events, imports, subscriptions, other },
      dropTestDomains: options.dropTestDomains ?? false,
      mergeStatus: options.mergeStatus ?? 201,
      now,
    };
    const service = klaviyoService({
      accounts: emulator.book,
      limits: { ...defaultLimits(), ...(options.limits === 'off' ? {} : options.limits) },
      limited: options.limits !== 'off',
      settings,
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

  /** The last requests, oldest first. */
  requests(operation?: string): LoggedRequest[] {
    return this.log.list().filter((request) => operation === undefined || request.operation === operation);
  }

  stats(): Stats {
    return this.log.stats();
  }

  /** Resolves when everything accepted so far has taken effect. */
  async settle(): Promise<void> {
    await Promise.all(this.book.select().map((account) => account.settle()));
  }

  /** Forgets data, quotas, requests and faults. */
  reset(): void {
    this.book.reset();
    this.log.clear();
    this.faults.clear();
  }

  /** Opens every rate window anew and keeps the data. */
  resetLimits(): void {
    this.book.resetLimits();
  }

  /** Fills the account, be it with a million. The properties are held as they are given, not copied. */
  holdProfiles(profiles: Iterable<ProfileSeed>, account?: string): void {
    holdProfiles(this.book.select(account)[0]!, profiles);
  }

  holdEvents(events: Iterable<EventSeed>, account?: string): void {
    holdEvents(this.book.select(account)[0]!, events);
  }

  /** Somebody changes properties of a profile in Klaviyo itself; `undefined` removes one. */
  changeProperties(query: ProfileQuery, properties: Record<string, unknown>, account?: string): void {
    const { one, profile } = this.held(query, account);
    changeProperties(one, profile, properties);
  }

  /** Somebody deletes a profile in Klaviyo itself. */
  deleteProfile(query: ProfileQuery, account?: string): void {
    const { one, profile } = this.held(query, account);
    one.removeProfile(profile);
  }

  private held(query: ProfileQuery, account?: string): { one: Account; profile: Profile } {
    for (const one of this.book.select(account)) {
      const [profile] = one.profiles.matches(query);
      if (profile) return { one, profile };
    }
    throw new Error('The Klaviyo emulator holds no such profile.');
  }

  /** The person answers the double opt-in message(s). Answers how many were waiting. */
  confirmOptIn(query: ProfileQuery, account?: string): number {
    let confirmed = 0;
    for (const one of this.book.select(account)) {
      const profile = one.profiles.matches(query)[0];
      const mine = one.pendingOptIns.filter(({ profileId }) => profileId === profile?.id);
      one.pendingOptIns = one.pendingOptIns.filter((pending) => !mine.includes(pending));
      for (const { confirm } of mine) confirm();
      confirmed += mine.length;
    }
    return confirmed;
  }

  /** A person leaves a channel in Klaviyo itself. Answers what a system webhook tells of it; for SMS name the phone. */
  optOut(query: ProfileQuery, channel: ChosenChannel, options: SystemEventOptions & { account?: string } = {}): SystemWebhookEvent {
    return this.told(options, (account) => optOut(account, personOf(account, query), channel));
  }

  /** A person comes back to a channel in Klaviyo itself. */
  optIn(query: ProfileQuery, channel: ChosenChannel, options: SystemEventOptions & { account?: string } = {}): SystemWebhookEvent {
    return this.told(options, (account) => optIn(account, personOf(account, query), channel));
  }

  /** The marketer suppresses an address or lifts that again, the person reports spam, or the mailbox refuses. */
  emailHappens(query: ProfileQuery, what: Parameters<typeof happen>[2], options: SystemEventOptions & { account?: string } = {}): SystemWebhookEvent {
    return this.told(options, (account) => happen(account, personOf(account, query), what));
  }

  /** Klaviyo joins two profiles; the second is gone. */
  merge(into: ProfileQuery, from: ProfileQuery, options: SystemEventOptions & { account?: string } = {}): SystemWebhookEvent {
    return this.told(options, (account) => mergeProfiles(account, personOf(account, into), personOf(account, from)));
  }

  /** All that system webhooks had to tell so far, oldest first; also what was asked for through the API. */
  systemEvents(options: SystemEventOptions & { account?: string } = {}): SystemWebhookEvent[] {
    return this.book.select(options.account).flatMap((account) => account.systemEvents.documents(options));
  }

  private told({ account: name, ...options }: SystemEventOptions & { account?: string }, happens: (account: Account) => void): SystemWebhookEvent {
    const account = this.book.select(name)[0]!;
    const before = account.systemEvents.count;
    happens(account);
    if (account.systemEvents.count === before) throw new Error('Nothing changed for this person, so Klaviyo has nothing to tell.');
    return account.systemEvents.last(options);
  }

  renderTemplate(template: string, scope: TemplateScope): string {
    return renderTemplate(template, scope);
  }

  /** A flow's webhook action for one person: a profile held here, or variables of your own. */
  async sendFlowWebhook(webhook: FlowWebhook & { profile: ProfileQuery | Record<string, unknown>; account?: string }): Promise<FlowWebhookOutcome> {
    for (const one of this.book.select(webhook.account)) {
      const [held] = one.profiles.matches(webhook.profile as ProfileQuery);
      if (held) return sendFlowWebhook(webhook, personVariables(held));
    }
    return sendFlowWebhook(webhook, webhook.profile as Record<string, unknown>);
  }

  sendSystemWebhook(webhook: SystemWebhook): Promise<SystemWebhookOutcome> {
    return sendSystemWebhook({ accountId: this.book.select()[0]?.id ?? '', ...webhook });
  }

  async close(): Promise<void> {
    this.book.close();
    await this.listener.close();
  }

  private ownPage({ path, query, method, body }: Exchange): unknown {
    const account = query.get('account') ?? undefined;
    const person: ProfileQuery = {};
    for (const name of ['id', 'email', 'phone', 'externalId'] as const) {
      const value = query.get(name);
      if (value !== null) person[name] = value;
    }
    if (method === 'POST') return this.ownCommand(path, body);
    switch (path) {
      case '/': return overviewPage(this.book.select(account), query.get('q') ?? '');
      case '/__emulator': return { profiles: this.profileCount(), events: this.eventCount(), lists: this.lists(), accounts: this.book.select().map(({ id }) => id) };
      case '/__emulator/profiles': return Object.keys(person).length > 0 ? [this.profile(person, account)].filter(Boolean) : this.profiles(account).slice(0, 10_000);
      case '/__emulator/events': return this.events({ ...person, ...(query.has('metric') ? { metric: query.get('metric')! } : {}) }, account).slice(-10_000);
      case '/__emulator/subscriptions': return this.subscriptions(person, account);
      case '/__emulator/lists': return this.lists(account);
      case '/__emulator/list-members': return this.listMembers(query.get('list') ?? '', account);
      case '/__emulator/jobs': return this.jobs(account);
      case '/__emulator/requests': return this.requests();
      case '/__emulator/stats': return this.stats();
      case '/__emulator/flows-triggered': return this.flowsTriggered(account);
      case '/__emulator/lost-events': return this.lostEvents(account);
      case '/__emulator/pending-opt-ins': return this.pendingOptIns(account);
      case '/__emulator/faults': return this.faults.report();
      default: return undefined;
    }
  }

  private ownCommand(path: string, body: Buffer): unknown {
    switch (path) {
      case '/__emulator/reset': this.reset(); return { done: true };
      case '/__emulator/reset-limits': this.resetLimits(); return { done: true };
      case '/__emulator/faults': this.faults.set(JSON.parse(body.toString() || '[]') as FaultRule[]); return this.faults.report();
      case '/__emulator/confirm-opt-in': return { confirmed: this.confirmOptIn(JSON.parse(body.toString()) as ProfileQuery) };
      default: return undefined;
    }
  }
}

export const startKlaviyo = (options: KlaviyoOptions = {}): Promise<KlaviyoEmulator> => KlaviyoEmulator.start(options);
