import type { WalletLane } from '../command.js';
import type { Slot } from './marketing.js';

/** The wallet platform, per tenant. */
export abstract class WalletPlatform {
  /** As `Marketing.slot`. */
  abstract slot(tenant: string, lane: WalletLane, waiting: number, background?: boolean): Promise<Slot | { waitMs: number }>;
}
