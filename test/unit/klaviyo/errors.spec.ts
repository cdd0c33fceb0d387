import fc from 'fast-check';
import { problemOf, problemOfAnswer } from '../../../libs/klaviyo/src/errors.js';
import { scrub } from '../../../libs/klaviyo/src/words.js';
import { errorBody } from './fakes.js';

const now = Date.UTC(2026, 8, 1, 12);
const page = '<!DOCTYPE html><html><body>Sorry, you have been blocked</body></html>';
const html = { 'content-type': 'text/html; charset=UTF-8' };
const of = (status: number, data: unknown = '', headers: Record<string, string> = {}) => problemOfAnswer({ status, data, headers }, now);

describe('What an answer of Klaviyo means', () => {
  it.each([
    ['a refused key pauses the account for a minute', of(401, errorBody(401, 'authentication_failed', '/data/')), { code: 'KLAVIYO_KEY_REFUSED', kind: 'later', pause: 'account', waitMs: 60_000 }],
    ['a missing scope pauses that operation only', of(403, errorBody(403, 'permission_denied', '/data/')), { code: 'KLAVIYO_SCOPE_MISSING', kind: 'later', pause: 'operation' }],
    ['a web page with 403 is a blocked address, not a missing scope', of(403, page, html), { code: 'KLAVIYO_BLOCKED', kind: 'later', pause: 'account' }],
    ['an empty 403 is a blocked address', of(403), { code: 'KLAVIYO_BLOCKED', kind: 'later' }],
    ['a web page with 200 is no success', of(200, page, html), { code: 'KLAVIYO_BLOCKED', kind: 'later' }],
    ['a redirect is not followed', of(302), { code: 'KLAVIYO_BLOCKED', kind: 'later' }],
    ['429 pauses that operation as long as Klaviyo says', of(429, '', { 'retry-after': '7' }), { code: 'KLAVIYO_BUSY', pause: 'operation', waitMs: 7000 }],
    ['429 without Retry-After waits the whole minute window', of(429), { code: 'KLAVIYO_BUSY', waitMs: 60_000 }],
    ['429 with Retry-After 0 still waits, because immediate retries always fail', of(429, '', { 'retry-after': '0' }), { waitMs: 1000 }],
    ['a server error concerns the account', of(500, errorBody(500, 'error', '/data')), { code: 'KLAVIYO_UNAVAILABLE', kind: 'later', pause: 'account' }],
    ['Cloudflare 525 is an outage', of(525, page, html), { code: 'KLAVIYO_UNAVAILABLE', pause: 'account' }],
    ['404 with a web page is an outage, because the route exists', of(404, page, html), { code: 'KLAVIYO_UNAVAILABLE', kind: 'later' }],
    ['404 without a body is an outage', of(404), { code: 'KLAVIYO_UNAVAILABLE', kind: 'later' }],
    ['404 in the words of Klaviyo says that something is missing', of(404, errorBody(404, 'not_found', '/data')), { kind: 'missing' }],
    ['410 asks for an upgrade and loses nothing', of(410, errorBody(410, 'gone', '/data')), { code: 'KLAVIYO_REVISION_RETIRED', kind: 'later' }],
    ['413 is too large', of(413, page, html), { code: 'KLAVIYO_ITEM_TOO_LARGE', kind: 'items' }],
    ['400 about a size is too large', of(400, errorBody(400, 'invalid', '/data', 'The payload size exceeds 5 MB.')), { code: 'KLAVIYO_ITEM_TOO_LARGE', kind: 'items' }],
    ['400 in the words of Klaviyo refuses the items', of(400, errorBody(400, 'invalid', '/data/attributes/profiles/data/3/attributes/email')), { code: 'KLAVIYO_REFUSED_ITEM', kind: 'items', pointers: ['/data/attributes/profiles/data/3/attributes/email'] }],
    ['400 without readable words parks nobody', of(400, 'Bad Request'), { code: 'KLAVIYO_UNAVAILABLE', kind: 'later' }],
    ['400 with a web page parks nobody', of(400, page, html), { code: 'KLAVIYO_BLOCKED', kind: 'later' }],
  ])('%s', (_, problem, expected) => {
    expect(problem).toMatchObject(expected);
  });

  it('keeps the id of an error whole, which support asks for, however often its words are cleaned', () => {
    const id = '1c195f42-8812-4d6d-a1fc-b12345678a0b';
    const { words } = of(400, { errors: [{ id, code: 'invalid', title: 'Invalid input.', detail: 'Call +33 6 12 34 56 78.' }] });
    for (const cleaned of [words, scrub(words), scrub(scrub(words))]) {
      expect(cleaned).toContain(`(error ${id})`);
      expect(cleaned).toContain('Call [number].');
    }
  });

  it('a conflict names the other profile', () => {
    const problem = of(409, errorBody(409, 'duplicate_profile', '/data/attributes', 'Conflict.', { duplicate_profile_id: '01DUP' }));
    expect(problem).toMatchObject({ kind: 'duplicate', errors: [{ duplicateProfileId: '01DUP' }] });
  });

  it('no answer at all is an outage', () => {
    expect(problemOf(Object.assign(new Error('x'), { code: 'ECONNRESET' }), now)).toMatchObject({ code: 'KLAVIYO_UNAVAILABLE', pause: 'account', status: 'network' });
    expect(problemOf(Object.assign(new Error('x'), { code: 'ERR_CANCELED' }), now)).toMatchObject({ status: 'timeout' });
    expect(problemOf('nonsense', now)).toMatchObject({ code: 'KLAVIYO_UNAVAILABLE' });
  });

  it('whatever the body is, there is a verdict', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.json().map((text) => JSON.parse(text) as unknown), fc.string(), fc.constant(undefined), fc.record({ errors: fc.anything() }), fc.record({ errors: fc.array(fc.anything()) })), (status, data) => {
        const problem = problemOfAnswer({ status, data, headers: {} }, now);
        expect(problem.code).toMatch(/^KLAVIYO_/);
        expect(problem.words.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('The words kept of an error', () => {
  it.each([
    ["'ada.lovelace+x@shop.fr' is not a valid email.", /ada|shop\.fr/],
    ['Invalid phone number +33 6 12 34 56 78 given', /12 34/],
    ['Key pk_0123456789abcdef is wrong', /0123456789/],
    ['Value "Lovelace" is not allowed', /Lovelace/],
  ])('hold no value: %s', (detail, value) => {
    expect(of(400, errorBody(400, 'invalid', '/data', detail)).words).not.toMatch(value);
  });

  it('keep the names of Klaviyo fields, the pointer and the id support asks for', () => {
    const { words } = of(400, errorBody(400, 'invalid', '/data/attributes/profiles/data/2/attributes', "'phone_number' must not be empty when the sms channel is included in 'subscriptions'."));
    expect(words).toContain("'phone_number' must not be empty when the sms channel is included in 'subscriptions'.");
    expect(words).toContain('/data/attributes/profiles/data/2/attributes');
    expect(words).toContain('11111111-2222-4333-8444-555555555555');
  });

  it('hold nothing of what was sent, wherever Klaviyo repeats it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 30 }), fc.emailAddress(), fc.string({ maxLength: 30 }), (before, email, after) => {
        expect(scrub(`${before} ${email} ${after}`, [email])).not.toContain(email);
      }),
    );
  });

  it('are short', () => {
    expect(scrub('word '.repeat(500)).length).toBeLessThanOrEqual(300);
  });
});
