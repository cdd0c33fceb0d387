import type { Call } from './calls.js';
import { readJson } from './json.js';
import { unavailable, type Refusal } from './said.js';
import type { WalletCrewSettings } from './settings.js';
import { filled } from './template.js';

/** The token of a customer's pass links, or why there is none. `words` are for the record; `later`: it may be had later. */
export type TokenAnswer = { token: string } | { missing: string } | { later: Refusal };

/** `identifiers`: under which names the customer may be known. Who is named by none of them gets no token. */
export async function askToken(call: Call, path: string, { tokenProvider, tokenBody }: WalletCrewSettings, identifiers: Record<string, string>): Promise<TokenAnswer> {
  let namesSomebody = false;
  const body = filled(tokenBody, (name) => {
    const value = Object.hasOwn(identifiers, name) ? identifiers[name] : undefined;
    namesSomebody ||= value !== undefined;
    return value;
  });
  if (!namesSomebody) return { missing: 'no identifier to ask with' };
  const said = await call('authenticate', 'POST', `${path}?provider=${encodeURIComponent(tokenProvider)}`, { body, keyOfItsOwn: true });
  // 422: this provider does not know the customer; 400: nor such a body (The Wallet Crew: customer API).
  if (!said.ok) return said.retry ? { later: said } : { missing: said.words };
  // Cut short on the way: the same call may be answered whole.
  if (/^["[{]/.test(said.text.trim()) && readJson(said.text) === undefined) return { later: unavailable('The token cannot be read.', false) };
  const token = bareString(said.text);
  return token === undefined ? { missing: 'the answer is no text' } : { token };
}

/** ASP.NET answers a bare string as text or as a JSON string, as it likes. */
function bareString(text: string): string | undefined {
  const plain = text.trim();
  const value = /^(["[{]|null$)/.test(plain) ? readJson(plain) : plain;
  return typeof value === 'string' && value !== '' && !/\s/.test(value) ? value : undefined;
}
