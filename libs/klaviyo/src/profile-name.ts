import type { ProfileName } from '#core';
import { record } from './errors.js';

/** How Klaviyo names a profile, from a profile of its answers; what is empty names nobody. */
export function nameOf(profile: Record<string, unknown>): (ProfileName & { klaviyoId: string }) | undefined {
  const klaviyoId = profile['id'];
  if (typeof klaviyoId !== 'string') return undefined;
  const attributes = record(profile['attributes']);
  const [email, phone, externalId] = ['email', 'phone_number', 'external_id'].map((name) => attributes[name]);
  return {
    klaviyoId,
    ...(typeof externalId === 'string' && externalId !== '' ? { externalId } : {}),
    ...(typeof email === 'string' && email !== '' ? { email } : {}),
    ...(typeof phone === 'string' && phone !== '' ? { phone } : {}),
  };
}
