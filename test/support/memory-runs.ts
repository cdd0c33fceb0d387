import { firstCheckpoint, Runs, type Checkpoint, type Clock, type DriftKind, type ErrorCode, type Lane, type Refusal, type RepairFate, type Report, type Run, type RunOptions, type RunStatus } from '#core';

/** How one repair fared, as a test tells. */
export interface Repaired {
  runId: string;
  kinds: DriftKind[];
  fate: 'repaired' | 'refused' | 'open';
  refusal?: Refusal;
}

interface Held {
  run: Run;
  lease?: string;
  leasedUntil: number;
  cancelAsked: boolean;
}

/** The promises of the port in one process, by an injected clock; how repairs fared is what `repairs` says. */
export class MemoryRuns extends Runs {
  repairs: Repaired[] = [];
  /** By run: what its repairs became, as a test tells. */
  readonly asked = new Map<string, Partial<Record<Lane, number>>>();
  /** The oldest first. */
  readonly #runs: Held[] = [];
  readonly #seen = new Map<string, Set<string>>();
  readonly #profiles = new Map<string, string>();
  #serial = 0;

  constructor(private readonly clock: Pick<Clock, 'now'>) {
    super();
  }

  async begin(tenant: string, options: RunOptions, leaseMs: number): Promise<{ run: Run; lease: string } | { busy: Run }> {
    this.#endAbandoned(tenant, !options.dryRun);
    const running = this.#runs.find(({ run }) => run.tenant === tenant && run.status === 'running');
    if (running && (this.#isHeld(running) || running.run.options.dryRun !== options.dryRun)) return { busy: structuredClone(running.run) };
    const lease = `lease-${++this.#serial}`;
    const leasedUntil = this.clock.now() + leaseMs;
    if (running) Object.assign(running, { lease, leasedUntil, run: { ...running.run, resumed: running.run.resumed + 1 } });
    else this.#runs.push({ run: { id: `run-${this.#serial}`, tenant, options: structuredClone(options), status: 'running', startedAt: this.clock.now(), resumed: 0, checkpoint: firstCheckpoint() }, lease, leasedUntil, cancelAsked: false });
    return { run: structuredClone((running ?? this.#runs.at(-1)!).run), lease };
  }

  async keep(id: string, lease: string, checkpoint: Checkpoint, leaseMs: number): Promise<'go' | 'cancelled' | 'lost'> {
    const held = this.#heldBy(id, lease);
    if (!held) return 'lost';
    held.run.checkpoint = structuredClone(checkpoint);
    held.leasedUntil = this.clock.now() + leaseMs;
    return held.cancelAsked ? 'cancelled' : 'go';
  }

  async release(id: string, lease: string): Promise<void> {
    delete this.#heldBy(id, lease)?.lease;
  }

  async end(id: string, lease: string, status: Exclude<RunStatus, 'running'>, report: Report, code?: ErrorCode): Promise<void> {
    const held = this.#heldBy(id, lease);
    if (held) Object.assign(held.run, { status, endedAt: this.clock.now(), report: structuredClone(report), ...(code ? { code } : {}) });
  }

  async cancel(tenant: string, id: string): Promise<boolean> {
    const running = this.#runs.find(({ run }) => run.tenant === tenant && run.id === id && run.status === 'running');
    if (running) running.cancelAsked = true;
    this.#endAbandoned(tenant);
    return running !== undefined;
  }

  async list(tenant: string, limit: number): Promise<Run[]> {
    return this.#runs.filter(({ run }) => run.tenant === tenant).toReversed().slice(0, limit).map(({ run }) => structuredClone(run));
  }

  async find(tenant: string, id: string): Promise<Run | undefined> {
    return (await this.list(tenant, Infinity)).find((run) => run.id === id);
  }

  async last(tenant: string): Promise<Run | undefined> {
    return (await this.list(tenant, Infinity)).find(({ status, options: { dryRun, since, only } }) => status === 'done' && !dryRun && since === undefined && only.includes('status'));
  }

  async see(id: string, what: string, keys: readonly string[]): Promise<string[]> {
    const seen = this.#seenBy(id, what);
    const fresh = [...new Set(keys)].filter((key) => !seen.has(key));
    for (const key of fresh) seen.add(key);
    return fresh;
  }

  async seen(id: string, what: string, keys: readonly string[]): Promise<string[]> {
    return [...new Set(keys)].filter((key) => this.#seenBy(id, what).has(key));
  }

  async seePersons(id: string, profiles: ReadonlyMap<string, string>): Promise<Map<string, string>> {
    const first = new Map([...profiles].map(([person, profile]) => [person, this.#profiles.get(`${id} ${person}`) ?? profile]));
    for (const [person, profile] of first) this.#profiles.set(`${id} ${person}`, profile);
    await this.see(id, 'person', [...profiles.keys()]);
    return first;
  }

  allSeen(id: string, what: string): string[] {
    return [...this.#seenBy(id, what)];
  }

  async forget(id: string): Promise<void> {
    for (const key of this.#seen.keys()) if (key.startsWith(`${id} `)) this.#seen.delete(key);
  }

  async fates(id: string): Promise<{ kinds: RepairFate[]; refusals: Refusal[] }> {
    const mine = this.repairs.filter(({ runId }) => runId === id);
    const count = (kind: DriftKind, fate: Repaired['fate']) => mine.filter((repair) => repair.fate === fate && repair.kinds.includes(kind)).length;
    const kinds = [...new Set(mine.flatMap((repair) => repair.kinds))].sort();
    return {
      kinds: kinds.map((kind) => ({ kind, repaired: count(kind, 'repaired'), refused: count(kind, 'refused'), open: count(kind, 'open') })),
      refusals: mine.flatMap(({ refusal }) => refusal ?? []),
    };
  }

  async commands(id: string): Promise<Partial<Record<Lane, number>>> {
    return this.asked.get(id) ?? {};
  }

  async undecided(): Promise<number> {
    return 0;
  }

  async open(id: string): Promise<number> {
    return this.repairs.filter(({ runId, fate }) => runId === id && fate === 'open').length;
  }

  #isHeld({ lease, leasedUntil }: Held): boolean {
    return lease !== undefined && leasedUntil > this.clock.now();
  }

  #heldBy(id: string, lease: string): Held | undefined {
    return this.#runs.find((held) => held.run.id === id && held.lease === lease && held.run.status === 'running');
  }

  #endAbandoned(tenant: string, repairs = false): void {
    for (const held of this.#runs) if (held.run.tenant === tenant && held.run.status === 'running' && (held.cancelAsked || (repairs && held.run.options.dryRun)) && !this.#isHeld(held)) Object.assign(held.run, { status: 'cancelled', endedAt: this.clock.now() });
  }

  #seenBy(id: string, what: string): Set<string> {
    const name = `${id} ${what}`;
    const seen = this.#seen.get(name) ?? new Set();
    this.#seen.set(name, seen);
    return seen;
  }
}
