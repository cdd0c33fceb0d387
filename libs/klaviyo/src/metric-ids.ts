import type { NotNow } from '#core';
import type { Account } from './account.js';
import { record } from './errors.js';
import { readPage } from './reading.js';

const keptMs = 10 * 60_000;
/** A metric comes into being with its first event, so a name that is unknown now may be known soon. */
const unknownMs = 60_000;

/** Klaviyo's ids of an account's metrics; events are listed by id, and we know names. */
export class MetricIds {
  #ids = new Map<string, string>();
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<NotNow | undefined> | undefined;

  constructor(private readonly account: Account) {}

  /** Undefined: Klaviyo has no metric of this name. */
  async of(name: string): Promise<string | NotNow | undefined> {
    const age = this.account.clock.now() - this.#readAt;
    if (age >= (this.#ids.has(name) ? keptMs : unknownMs)) {
      const notNow = await (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)));
      if (notNow) return notNow;
    }
    return this.#ids.get(name);
  }

  async #read(): Promise<NotNow | undefined> {
    const ids = new Map<string, string>();
    let cursor: string | undefined;
    do {
      const page = await readPage(this.account, 'get_metrics', cursor, (sdk, at) => sdk.metrics.getMetrics({ fieldsMetric: ['name', 'integration'], ...at }));
      if ('waitMs' in page) return page;
      for (const { id, attributes } of page.data) {
        const { name, integration } = record(attributes);
        if (typeof id !== 'string' || typeof name !== 'string') continue;
        // Other integrations may count under the same name; ours come through the API.
        if (!ids.has(name) || record(integration)['name'] === 'API') ids.set(name, id);
      }
      cursor = page.next;
    } while (cursor !== undefined);
    this.#ids = ids;
    this.#readAt = this.account.clock.now();
    return undefined;
  }
}
