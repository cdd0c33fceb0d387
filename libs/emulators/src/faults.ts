import { seeded } from './seeded.js';

/**
 * What goes wrong. Everything but `slow`, `drop` and `malformed` happens instead of the work;
 * those three do the work first, so that what the caller believes and what the vendor holds differ.
 */
export type Fault =
  /** An answer with this status. 429 carries `Retry-After` only when `retryAfter` is given; 52x and `html` come as Cloudflare pages. */
  | { kind: 'status'; status: number; retryAfter?: number; html?: boolean }
  /** The request is read and never answered. */
  | { kind: 'hang' }
  /** The connection is reset before anything is processed. */
  | { kind: 'reset' }
  /** The answer comes late. */
  | { kind: 'slow'; ms: number }
  /** Processed, then the connection breaks before the answer: the caller cannot know. */
  | { kind: 'drop' }
  /** Processed, and the JSON of the answer is cut in half. */
  | { kind: 'malformed' };

export type FaultRule = Fault & {
  /** Only this operation (`create_event`, `list_passes`, …) or these; without it, every operation. */
  operation?: string | readonly string[];
  /** Share of the requests that fail, 0..1. Default 1: the rule is a switch. */
  probability?: number;
  /** Stop after this many hits. */
  times?: number;
  /** Let this many matching requests pass first. */
  after?: number;
};

/** The faults of one server: set, changed and lifted while it runs. The first rule that strikes wins. */
export class FaultPlan {
  private rules: { rule: FaultRule; seen: number; hits: number }[] = [];
  private random;

  constructor(private readonly seed = 1) {
    this.random = seeded(seed);
  }

  /** Replaces every rule and starts the seed anew, so a plan plays the same way each time it is set. */
  set(rules: readonly FaultRule[]): void {
    this.random = seeded(this.seed);
    this.rules = rules.map((rule) => ({ rule, seen: 0, hits: 0 }));
  }

  add(rule: FaultRule): void {
    this.rules.push({ rule, seen: 0, hits: 0 });
  }

  clear(): void {
    this.rules = [];
  }

  /** The rules in force with how often each has struck. */
  report(): { rule: FaultRule; seen: number; hits: number }[] {
    return this.rules.map((entry) => ({ ...entry }));
  }

  strike(operation: string): Fault | undefined {
    for (const entry of this.rules) {
      const { rule } = entry;
      if (!concerns(rule, operation)) continue;
      entry.seen++;
      if (entry.seen <= (rule.after ?? 0)) continue;
      if (rule.times !== undefined && entry.hits >= rule.times) continue;
      if (rule.probability !== undefined && this.random.next() >= rule.probability) continue;
      entry.hits++;
      return rule;
    }
    return undefined;
  }
}

function concerns(rule: FaultRule, operation: string): boolean {
  if (rule.operation === undefined) return true;
  return typeof rule.operation === 'string' ? rule.operation === operation : rule.operation.includes(operation);
}
