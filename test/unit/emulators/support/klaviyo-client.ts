/** A plain HTTP caller and the smallest bodies Klaviyo takes. */

export interface Answer {
  status: number;
  headers: Headers;
  // Answers are looked into field by field; the contract tests check their shape.
  body: any;
  text: string;
}

export type Caller = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

export const klaviyoCaller = (url: string, key = 'pk_test'): Caller => async (method, path, body, headers = {}) => {
  const response = await fetch(path.startsWith('http') ? path : url + path, {
    method,
    headers: { authorization: `Klaviyo-API-Key ${key}`, revision: '2026-07-15', ...(body === undefined ? {} : { 'content-type': 'application/vnd.api+json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  let parsed: unknown;
  try {
    parsed = text === '' ? undefined : JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: response.status, headers: response.headers, body: parsed, text };
};

type Fields = Record<string, unknown>;

export const profileBody = (attributes: Fields, rest: Fields = {}) => ({ data: { type: 'profile', attributes, ...rest } });

export const metric = (name: string) => ({ data: { type: 'metric', attributes: { name } } });

export const eventBody = (profile: Fields, name: string, rest: Fields = {}) => ({
  data: { type: 'event', attributes: { properties: {}, metric: metric(name), profile: { data: { type: 'profile', attributes: profile } }, ...rest } },
});

export const bulkEvents = (entries: { profile: Fields; events: Fields[]; backfill?: boolean }[]) => ({
  data: {
    type: 'event-bulk-create-job',
    attributes: {
      'events-bulk-create': {
        data: entries.map(({ profile, events, backfill }) => ({
          type: 'event-bulk-create',
          attributes: {
            ...(backfill === undefined ? {} : { backfill }),
            profile: { data: { type: 'profile', attributes: profile } },
            events: { data: events.map((attributes) => ({ type: 'event', attributes: { properties: {}, metric: metric('Wallet Pass Installed'), ...attributes } })) },
          },
        })),
      },
    },
  },
});

export const importBody = (profiles: Fields[], lists: string[] = []) => ({
  data: {
    type: 'profile-bulk-import-job',
    attributes: { profiles: { data: profiles.map((attributes) => ({ type: 'profile', attributes })) } },
    ...(lists.length > 0 ? { relationships: { lists: { data: lists.map((id) => ({ type: 'list', id })) } } } : {}),
  },
});

export const subscribeBody = (profiles: Fields[], options: { list?: string; historical?: boolean; source?: string; consentedAt?: string } = {}) => ({
  data: {
    type: 'profile-subscription-bulk-create-job',
    attributes: {
      ...(options.source ? { custom_source: options.source } : {}),
      ...(options.historical === undefined ? {} : { historical_import: options.historical }),
      profiles: {
        data: profiles.map((attributes) => ({
          type: 'profile',
          attributes: { subscriptions: channels(attributes, { consent: 'SUBSCRIBED', ...(options.consentedAt ? { consented_at: options.consentedAt } : {}) }), ...attributes },
        })),
      },
    },
    ...(options.list ? { relationships: { list: { data: { type: 'list', id: options.list } } } } : {}),
  },
});

export const unsubscribeBody = (profiles: Fields[], list?: string) => ({
  data: {
    type: 'profile-subscription-bulk-delete-job',
    attributes: { profiles: { data: profiles.map((attributes) => ({ type: 'profile', attributes: { ...attributes, subscriptions: channels(attributes, { consent: 'UNSUBSCRIBED' }) } })) } },
    ...(list ? { relationships: { list: { data: { type: 'list', id: list } } } } : {}),
  },
});

const channels = (attributes: Fields, marketing: Fields) => ({
  ...('email' in attributes ? { email: { marketing } } : {}),
  ...('phone_number' in attributes ? { sms: { marketing } } : {}),
});
