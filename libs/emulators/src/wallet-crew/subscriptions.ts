import { randomBytes } from 'node:crypto';

/** A webhook subscription, as the management API shows it. */
export interface Subscription {
  /** Five characters. */
  id: string;
  /** Sixty-four characters. */
  signatureSecret: string;
  description: string | null;
  endpoint: string;
  events: string[];
  enabled: boolean;
}

export interface SubscriptionOptions {
  endpoint: string;
  events?: readonly string[];
  signatureSecret?: string;
  description?: string | null;
  enabled?: boolean;
}

const random = (length: number) => randomBytes(length).toString('base64url').replace(/[-_]/g, 'x').slice(0, length);

export class Subscriptions {
  private readonly byId = new Map<string, Subscription>();

  constructor(initial: readonly SubscriptionOptions[]) {
    for (const options of initial) this.add(options);
  }

  add({ endpoint, events = ['*'], signatureSecret = random(64), description = null, enabled = true }: SubscriptionOptions): Subscription {
    const subscription = { id: random(5), signatureSecret, description, endpoint, events: [...events], enabled };
    this.byId.set(subscription.id, subscription);
    return subscription;
  }

  get = (id: string): Subscription | undefined => this.byId.get(id);
  list = (): Subscription[] => [...this.byId.values()];
  remove = (id: string): boolean => this.byId.delete(id);

  /** Who listens to an event of this name, whichever way either side spells it. */
  listeningTo(kind: string): Subscription[] {
    return this.list().filter(({ enabled, events }) => enabled && events.some((pattern) => matches(pattern, kind)));
  }
}

/** `Customer:*`, `pass.created`, `store.*.updated`, `*`: the guide writes colons, the reference dots and lower case. */
function matches(pattern: string, kind: string): boolean {
  const plain = (text: string) => text.toLowerCase().replaceAll('.', ':');
  const expression = plain(pattern).split('*').map((part) => part.replace(/[^\w:]/g, '\\$&')).join('.*');
  return new RegExp(`^${expression}$`).test(plain(kind));
}
