import { type ListedPass, type NotNow, type PassPage, Passes } from '#core';
import { ReadyAnswers } from './ready-answers.js';

/** The passes of one tenant at The Wallet Crew in memory. `faults` says what goes wrong; `calls` is every call so far. */
export class MemoryPasses extends Passes {
  readonly faults = new ReadyAnswers();
  readonly calls: { what: 'page' | 'find'; index?: number }[] = [];
  /** By pass id. */
  readonly held = new Map<string, ListedPass>();
  readonly #pageSize: number;
  readonly #perMinute: number;
  readonly #saysTotal: boolean;
  #serial = 0;

  constructor({ pageSize = 100, perMinute = 2700, saysTotal = true }: { pageSize?: number; perMinute?: number; saysTotal?: boolean } = {}) {
    super();
    this.#pageSize = pageSize;
    this.#perMinute = perMinute;
    this.#saysTotal = saysTotal;
  }

  /** Holds a pass, in place of the one with its id. What is not said is made up: an id, times, no wallet. */
  put(given: Partial<ListedPass> = {}): ListedPass {
    const id = given.id ?? `pass-${String(++this.#serial).padStart(6, '0')}`;
    const createdAt = given.createdAt ?? Date.UTC(2026, 0, 1) + this.#serial * 1000;
    const pass: ListedPass = { type: 'loyalty', createdAt, changedAt: createdAt, installed: {}, identifiers: {}, ...given, id };
    this.held.set(id, pass);
    return structuredClone(pass);
  }

  delete(id: string): void {
    this.held.delete(id);
  }

  /** One is answered after the other: a test may change what is held in between. */
  async pages(_tenant: string, first: number, most: number, order: 'oldest-first' | 'newest-change-first'): Promise<PassPage[] | NotNow> {
    const pages: PassPage[] = [];
    while (pages.length < most) {
      const page = await this.#page(first + pages.length, order);
      if ('waitMs' in page) return pages.length > 0 ? pages : page;
      pages.push(page);
    }
    return pages;
  }

  async #page(index: number, order: 'oldest-first' | 'newest-change-first'): Promise<PassPage | NotNow> {
    this.calls.push({ what: 'page', index });
    const instead = await this.faults.instead();
    if (instead) return instead;
    const created = ({ createdAt = 0 }: ListedPass) => createdAt;
    const changed = ({ changedAt = 0 }: ListedPass) => changedAt;
    const sorted = [...this.held.values()].sort((a, b) => (order === 'oldest-first' ? created(a) - created(b) : changed(b) - changed(a)));
    const passes = structuredClone(sorted.slice(index * this.#pageSize, (index + 1) * this.#pageSize));
    return { passes, size: this.#pageSize, ...(this.#saysTotal ? { total: sorted.length } : {}) };
  }

  callsPerMinute(): number {
    return this.#perMinute;
  }

  async find(_tenant: string, key: string, value: string): Promise<ListedPass[] | NotNow> {
    this.calls.push({ what: 'find' });
    const instead = await this.faults.instead();
    if (instead) return instead;
    return structuredClone([...this.held.values()].filter(({ identifiers }) => identifiers[key] === value));
  }
}
