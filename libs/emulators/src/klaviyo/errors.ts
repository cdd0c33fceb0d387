import { randomUUID } from 'node:crypto';
import { type Answer, json } from '../http/exchange.js';

export const jsonApi = 'application/vnd.api+json';

export interface ErrorObject {
  id: string;
  status: number;
  code: string;
  title: string;
  detail: string;
  source: { pointer?: string; parameter?: string };
  links: Record<string, string>;
  meta: Record<string, unknown>;
}

export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
  source: { pointer?: string; parameter?: string };
  links?: Record<string, string>;
  meta?: Record<string, unknown>;
}

/** A request Klaviyo refuses. Thrown by operations, answered as a JSON:API error document. */
export class Refusal extends Error {
  readonly status: number;

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map((problem) => problem.detail).join(' '));
    this.status = problems[0]?.status ?? 400;
  }
}

export const errorAnswer = (problems: readonly Problem[], headers: Record<string, string> = {}): Answer => {
  const errors: ErrorObject[] = problems.map((problem) => ({ id: randomUUID(), links: {}, meta: {}, ...problem }));
  return json(problems[0]?.status ?? 500, { errors }, headers, jsonApi);
};

export const invalid = (pointer: string, detail: string): Problem => ({ status: 400, code: 'invalid', title: 'Invalid input.', detail, source: { pointer } });

export const invalidParameter = (parameter: string, detail: string): Problem => ({ status: 400, code: 'invalid', title: 'Invalid input.', detail, source: { parameter } });

export const notFound = (detail: string): Problem => ({ status: 404, code: 'not_found', title: 'Not found.', detail, source: { pointer: '/data' } });

/** Recorded from a live account (create_profile 409); reported for update and profile-import too. */
export const duplicateProfile = (profileId: string): Problem => ({
  status: 409,
  code: 'duplicate_profile',
  title: 'Conflict.',
  detail: 'A profile already exists with one of these identifiers.',
  source: { pointer: '/data/attributes' },
  meta: { duplicate_profile_id: profileId },
});

export const unauthenticated = (detail: string): Problem => ({
  status: 401,
  code: 'authentication_failed',
  title: 'Incorrect authentication credentials.',
  detail,
  source: { pointer: '/data/' },
});

export const forbidden = (detail: string): Problem => ({
  status: 403,
  code: 'permission_denied',
  title: 'You do not have permission to perform this action.',
  detail,
  source: { pointer: '/data/' },
});

/** Word for word as recorded from a live account. */
export const throttled = (seconds: number): Problem => ({
  status: 429,
  code: 'throttled',
  title: 'Request was throttled.',
  detail: `Request was throttled. Expected available in ${seconds} second${seconds === 1 ? '' : 's'}.`,
  source: { pointer: '/data' },
  links: { type: 'https://developers.klaviyo.com/en/docs/rate_limits_and_error_handling#rate-limits' },
});

/** What Klaviyo's own application would say when a fault plan asks it for a status. */
export function ownWords(status: number): Answer {
  if (status === 429) return errorAnswer([throttled(1)]);
  if (status === 401) return errorAnswer([unauthenticated('Missing or invalid private key.')]);
  if (status === 403) return errorAnswer([forbidden('You do not have permission to perform this action.')]);
  const code = status >= 500 ? 'error' : 'invalid';
  return errorAnswer([{ status, code, title: status >= 500 ? 'A server error occurred.' : 'Invalid input.', detail: 'A fault was injected.', source: { pointer: '/data' } }]);
}
