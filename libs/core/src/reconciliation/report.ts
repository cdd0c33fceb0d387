import type { Wallet } from '../wallet/event.js';
import type { ErrorCode } from '../errors.js';
import type { Refusal } from '../ports/runs.js';
import type { Checkpoint } from './checkpoint.js';
import type { DriftKind, Sample } from './drift.js';

export interface DriftLine {
  kind: DriftKind;
  /** Before the repairs. */
  found: number;
  repaired: number;
  refused: number;
  /** After them: what is not repaired, whatever the reason. */
  left: number;
  samples: Sample[];
}

/** What a run found and did. It holds ids, names of properties, counts and Klaviyo's words; no address and no value of anybody. */
export interface Report {
  /** In ten seconds: is there anything to worry about? */
  verdict: { worry: 'no' | 'look' | 'yes'; says: string };
  drift: DriftLine[];
  refusals: Refusal[];
  /** Wallets from which webhooks seem to have stopped. */
  silent: { wallet: Wallet; heard: number; unheard: number }[];
  read: { passes: number; profiles: number; persons: number; events: number };
  calls: { passes: number; profiles: number; events: number };
  /** Milliseconds of work, and the least that the limits allow for these calls at our share. */
  tookMs: number;
  leastMs: number;
  adoption: Checkpoint['adoption'];
  installs: Checkpoint['installs'];
  dryRun: boolean;
  code?: ErrorCode;
}
