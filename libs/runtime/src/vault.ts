import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { ConnectorError, Vault } from '#core';
import type { WalletCrewSettings } from '#wallet-crew';
import type { VaultSettings } from './link-settings.js';

const nonceBytes = 12;
const tagBytes = 16;

interface Key {
  encryption: Buffer;
  nonces: Buffer;
}

/**
 * AES-256-GCM. The nonce is an HMAC of the text, so the same text gives the same sealed text and a token that has not changed is no news
 * to the profile; that texts are equal is all that sealed texts give away. The first key seals, all of them open.
 */
export class SealedVault extends Vault {
  readonly #keys: Key[];

  constructor(secrets: readonly string[]) {
    super();
    this.#keys = secrets.map(keyOf);
  }

  seal(text: string): string {
    const [key] = this.#keys;
    // The settings are refused before it comes to this.
    if (!key) throw new ConnectorError('SETTINGS_INVALID', 'vault.keys: at least one key is needed');
    const nonce = createHmac('sha256', key.nonces).update(text).digest().subarray(0, nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', key.encryption, nonce);
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  open(sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < nonceBytes + tagBytes) return undefined;
    for (const key of this.#keys) {
      const text = opened(bytes, key);
      if (text !== undefined) return text;
    }
    return undefined;
  }
}

/** The secrets are random text (`openssl rand`), so they need stretching into keys, not slowing down. */
function keyOf(secret: string): Key {
  const bytes = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, 'wallet-crew-klaviyo-connector', purpose, 32));
  return { encryption: bytes('vault encryption'), nonces: bytes('vault nonces') };
}

function opened(bytes: Buffer, { encryption }: Key): string | undefined {
  const decipher = createDecipheriv('aes-256-gcm', encryption, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString('utf8');
  } catch {
    // Another key's, or altered.
    return undefined;
  }
}

/**
 * Under which secrets a tenant's tokens are kept. Without any of its own under a key made of the tenant's API key: whoever has that can ask
 * for the tokens anyway, and when it is replaced they are asked for anew.
 */
export function vaultKeys({ keys }: VaultSettings, { apiKey }: WalletCrewSettings): readonly string[] {
  return keys.length > 0 ? keys : [`walletCrew.apiKey ${apiKey}`];
}
