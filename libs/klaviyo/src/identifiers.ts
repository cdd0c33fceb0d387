import type { Channel, Identity } from '#core';

export type Identifier = 'externalId' | 'email' | 'phone';

/** Strongest first: Klaviyo's own precedence is profile id, external id, e-mail, phone. */
export const byStrength = ['externalId', 'email', 'phone'] as const satisfies readonly Identifier[];

/** The value of an identifier, unless another profile owns it. */
export function usable(identity: Identity, identifier: Identifier): string | undefined {
  const value = identity[identifier];
  return value === undefined || value === '' || identity.withheld?.includes(identifier) ? undefined : value;
}

export function usableIdentifiers(identity: Identity): Identifier[] {
  return byStrength.filter((identifier) => usable(identity, identifier) !== undefined);
}

/** Whether Klaviyo can be told who this is at all. */
export function isReachable(identity: Identity): boolean {
  return identity.klaviyoId !== undefined || usableIdentifiers(identity).length > 0;
}

export const channelIdentifier = { email: 'email', sms: 'phone' } as const satisfies Record<Channel, Identifier>;

/** The address a consent is about; it stays the address when another profile owns it. */
export function addressOf(identity: Identity, channel: Channel): string | undefined {
  return identity[channelIdentifier[channel]] || undefined;
}

/** Everything personal in an identity, so that it can be kept out of words. */
export function valuesOf(identity: Identity): string[] {
  return [identity.klaviyoId, identity.externalId, identity.email, identity.phone].filter((value) => value !== undefined);
}
