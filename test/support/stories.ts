import { decide, defaultConsents, defaultIdentity, defaultMetrics, identifierKeys, lookupKeys, type Attributes, type Command, type Decision, type EventKind, type Person, type PropertyValue, type Rules, type Wallet, type WalletEvent } from '#core';

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;
/** When stories begin unless they say otherwise. */
export const start = Date.UTC(2026, 0, 5, 9);

/** A tenant with one kind of pass, one list and the default consent fields; phones are read only in international form. */
export function rules(own: Partial<Rules> = {}): Rules {
  return {
    tenant: 'acme',
    passKinds: { loyaltyCard: ['loyalty', 'loyalty-gold'] },
    identity: defaultIdentity,
    consents: defaultConsents,
    listId: 'NEWS',
    metrics: defaultMetrics,
    lateAfterMs: day,
    toE164: (number) => (/^\+\d{8,15}$/.test(number.replaceAll(' ', '')) ? number.replaceAll(' ', '') : undefined),
    ...own,
  };
}

export function event(kind: WalletEvent['kind'], own: Partial<WalletEvent> = {}): WalletEvent {
  return { kind, name: kind, at: start, identifiers: {}, metadata: {}, answers: {}, attributes: {}, ...own };
}

interface Step {
  /** Epoch milliseconds; otherwise a minute after the step before. */
  at?: number;
  /** Instead of the customer's own id. */
  identifiers?: Record<string, string>;
}
interface Details extends Step {
  email?: string;
  phone?: string;
  consents?: Record<string, boolean>;
  attributes?: Attributes;
}
interface PassStep extends Step {
  pass?: string;
  type?: string;
  kind?: string;
  metadata?: WalletEvent['metadata'];
  /** Devices that hold the pass in this wallet afterwards. */
  left?: number;
}

const walletNames = { apple: 'Apple', google: 'Google' } as const satisfies Record<string, Wallet>;

/** The life of one customer as The Wallet Crew would tell it. */
export class Customer {
  readonly events: WalletEvent[] = [];
  private clock: number;

  constructor(
    readonly id: string,
    from = start,
  ) {
    this.clock = from;
  }

  enrolled(details: Details = {}): this {
    return this.told('registered', details);
  }

  updated(details: Details = {}): this {
    return this.told('customer-updated', details);
  }

  /** An answer to consent fields, told with an update. */
  answered(consents: Record<string, boolean>, step: Step = {}): this {
    return this.told('customer-updated', { ...step, consents });
  }

  passCreated(step: PassStep = {}): this {
    return this.pass('pass-created', step);
  }

  passUpdated(step: PassStep = {}): this {
    return this.pass('pass-updated', step);
  }

  installed(wallet: keyof typeof walletNames, step: PassStep = {}): this {
    return this.pass('pass-installed', step, walletNames[wallet]);
  }

  uninstalled(wallet: keyof typeof walletNames, step: PassStep = {}): this {
    return this.pass('pass-uninstalled', step, walletNames[wallet]);
  }

  private told(kind: EventKind, { email, phone, consents, attributes, ...step }: Details): this {
    const contact = { ...(email === undefined ? {} : { email }), ...(phone === undefined ? {} : { phone }) };
    return this.happened(kind, step, { identifiers: { ...(step.identifiers ?? { customerId: this.id }), ...contact }, answers: consents ?? {}, attributes: attributes ?? {} });
  }

  private pass(kind: EventKind, { pass, type = 'loyalty', kind: passKind, left, metadata, ...step }: PassStep, wallet?: Wallet): this {
    return this.happened(kind, step, {
      identifiers: step.identifiers ?? { customerId: this.id },
      pass: { id: pass ?? `pass-of-${this.id}`, ...(passKind === undefined ? { type } : { kind: passKind }) },
      ...(wallet ? { wallet } : {}),
      ...(left === undefined ? {} : { activeRegistrations: left }),
      metadata: metadata ?? {},
    });
  }

  private happened(kind: EventKind, step: Step, own: Partial<WalletEvent>): this {
    this.clock = step.at ?? this.clock + minute;
    this.events.push(event(kind, { at: this.clock, ...own }));
    return this;
  }
}

