import type { FoundPass } from '../wallet/event.js';
import type { NotNow } from './profiles.js';

/** A pass as The Wallet Crew lists it. */
export interface ListedPass extends FoundPass {
  identifiers: Record<string, string>;
  /** When it last changed there, where it says so. */
  changedAt?: number;
}

export interface PassPage {
  passes: ListedPass[];
  /** How many passes there are, where it says so. It tells between two pages whether the list has moved. */
  total?: number;
  /** How many passes a full page has. */
  size: number;
}

/**
 * Reading The Wallet Crew's passes, for reconciliation and explaining. It does not stand in front of live commands. Throws a
 * ConnectorError where waiting mends nothing: a refused key or a missing scope (WALLET_CREW_KEY_REFUSED), a call that is refused.
 */
export abstract class Passes {
  /**
   * Pages of all passes from `first` (from 0) on, asked for together: up to `most` in a row, one at least. The oldest pass first, or the one changed last. There is no
   * snapshot: passes may move while one reads.
   */
  abstract pages(tenant: string, first: number, most: number, order: 'oldest-first' | 'newest-change-first'): Promise<PassPage[] | NotNow>;

  async page(tenant: string, index: number, order: 'oldest-first' | 'newest-change-first'): Promise<PassPage | NotNow> {
    const pages = await this.pages(tenant, index, 1, order);
    return 'waitMs' in pages ? pages : pages[0]!;
  }

  /** How many calls in a minute are ours. */
  abstract callsPerMinute(tenant: string): number;
  /** The passes with this identifier, exactly as written. For a person who waits for the answer. */
  abstract find(tenant: string, key: string, value: string): Promise<ListedPass[] | NotNow>;
}
