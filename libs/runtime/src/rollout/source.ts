import type { Provider } from '@openfeature/server-sdk';

/** Where the rollout comes from, as operators see it. Times are ISO 8601. */
export type SourceState =
  | { source: 'configuration'; file: string; exists: boolean; changedAt?: string; problem?: string; warning?: string }
  | { source: 'provider'; provider: string; status: string };

/** Who answers for the flags. */
export interface Source {
  provider: Provider;
  /** True: it is ours, and what is simply on or off need not be asked. */
  isOwn: boolean;
  state(status: string): SourceState;
  close(): void;
}
