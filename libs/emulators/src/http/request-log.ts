export interface LoggedRequest {
  at: number;
  operation: string;
  method: string;
  path: string;
  status: number | 'hang' | 'reset' | 'drop';
  items: number;
  bytes: number;
  ms: number;
  /** Whose key it was, where one was recognised. */
  account?: string;
  fault?: string;
}

export interface OperationStats {
  requests: number;
  items: number;
  byStatus: Record<string, number>;
}

export interface Stats {
  requests: number;
  throttled: number;
  operations: Record<string, OperationStats>;
}

/** The last requests one by one and all of them counted. */
export class RequestLog {
  private entries: LoggedRequest[] = [];
  private counts: Stats = { requests: 0, throttled: 0, operations: {} };

  constructor(private readonly keep = 10_000) {}

  add(entry: LoggedRequest): void {
    this.entries.push(entry);
    // Dropping in halves keeps `push` cheap under load.
    if (this.entries.length > this.keep * 2) this.entries = this.entries.slice(-this.keep);
    const operation = (this.counts.operations[entry.operation] ??= { requests: 0, items: 0, byStatus: {} });
    this.counts.requests++;
    operation.requests++;
    operation.items += entry.items;
    operation.byStatus[entry.status] = (operation.byStatus[entry.status] ?? 0) + 1;
    if (entry.status === 429) this.counts.throttled++;
  }

  list(): LoggedRequest[] {
    return this.entries.slice(-this.keep);
  }

  stats(): Stats {
    return structuredClone(this.counts);
  }

  clear(): void {
    this.entries = [];
    this.counts = { requests: 0, throttled: 0, operations: {} };
  }
}
