import { isSystemWebhook, readSystemWebhook } from '#klaviyo';

const receivedAt = Date.UTC(2026, 8, 1, 12);
const at = '2026-09-01T11:58:00+00:00';

/** The vector of Klaviyo's own sample in Python. */
const vector = {
  secret: 'klaviyo-test-secret',
  timestamp: 'Thu, 04 Jan 2024 18:05:25 GMT',
  body: '{"data":[{"external_id":"4L3cwQae2TX","topic":"event:klaviyo.sent_sms"}],"meta":{"klaviyo_webhook_id":"a8b890458b4bbfaa26d961471b83c101d6de23bd826e7e5173a15310985ec3cb"}}',
  signature: '5aa0e720d80b3a04ca04baf3c65cdfe31da57504af69fee8da29c35d45f0596b',
};

describe('the signature of a system webhook', () => {
  const { secret, body, timestamp, signature } = vector;
  const proven = (own: { secret?: string; body?: string; timestamp?: string | undefined; signature?: string | undefined }) => {
    const given = { ...vector, ...own };
    return isSystemWebhook(given.secret, Buffer.from(given.body), { signature: given.signature, timestamp: given.timestamp });
  };

  it('is accepted as Klaviyo computes it, in either case of its letters', () => {
    expect(proven({})).toBe(true);
    expect(proven({ signature: signature.toUpperCase() })).toBe(true);
  });

  it.each([
    ['of another body', { body: body.replace('4L3', '4L4') }],
    ['with another timestamp', { timestamp: 'Thu, 04 Jan 2024 18:05:26 GMT' }],
    ['under another secret', { secret: `${secret}!` }],
    ['that is missing', { signature: undefined }],
    ['without its timestamp', { timestamp: undefined }],
    ['that is cut off', { signature: signature.slice(0, 62) }],
    ['that is no hex', { signature: `g${signature.slice(1)}` }],
    ['that is empty', { signature: '' }],
    ['with something in front', { signature: `sha256=${signature}` }],
  ])('%s is refused', (_title, own) => {
    expect(proven(own)).toBe(false);
  });

  it('does not depend on how old the call says it is: Klaviyo repeats it for two days, and its clock has been hours off', () => {
    expect(Date.now() - Date.parse(timestamp)).toBeGreaterThan(86_400_000);
    expect(proven({})).toBe(true);
  });
});

interface Sent {
  topic: string;
  external_id?: string;
  payload?: unknown;
}

const person = { type: 'profile', id: '01HZZ00000000000000000000A', attributes: { email: 'Ada@shop.fr', phone_number: '+33600000001', external_id: 'C-1' } };
function payload(properties: object = {}, { attributes = { datetime: at }, included = [person] as unknown[], id = person.id as string | null } = {}) {
  return {
    data: { type: 'event', id: '4vRpBT', attributes: { ...attributes, event_properties: properties }, relationships: { profile: { data: id === null ? null : { type: 'profile', id } } } },
    included,
  };
}
const sent = (topic: string, own: Partial<Sent> = {}): Sent => ({ topic: `event:klaviyo.${topic}`, external_id: 'E1', payload: payload(), ...own });
const body = (...data: unknown[]) => JSON.stringify({ data, meta: { klaviyo_account_id: 'AbC123', klaviyo_webhook_id: 'W1', timestamp: '2026-09-01T11:59:00+00:00' } });
const read = (...data: unknown[]) => readSystemWebhook(body(...data), receivedAt, 'W1');
const only = (one: unknown) => read(one).deliveries[0]!.event;

