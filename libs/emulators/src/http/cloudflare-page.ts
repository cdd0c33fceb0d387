import type { Fault } from '../faults.js';
import type { Answer } from './exchange.js';

const reasons: Record<number, string> = {
  403: 'Sorry, you have been blocked',
  429: 'You are being rate limited',
  500: 'Internal server error',
  502: 'Bad gateway',
  503: 'Service unavailable',
  504: 'Gateway time-out',
  520: 'Web server is returning an unknown error',
  521: 'Web server is down',
  522: 'Connection timed out',
  524: 'A timeout occurred',
  525: 'SSL handshake failed',
};

/** Both vendors sit behind a CDN, so a failing origin is often answered by the CDN: HTML where the caller expects JSON. */
export function cloudflarePage(status: number): string {
  const reason = reasons[status] ?? 'Error';
  return `<!DOCTYPE html>
<html lang="en-US">
<head><title>${status}: ${reason} | Cloudflare</title></head>
<body><div id="cf-error-details"><h1>${reason} <span>Error code ${status}</span></h1>
<p>Ray ID: <strong>8f0c2d5e7b1a4c63</strong></p></div></body>
</html>`;
}

/** The answer of a `status` fault, in the words of the server it stands for where it would still be able to speak. */
export function faultAnswer(fault: Extract<Fault, { kind: 'status' }>, ownWords: (status: number) => Answer): Answer {
  const answer: Answer =
    fault.html || fault.status >= 520
      ? { status: fault.status, headers: { 'content-type': 'text/html; charset=UTF-8', server: 'cloudflare' }, body: cloudflarePage(fault.status) }
      : ownWords(fault.status);
  if (fault.retryAfter === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'Retry-After': String(fault.retryAfter) } };
}
