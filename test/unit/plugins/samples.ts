import type { PersonView, WalletEvent } from '#core';

export const aPerson = (own: Partial<PersonView> = {}): PersonView => ({ id: 'p1', identifiers: {}, metadata: {}, account: {}, consents: {}, passes: [], ...own });

export const anEvent = (own: Partial<WalletEvent> = {}): WalletEvent => ({ kind: 'registered', name: 'Customer:Registered', at: 1, identifiers: {}, metadata: {}, answers: {}, attributes: {}, ...own });
