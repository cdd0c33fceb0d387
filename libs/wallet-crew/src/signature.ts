import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Whether `signature` is the HMAC-SHA256 of the body's bytes under the webhook's secret. The Wallet Crew documents the
 * algorithm but not the spelling, so hex and base64 (and base64url) are read, hex in either case. Compared in constant time.
 * No time is signed: a replay cannot be told by its signature, and is made harmless by recognising the delivery.
 */
export function isSignedBy(secret: string, body: Uint8Array, signature: string | undefined): boolean {
  const given = signature === undefined ? undefined : digestBytes(signature.trim());
  if (given?.length !== 32) return false;
  return timingSafeEqual(given, createHmac('sha256', secret).update(body).digest());
}

function digestBytes(signature: string): Buffer | undefined {
  const text = signature.replace(/^sha256=/i, '');
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  // 32 bytes are 43 characters and an optional padding.
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, 'base64');
  return undefined;
}
