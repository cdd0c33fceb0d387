import type { ErrorCode } from '#core';
import { retryAfterMs } from './limits.js';
import { scrub } from './words.js';

/** One of the `errors[]` of an answer. */
export interface VendorError {
  code: string;
  words: string;
  pointer?: string;
  duplicateProfileId?: string;
}

/** Why a call did not do what it was made for, and what follows from it. */
export interface Problem {
  code: ErrorCode;
  /**
   * - `items`: Klaviyo refuses what was sent; `errors` may say which part of it.
   * - `duplicate`: another profile owns one of the identifiers (409).
   * - `missing`: Klaviyo's application itself says that there is no such thing (404 in JSON).
   * - `later`: nothing is wrong with what was sent.
   */
  kind: 'items' | 'duplicate' | 'missing' | 'later';
  /** What has to pause. `none`: this call only. */
  pause: 'none' | 'operation' | 'account';
  words: string;
  waitMs?: number;
  errors: VendorError[];
  /** The pointers of `errors`, where they have one. */
  pointers: string[];
  /** HTTP status, or a word for a call without an answer. */
  status: string;
}

const minute = 60_000;

interface Answered {
  status: number;
  headers: Record<string, unknown>;
  data: unknown;
}

/** Understands whatever a call threw. Bodies may be HTML, empty or cut off: nothing is taken for granted. */
export function problemOf(error: unknown, now: number): Problem {
  const answered = answerIn(error);
  if (answered) return problemOfAnswer(answered, now);
  const code = record(error)['code'];
  const reason = typeof code === 'string' && /^[A-Z_0-9]{2,40}$/.test(code) ? code : error instanceof Error ? error.name : 'unknown';
  const timedOut = reason === 'ERR_CANCELED' || reason === 'ECONNABORTED' || reason === 'ETIMEDOUT';
  return {
    code: 'KLAVIYO_UNAVAILABLE', kind: 'later', pause: 'account', errors: [], pointers: [],
    words: timedOut ? 'No answer in time.' : `No answer (${reason}).`,
    status: timedOut ? 'timeout' : 'network',
  };
}

export function problemOfAnswer({ status, headers, data }: Answered, now: number): Problem {
  const errors = vendorErrors(data);
  const html = isHtml(headers, data);
  const problem = (code: ErrorCode, kind: Problem['kind'], pause: Problem['pause'], waitMs?: number): Problem => ({
    code, kind, pause, errors, status: String(status), words: wordsOf(status, errors, html),
    pointers: errors.flatMap((one) => (one.pointer === undefined ? [] : [one.pointer])),
    ...(waitMs === undefined ? {} : { waitMs }),
  });

  // "Immediate retries will always receive a 429" (Klaviyo: rate limits), so never less than a second; no header: the steady window.
  if (status === 429) return problem('KLAVIYO_BUSY', 'later', 'operation', Math.min(60 * minute, Math.max(1000, retryAfterMs(headers['retry-after'], now) ?? minute)));
  if (status >= 500 || status === 408) return problem('KLAVIYO_UNAVAILABLE', 'later', 'account', retryAfterMs(headers['retry-after'], now));
  if (status === 410) return problem('KLAVIYO_REVISION_RETIRED', 'later', 'account', 10 * minute);
  if (status === 413) return problem('KLAVIYO_ITEM_TOO_LARGE', 'items', 'none');
  // During an outage Klaviyo's edge has answered 404 for routes that exist; only the application speaks JSON:API.
  if (status === 404) return errors.some(saysMissing) ? problem('KLAVIYO_REFUSED_ITEM', 'missing', 'none') : problem('KLAVIYO_UNAVAILABLE', 'later', 'account');
  // A page instead of an API answer comes from whatever sits in between, be it with 200, 301 or 403.
  if (html || status < 400) return problem('KLAVIYO_BLOCKED', 'later', 'account', minute);
  if (status === 401) return problem('KLAVIYO_KEY_REFUSED', 'later', 'account', minute);
  if (status === 403) return errors.length > 0 ? problem('KLAVIYO_SCOPE_MISSING', 'later', 'operation', minute) : problem('KLAVIYO_BLOCKED', 'later', 'account', minute);
  if (status === 409 && errors.length > 0) return problem('KLAVIYO_REFUSED_ITEM', 'duplicate', 'none');
  // Parked is only what Klaviyo itself refused in readable words; a bare 400 can come from anybody.
  if ((status === 400 || status === 422) && errors.length > 0) return problem(tooLarge(errors) ? 'KLAVIYO_ITEM_TOO_LARGE' : 'KLAVIYO_REFUSED_ITEM', 'items', 'none');
  return problem('KLAVIYO_UNAVAILABLE', 'later', 'operation', minute);
}

/** Reads `errors[]` of a JSON:API answer as far as it is there. */
export function vendorErrors(data: unknown): VendorError[] {
  const list = record(data)['errors'];
  if (!Array.isArray(list)) return [];
  return list.slice(0, 1000).map(vendorError);
}

export function vendorError(value: unknown): VendorError {
  const error = record(value);
  const text = (name: string) => (typeof error[name] === 'string' ? error[name] : '');
  const pointer = record(error['source'])['pointer'] ?? record(error['source'])['parameter'];
  const duplicate = record(error['meta'])['duplicate_profile_id'];
  const code = /^[\w.-]{1,60}$/.test(text('code')) ? text('code') : 'unnamed';
  const said = [text('title'), text('detail')].filter((part, index, parts) => part !== '' && parts.indexOf(part) === index);
  const at = typeof pointer === 'string' && pointer !== '' ? ` at ${scrub(pointer)}` : '';
  // Klaviyo's support asks for the id of the error.
  const id = /^[0-9a-f-]{36}$/i.test(text('id')) ? ` (error ${text('id')})` : '';
  return {
    code,
    words: `${code}: ${scrub(said.join(' '))}${at}${id}`,
    ...(typeof pointer === 'string' ? { pointer } : {}),
    ...(typeof duplicate === 'string' && duplicate !== '' ? { duplicateProfileId: duplicate } : {}),
  };
}

function wordsOf(status: number, errors: VendorError[], html: boolean): string {
  if (errors.length === 0) return html ? `HTTP ${status} with a web page instead of an API answer.` : `HTTP ${status}.`;
  const first = errors.slice(0, 3).map((error) => error.words).join(' | ');
  return errors.length > 3 ? `${first} | and ${errors.length - 3} more` : first;
}

function saysMissing({ code, words }: VendorError): boolean {
  return code === 'not_found' || /\b(not found|does not exist)\b/i.test(words);
}

function tooLarge(errors: VendorError[]): boolean {
  return errors.some((error) => /too large|too long|payload size|maximum (allowed )?(payload )?size|exceeds? .{0,40}(size|bytes|KB|MB)/i.test(error.words));
}

function isHtml(headers: Record<string, unknown>, data: unknown): boolean {
  return /\bhtml\b/i.test(String(headers['content-type'] ?? '')) || (typeof data === 'string' && /^\s*<(!doctype|html|head|body)/i.test(data));
}

function answerIn(error: unknown): Answered | undefined {
  const response = record(record(error)['response']);
  const status = response['status'];
  if (typeof status !== 'number') return undefined;
  return { status, headers: record(response['headers']), data: response['data'] };
}

/** Any value as something whose fields can be asked for. */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
