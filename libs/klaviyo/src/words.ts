/** What Klaviyo quotes in its messages and is no value: the names of its own fields. */
const fieldNames = new Set(
  ('email sms push whatsapp phone_number external_id anonymous_id subscriptions marketing transactional consent consented_at historical_import ' +
    'custom_source profile profiles event events metric name time value value_currency unique_id backfill properties attributes data type id list ' +
    'relationships first_name last_name locale location meta filter revision additional-fields page[size] page[cursor]').split(' '),
);

/** `events:read`: which one is missing is all that a refusal has to say. */
const scope = /^[a-z-]{1,30}:(read|write)$/;

const longest = 300;

/**
 * Klaviyo's words for the ledger and the log, without the values it likes to quote: e-mail addresses, phone numbers, keys,
 * anything in quotes that is no field name, and whatever `values` were sent.
 */
export function scrub(text: string, values: Iterable<string> = []): string {
  let words = text.replace(/\s+/g, ' ');
  for (const value of [...values].sort((a, b) => b.length - a.length)) {
    if (value.length >= 3) words = words.replaceAll(value, '[value]');
  }
  words = words
    .replace(/[^\s"'<>()[\]:,;]+@[^\s"'<>()[\],;]+/g, '[e-mail]')
    .replace(/\b(pk|sk)_[A-Za-z0-9]{4,}/g, '[key]')
    // Also where it was cut short: a token in a link, and one that is a JWT.
    .replace(/\bneo\.authToken=[^\s"'<>&]+/g, 'neo.authToken=[token]')
    .replace(/\beyJ[\w-]{5,}(\.[\w-]*){0,2}/g, '[token]')
    // An apostrophe inside a word ("isn't") opens no quote.
    .replace(/(?<!\w)(["'`“‘])([^"'`”’]{1,300}?)(["'`”’])/g, (whole, open: string, inner: string, close: string) =>
      fieldNames.has(inner) || scope.test(inner) || inner === '[value]' || inner === '[e-mail]' ? whole : `${open}[value]${close}`,
    )
    // The id of an error looks like numbers in part.
    .replace(/\(error [0-9a-f-]{36}\)|\+?\d[\d\s().-]{5,}\d/gi, (found) => (found.startsWith('(') ? found : '[number]'));
  return words.length > longest ? `${words.slice(0, longest - 1)}…` : words;
}
