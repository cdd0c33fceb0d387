import { bareEvent, type NewDelivery } from '#core';

/** The body as it came: a signature covers its bytes. */
export interface RawRequest {
  body: Buffer | undefined;
}

/** Stands in the inbox for a body that could not be read. */
export function unreadable(name: string, at: number): NewDelivery['event'] {
  return bareEvent({ kind: 'unknown', name, at });
}
