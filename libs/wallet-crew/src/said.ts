import type { IncomingHttpHeaders } from 'node:http';
import type { Answer, ErrorCode, Outgoing } from '#core';
import type { Heard } from './http.js';

export interface Refusal {
  ok: false;
  code: ErrorCode;
  /** Nothing is wrong with what was asked; it may be asked again. */
  retry: boolean;
  /** It is certain that nothing was done. */
  undone: boolean;
  words: string;
  waitMs?: number;
  /** What has to wait as well. */
  pause?: 'account' | 'lane';
}

/** What The Wallet Crew said to one call. `words` hold no personal data: of an error only its title and the names of its fields. */
export type Said = { ok: true; text: string; headers: IncomingHttpHeaders } | Refusal;

/** Bodies are never trusted: they may be empty, or a page of the network in front (Cloudflare's 403, 429 and 52x). */
export function understood(heard: Heard): Said {
  if ('lost' in heard) return unavailable(heard.words, heard.lost === 'not-sent');
  const { status, headers, text } = heard;
  const isPage = /^\s*</.test(text);
  if (status >= 200 && status < 300 && !isPage) return { ok: true, text, headers };
  const words = [String(status), ...wordsOf(text)].join(' ');
  if (status === 429) return { ok: false, code: 'WALLET_CREW_BUSY', retry: true, undone: true, words, waitMs: retryAfterMs(headers['retry-after']), pause: 'account' };
  // 401: the key is wrong; 403: it lacks a scope, which other calls may not need (The Wallet Crew: API keys).
  if (status === 401) return { ok: false, code: 'WALLET_CREW_KEY_REFUSED', retry: true, undone: true, words, waitMs: keyWaitMs, pause: 'account' };
  if (status === 403 && !isPage) return { ok: false, code: 'WALLET_CREW_KEY_REFUSED', retry: true, undone: true, words, waitMs: keyWaitMs, pause: 'lane' };
  if (isPage || status >= 500 || status === 408 || (status >= 300 && status < 400)) return unavailable(words, isUndone(status));
  return { ok: false, code: status === 404 ? 'WALLET_CREW_PASS_MISSING' : 'WALLET_CREW_REFUSED', retry: false, undone: true, words };
}

export function unavailable(words: string, undone: boolean): Refusal {
  return { ok: false, code: 'WALLET_CREW_UNAVAILABLE', retry: true, undone, words };
}

/** Cloudflare never reached the server behind it: refused, timed out, unreachable, or no TLS between the two. */
const neverReached = [521, 522, 523, 525, 526];

/** 503 declines, a redirect points elsewhere, a 4xx refuses. All else may come after the work is done. */
function isUndone(status: number): boolean {
  return status === 503 || neverReached.includes(status) || (status >= 300 && status < 500 && status !== 408);
}

const longestWaitMs = 300_000;

/** A refusal as the answer to a command. */
export function answerTo({ id, attempts }: Outgoing, { code, words, retry, waitMs }: Refusal): Answer {
  if (!retry) return { id, outcome: 'refused', code, words };
  return { id, outcome: 'later', code, words, waitMs: waitMs ?? Math.min(longestWaitMs, 1_000 * 2 ** Math.min(attempts, 10)) };
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

const keyWaitMs = 60_000;
const defaultWaitMs = 5_000;
const longestRetryAfterMs = 600_000;

/** Seconds or a date; The Wallet Crew promises neither. */
function retryAfterMs(value: string | undefined): number {
  const seconds = value === undefined ? Number.NaN : /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(longestRetryAfterMs, Math.max(0, seconds * 1000)) : defaultWaitMs;
}
