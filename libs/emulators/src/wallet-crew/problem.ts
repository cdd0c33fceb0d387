import { type Answer, json } from '../http/exchange.js';

/** ASP.NET's ProblemDetails, which the vendor's error answers are. */
export function problem(status: number, title: string, detail: string | null = null, errors?: Record<string, string[]>): Answer {
  return json(status, { type: `https://tools.ietf.org/html/rfc9110#status.${status}`, title, status, detail, instance: null, ...(errors ? { errors } : {}) }, {}, 'application/problem+json');
}

export class Rejected extends Error {
  constructor(readonly answer: Answer) {
    super(`rejected with ${answer.status}`);
  }
}

export const empty = (status: 200 | 204 | 404): Answer => ({ status });

/** ASP.NET answers a bare string as text unless the caller asks for JSON. */
export function bareString(text: string, accept: string | undefined): Answer {
  return accept?.includes('json') ? json(200, text) : { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text };
}
