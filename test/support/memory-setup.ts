import { type Access, type FlowRecipe, type HeldFlow, type HeldList, type HeldSegment, type HeldWebhook, MarketingSetup, type Scope, type SegmentRecipe, type Unanswered, WalletSetup } from '#core';

const scopes = ['accounts:read', 'events:read', 'events:write', 'segments:read', 'segments:write', 'flows:read', 'flows:write', 'metrics:read', 'lists:read'];

/** What one account holds. */
export class MemoryAccount {
  readonly lists: HeldList[] = [];
  readonly metrics: string[] = [];
  readonly segments: HeldSegment[] = [];
  readonly flows: (HeldFlow & { recipe: FlowRecipe; segmentId: string })[] = [];
}

/** The promises of the port in memory; the port suite runs over it too. */
export class MemoryMarketingSetup extends MarketingSetup {
  constructor(readonly account = new MemoryAccount(), private readonly lacks: readonly string[] = []) {
    super();
  }

  async access(): Promise<Access> {
    const state = (name: string): Scope['state'] => (name.endsWith(':write') ? 'unproven' : this.lacks.includes(name) ? 'missing' : 'granted');
    return {
      ...(this.lacks.includes('accounts:read') ? {} : { account: { id: 'ACC001', isTest: true } }),
      retiresAt: Date.UTC(2028, 0),
      scopes: scopes.map((name) => ({ name, says: name, needed: /^(segments|flows):/.test(name) ? 'setup' : 'always', state: state(name) })),
    };
  }

  async lists(_tenant: string, ids: readonly string[]): Promise<HeldList[] | Unanswered> {
    return this.#may('lists:read', () => this.account.lists.filter(({ id }) => ids.includes(id)));
  }

  async metrics(): Promise<string[] | Unanswered> {
    return this.#may('metrics:read', () => this.account.metrics);
  }

  async segments(_tenant: string, names: readonly string[]): Promise<HeldSegment[] | Unanswered> {
    return this.#may('segments:read', () => this.account.segments.filter(({ name }) => names.includes(name)));
  }

  async flows(_tenant: string, name: string): Promise<HeldFlow[] | Unanswered> {
    return this.#may('flows:read', () => this.account.flows.filter((flow) => flow.name === name).map(({ recipe: _recipe, segmentId: _segment, ...flow }) => flow));
  }

  async createSegment(_tenant: string, { name, groups }: SegmentRecipe): Promise<HeldSegment | Unanswered> {
    return this.#may('segments:write', () => {
      const segment = { id: `S-${this.account.segments.length + 1}`, name, groups };
      this.account.segments.push(segment);
      return segment;
    });
  }

  async createFlow(_tenant: string, recipe: FlowRecipe, segmentId: string): Promise<HeldFlow | Unanswered> {
    return this.#may('flows:write', () => {
      const flow = { id: `F-${this.account.flows.length + 1}`, name: recipe.name, status: 'draft' };
      this.account.flows.push({ ...flow, recipe, segmentId });
      return flow;
    });
  }

  #may<T>(scope: string, work: () => T): T | Unanswered {
    return this.lacks.includes(scope) ? { code: 'KLAVIYO_SCOPE_MISSING', words: `missing ${scope}` } : work();
  }
}

export class MemoryWalletSetup extends WalletSetup {
  constructor(public types: string[] = ['loyalty'], public hooks: HeldWebhook[] | 'unknown' | Unanswered = []) {
    super();
  }

  async passTypes(): Promise<{ types: string[]; read: number } | Unanswered> {
    return { types: this.types, read: this.types.length };
  }

  async webhooks(): Promise<HeldWebhook[] | 'unknown' | Unanswered> {
    return this.hooks;
  }
}
