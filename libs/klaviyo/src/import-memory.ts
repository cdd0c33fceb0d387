import { createHash } from 'node:crypto';
import type { Identity } from '#core';
import { record } from './errors.js';

const mostPositions = 100_000;

export interface Refusal {
  position: number;
  words: string;
}

/** How far the errors of an import have been read. */
export interface Reading {
  cursor?: string;
  refused: Map<number, string>;
  unmatched: number;
}

/**
 * What this process remembers of the imports it started; a convenience, not a promise. An import error names its item by
 * pointer; should one come without, it brings the profile back, and the profile's identifiers lead to its position here.
 * After a restart only the pointer is left.
 */
export class ImportMemory {
  readonly #positions = new Map<string, Map<string, number>>();
  readonly #readings = new Map<string, Reading>();
  #remembered = 0;

  remember(receipt: string, identities: readonly Identity[]): void {
    this.forget(receipt);
    const positions = new Map<string, number>();
    identities.forEach((identity, position) => {
      for (const [name, value] of [['external_id', identity.externalId], ['email', identity.email], ['phone_number', identity.phone]] as const) {
        if (value) positions.set(fingerprint(name, value), position);
      }
    });
    this.#positions.set(receipt, positions);
    this.#remembered += positions.size;
    for (const oldest of this.#positions.keys()) {
      if (this.#remembered <= mostPositions || oldest === receipt) break;
      this.forget(oldest);
    }
  }

  positionOf(receipt: string, originalPayload: unknown): number | undefined {
    const positions = this.#positions.get(receipt);
    if (!positions) return undefined;
    const payload = record(originalPayload);
    const attributes = { ...payload, ...record(payload['attributes']), ...record(record(payload['data'])['attributes']) };
    for (const name of ['external_id', 'email', 'phone_number']) {
      const value: unknown = attributes[name];
      const position = typeof value === 'string' ? positions.get(fingerprint(name, value)) : undefined;
      if (position !== undefined) return position;
    }
    return undefined;
  }

  /** Where reading the errors of this import stands; reading may take several visits. */
  reading(receipt: string): Reading {
    let reading = this.#readings.get(receipt);
    if (!reading) {
      reading = { refused: new Map(), unmatched: 0 };
      this.#readings.set(receipt, reading);
      const [oldest] = this.#readings.keys();
      if (this.#readings.size > 100 && oldest !== undefined) this.#readings.delete(oldest);
    }
    return reading;
  }

  reread(receipt: string): void {
    this.#readings.delete(receipt);
  }

  forget(receipt: string): void {
    this.#remembered -= this.#positions.get(receipt)?.size ?? 0;
    this.#positions.delete(receipt);
    this.#readings.delete(receipt);
  }
}

function fingerprint(name: string, value: string): string {
  return createHash('sha1').update(`${name}\n${value.toLowerCase()}`).digest('base64').slice(0, 12);
}