export const aCustomer = (id: string, from?: number) => new Customer(id, from);

/** What a run of events came to, and what Klaviyo would hold after taking every command in turn. */
export interface Lived {
  persons: Person[];
  decisions: Decision[];
  commands: Command[];
  /** Person id → properties and attributes of the last profile update. */
  profiles: Map<string, { properties: Record<string, PropertyValue>; attributes: Attributes }>;
  /** The unique ids Klaviyo has counted. */
  tracks: Set<string>;
  /** Person id → `list channel` of which the person is a member. */
  members: Map<string, Set<string>>;
}

/** Lets each event be decided in turn, as one replica after the other would. All that `decide` is given is frozen. */
export function live(events: readonly WalletEvent[], rule: Rules = rules(), now = start + hour): Lived {
  const persons = new Map<string, Person>();
  const lived: Lived = { persons: [], decisions: [], commands: [], profiles: new Map(), tracks: new Set(), members: new Map() };
  for (const happened of events) {
    const keys = lookupKeys(happened, rule);
    const found = [...persons.values()].filter((person) => identifierKeys(person).some((key) => keys.includes(key)));
    const decision = decide(frozen(structuredClone(happened)), frozen(found), frozen(rule), now);
    for (const gone of decision.absorbed) {
      persons.delete(gone);
      for (const list of lived.members.get(gone) ?? []) membersOf(lived, decision.person.id).add(list);
      lived.members.delete(gone);
      lived.profiles.delete(gone);
    }
    persons.set(decision.person.id, decision.person);
    for (const command of decision.commands) apply(lived, decision.person.id, command);
    lived.decisions.push(decision);
    lived.commands.push(...decision.commands);
  }
  lived.persons = [...persons.values()];
  return lived;
}

function apply(lived: Lived, person: string, command: Command): void {
  if (command.do === 'track') lived.tracks.add(command.uniqueId);
  if (command.do === 'upsert-profile') lived.profiles.set(person, { properties: command.properties, attributes: command.attributes });
  if (command.do === 'subscribe') membersOf(lived, person).add(`${command.listId} ${command.channel}`);
  if (command.do === 'unsubscribe') membersOf(lived, person).delete(`${command.listId} ${command.channel}`);
}

function membersOf(lived: Lived, person: string): Set<string> {
  const lists = lived.members.get(person) ?? new Set();
  lived.members.set(person, lists);
  return lists;
}

/**
 * What must not depend on order or repetition. Left out are the traces of the way there: the internal id, which
 * questions Klaviyo was asked before, and the order in which identifiers were heard.
 */
export function outcome(lived: Lived): unknown {
  const persons = lived.persons.map(({ id, asked: _asked, profile: _profile, identifiers, ...known }) => ({
    ...known,
    identifiers: Object.fromEntries(Object.entries(identifiers).map(([key, values]) => [key, values.toSorted((a, b) => (a.value < b.value ? -1 : 1))])),
    klaviyo: lived.profiles.get(id),
    lists: [...(lived.members.get(id) ?? [])].sort(),
  }));
  return { persons: persons.map((person) => canonical(person)).sort(), tracks: [...lived.tracks].sort() };
}

/** JSON with sorted keys, so that equal things are equal texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (part !== null && typeof part === 'object' && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1))) : part));
}

export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) => permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]));
}

/** The profile that Klaviyo ends up with when there is one person. */
export function profile(lived: Lived): Record<string, PropertyValue> {
  if (lived.persons.length !== 1) throw new Error(`there are ${lived.persons.length} persons`);
  return lived.profiles.get(lived.persons[0]!.id)!.properties;
}

export function onlyPerson(lived: Lived): Person {
  if (lived.persons.length !== 1) throw new Error(`there are ${lived.persons.length} persons`);
  return lived.persons[0]!;
}

export function commandsOf<D extends Command['do']>(lived: Pick<Lived, 'commands'>, what: D): Extract<Command, { do: D }>[] {
  return lived.commands.filter((command): command is Extract<Command, { do: D }> => command.do === what);
}

/** Frozen to the bottom: writing to it throws. */
export function frozen<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}
