import type { ErrorCode } from '#core';
import type { WalletCrewSettings } from './settings.js';

/** What The Wallet Crew said to one call. `words` hold no personal data: of an error only its title and the names of its fields. */
export type Said =
  | { ok: true; text: string }
  | { ok: false; code: ErrorCode; retry: boolean; words: string; waitMs?: number };

/** One call, with a total time limit and without redirects: the key must not travel to wherever they point. */
export async function call(settings: WalletCrewSettings, method: string, path: string, body?: unknown): Promise<Said> {
  let status: number;
  let headers: Headers;
  let text: string;
  try {
    const response = await fetch(new URL(path, settings.baseUrl), {
      method,
      redirect: 'manual',
      headers: { 'X-API-KEY': settings.apiKey, Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(settings.timeoutMs),
    });
    ({ status, headers } = response);
    text = await response.text();
  } catch (error) {
    const late = (error as { name?: unknown } | undefined)?.name === 'TimeoutError';
    return { ok: false, code: 'WALLET_CREW_UNAVAILABLE', retry: true, words: late ? `No answer within ${settings.timeoutMs} ms.` : 'No connection.' };
  }
  return status >= 200 && status < 300 ? { ok: true, text } : refusal(status, headers, text);
}

/** Bodies are never trusted: they may be empty, or a page of the network in front (Cloudflare's 403, 429 and 52x). */
function refusal(status: number, headers: Headers, text: string): Said {
  const words = [String(status), ...wordsOf(text)].join(' ');
  const isPage = /^\s*</.test(text);
  if (status === 429) return { ok: false, code: 'WALLET_CREW_BUSY', retry: true, words, waitMs: retryAfterMs(headers.get('retry-after')) };
  if (status === 401 || (status === 403 && !isPage)) return { ok: false, code: 'WALLET_CREW_KEY_REFUSED', retry: true, words, waitMs: 60_000 };
  if (status >= 500 || status === 403 || status === 408 || (status >= 300 && status < 400) || isPage) return { ok: false, code: 'WALLET_CREW_UNAVAILABLE', retry: true, words };
  if (status === 404) return { ok: false, code: 'WALLET_CREW_PASS_MISSING', retry: false, words };
  return { ok: false, code: 'WALLET_CREW_REFUSED', retry: false, words };
}

/** The parts of ProblemDetails that repeat no value of ours. */
function wordsOf(text: string): string[] {
  try {
    const { title, errors } = JSON.parse(text) as { title?: unknown; errors?: unknown };
    const fields = typeof errors === 'object' && errors !== null ? Object.keys(errors) : [];
    return [...(typeof title === 'string' ? [title.slice(0, 200)] : []), ...(fields.length > 0 ? [`(${fields.slice(0, 10).join(', ').slice(0, 200)})`] : [])];
  } catch {
    return [];
  }
}

const defaultWaitMs = 5_000;
const longestWaitMs = 600_000;

/** Seconds or a date; The Wallet Crew promises neither. */
function retryAfterMs(value: string | null): number {
  const seconds = value === null ? Number.NaN : /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(longestWaitMs, Math.max(0, seconds * 1000)) : defaultWaitMs;
}