describe('what a system webhook says', () => {
  it.each([
    ['subscribed_to_email_marketing', 'opted-in', 'email'],
    ['subscribed_to_sms_marketing', 'opted-in', 'sms'],
    ['unsubscribed_from_email_marketing', 'opted-out', 'email'],
    ['unsubscribed_from_sms_marketing', 'opted-out', 'sms'],
    ['manually_suppressed_from_email_marketing', 'opted-out', 'email'],
    ['marked_email_as_spam', 'opted-out', 'email'],
    ['merged_profile', 'profiles-merged', undefined],
  ])('%s is heard as %s', (topic, kind, channel) => {
    const event = only(sent(topic));
    expect(event).toMatchObject({ kind, name: `event:klaviyo.${topic}`, at: Date.parse(at), profile: { klaviyoId: person.id, email: 'Ada@shop.fr', phone: '+33600000001', externalId: 'C-1' } });
    expect(event.channel).toBe(channel);
  });

  it.each([
    'subscribed_to_list', 'updated_email_preferences', 'manually_unsuppressed_from_email_marketing', 'bounced_email', 'dropped_email', 'opened_email', 'clicked_email', 'received_email', 'sent_sms', 'received_sms',
  ])('%s says nothing about a whole channel and is not kept', (topic) => {
    expect(read(sent(topic))).toEqual({ deliveries: [], ignored: 1, unusable: 0 });
  });

  it('a metric of somebody else with the same name is not Klaviyo\'s word', () => {
    expect(read({ ...sent('x'), topic: 'event:api.unsubscribed_from_email_marketing' }).deliveries).toEqual([]);
  });

  it('each event is kept for itself, under Klaviyo\'s id of it', () => {
    const { deliveries } = read(sent('unsubscribed_from_email_marketing', { external_id: 'E1' }), sent('unsubscribed_from_sms_marketing', { external_id: 'E2' }));
    expect(deliveries.map(({ key }) => key)).toEqual(['klaviyo:E1', 'klaviyo:E2']);
    expect(JSON.parse(deliveries[1]!.body)).toEqual(sent('unsubscribed_from_sms_marketing', { external_id: 'E2' }));
  });

  it('an event without that id has the same key whenever it comes', () => {
    const nameless = { topic: 'event:klaviyo.marked_email_as_spam', payload: { ...payload(), data: { ...payload().data, id: undefined } } };
    const [first, again] = [read(nameless), read(nameless)].map(({ deliveries }) => deliveries[0]!.key);
    expect(first).toMatch(/^klaviyo:.{10,}/);
    expect(again).toBe(first);
    expect(read({ ...nameless, payload: payload() }).deliveries[0]!.key).toBe('klaviyo:4vRpBT');
  });
});

describe('whom an event is about', () => {
  const profileOf = (given: unknown) => only(sent('unsubscribed_from_email_marketing', { payload: given })).profile;

  it('is told by the profile\'s id alone where Klaviyo does not include the profile', () => {
    expect(profileOf(payload({}, { included: [] }))).toEqual({ klaviyoId: person.id });
  });

  it('is never the profile of somebody else that is included too', () => {
    expect(profileOf(payload({}, { included: [{ ...person, id: '01HZZ00000000000000000000B' }] }))).toEqual({ klaviyoId: person.id });
  });

  it('may be told by the included profile or by the event\'s properties', () => {
    expect(profileOf(payload({}, { id: null }))).toMatchObject({ klaviyoId: person.id, email: 'Ada@shop.fr' });
    expect(profileOf(payload({ $email: 'ada@shop.fr' }, { id: null, included: [] }))).toEqual({ email: 'ada@shop.fr' });
  });

  it('is read from a payload without its wrapping too', () => {
    expect(profileOf(payload().data)).toEqual({ klaviyoId: person.id });
  });

  it('must be told: an event about nobody is counted and left', () => {
    expect(read(sent('unsubscribed_from_email_marketing', { payload: payload({}, { id: null, included: [] }) }))).toEqual({ deliveries: [], ignored: 0, unusable: 1 });
  });
});

