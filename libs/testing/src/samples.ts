import type { PersonView, WalletEvent } from '#core';

/** A person of whom nothing is known but what is named. */
export function aPerson(own: Partial<PersonView> = {}): PersonView {
  return { id: 'person-1', identifiers: {}, metadata: {}, account: {}, consents: {}, passes: [], ...own };
}

/** A registration that says nothing but what is named. */
export function anEvent(own: Partial<WalletEvent> = {}): WalletEvent {
  return { kind: 'registered', name: 'Customer:Registered', at: Date.UTC(2026, 0, 5, 9), identifiers: {}, metadata: {}, answers: {}, attributes: {}, ...own };
}
