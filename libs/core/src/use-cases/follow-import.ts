import type { Marketing } from '../ports/marketing.js';
import { inBackground, type Queue } from '../ports/queue.js';
import type { Store } from '../ports/store.js';
import type { Log } from '../ports/system.js';

/** Looks how an asynchronous profile import fares; a finished import with refused items is normal, so the items are always read. */
export class FollowImport {
  constructor(
    private readonly store: Store,
    private readonly queue: Queue,
    private readonly marketing: Marketing,
    private readonly log: Log,
  ) {}

  async run(tenant: string, receipt: string, background = false): Promise<void> {
    const progress = await this.marketing.importProgress(tenant, receipt, background);
    if (!progress.done) return this.queue.send({ queue: 'follow-import', data: { tenant, receipt, ...inBackground(background) }, afterMs: progress.waitMs });
    if (progress.lost) this.log.warn('profile import lost; its profiles are sent again', { tenant, code: 'KLAVIYO_IMPORT_LOST' });
    if (progress.refused.length) this.log.warn('profile import refused items', { tenant, refused: progress.refused.length });
    await this.store.settleImport(tenant, receipt, progress);
  }
}