describe('when it happened', () => {
  const timed = (topic: string, attributes: object) => read(sent(topic, { payload: payload({}, { attributes: attributes as { datetime: string } }) }));

  it.each([
    [{ datetime: '2026-09-01T11:58:00+00:00' }],
    [{ datetime: '2026-09-01 11:58:00' }],
    [{ datetime: '2026-09-01T13:58:00+02:00' }],
    [{ timestamp: Date.parse(at) / 1000 }],
  ])('is read from %j', (attributes) => {
    expect(timed('unsubscribed_from_email_marketing', attributes).deliveries[0]!.event.at).toBe(Date.parse(at));
  });

  it('is never in the future, where it would win over everything that really happens until then', () => {
    expect(timed('subscribed_to_email_marketing', { datetime: '2030-01-01T00:00:00Z' }).deliveries[0]!.event.at).toBe(receivedAt);
  });

  it.each([{}, { datetime: 'yesterday' }, { datetime: null, timestamp: 'soon' }])('is the time of Klaviyo\'s call for an opt-out that says %j', (attributes) => {
    expect(timed('unsubscribed_from_email_marketing', attributes).deliveries[0]!.event.at).toBe(Date.parse('2026-09-01T11:59:00Z'));
  });

  it('must be told by an opt-in, or it might undo an opt-out that came after it', () => {
    expect(timed('subscribed_to_email_marketing', {})).toEqual({ deliveries: [], ignored: 0, unusable: 1 });
  });
});

describe('what Klaviyo does not document', () => {
  const withProperties = (topic: string, properties: object) => only(sent(topic, { payload: payload(properties) }));

  it.each([
    [{ method: 'API' }, true],
    [{ Method: 'Bulk Unsubscribe API' }, true],
    [{ 'Consent Method': 'PREFERENCE_PAGE' }, false],
    [{ method: 'Rapid link' }, false],
    [{}, undefined],
    [{ method: 7 }, undefined],
  ])('(by which way) is read from %j as through the API: %s', (properties, throughApi) => {
    expect(withProperties('unsubscribed_from_email_marketing', properties).throughApi).toBe(throughApi);
  });

  const [a, b] = ['01HZZ00000000000000000000B', 'AbC123'];
  it.each([
    [{ merged_profile_ids: [a, b] }, [a, b]],
    [{ 'Merged Profile ID': a }, [a]],
    [{ source_profile_id: a, old_profile_id: b }, [a, b]],
    [{ sourceIds: `${a}, ${b}` }, [a, b]],
    [{ merged_profiles: a, merged_profile_id: { type: 'profile', id: a } }, [a]],
    [{ merged_profile_ids: [person.id, a, a] }, [a]],
    [{ merged_profile_id: 'ada@shop.fr', reason: a }, undefined],
    [{}, undefined],
  ])('(which profiles went into another) is read from %j', (properties, ids) => {
    expect(withProperties('merged_profile', properties).mergedIds).toEqual(ids);
  });
});

describe('a body that is not as it should be', () => {
  const code = (text: string, webhookId: string | undefined = 'W1') => {
    try {
      readSystemWebhook(text, receivedAt, webhookId);
    } catch (error) {
      return (error as { code?: string }).code;
    }
    return undefined;
  };

  it.each(['', 'null', '7', '"text"', '[]', '{"data":[', '<html>'])('(%s) is answered as no JSON object', (text) => {
    expect(code(text)).toBe('BODY_NOT_JSON');
  });

  it('is answered as unreadable when it lists no events', () => {
    expect(code(JSON.stringify({ meta: { klaviyo_webhook_id: 'W1' } }))).toBe('EVENT_UNREADABLE');
    expect(code(JSON.stringify({ data: {}, meta: { klaviyo_webhook_id: 'W1' } }))).toBe('EVENT_UNREADABLE');
  });

  it.each(['W2', '', undefined])('is refused when the header names the webhook %s and the signed body another', (webhookId) => {
    expect(() => readSystemWebhook(body(), receivedAt, webhookId)).toThrow('different webhooks');
  });

  it('loses no event for a neighbour that is garbage', () => {
    const garbage = [null, 7, 'text', [], {}, { topic: 7 }, sent('unsubscribed_from_email_marketing', { payload: null }), sent('merged_profile', { payload: { data: 7, included: {} } })];
    const taken = read(...garbage, sent('unsubscribed_from_email_marketing', { external_id: 'good' }));
    expect(taken.deliveries.map(({ key }) => key)).toEqual(['klaviyo:good']);
    expect(taken).toMatchObject({ ignored: 6, unusable: 2 });
  });
});
