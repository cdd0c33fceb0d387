import { type KlaviyoEmulator, startKlaviyo, type SystemWebhookEvent } from '#emulators';
import { closing } from './support/closing.js';
import { klaviyoCaller } from './support/klaviyo-client.js';

const ada = { email: 'ada@mail.example' };

interface Told {
  data: { attributes: { datetime: string; timestamp: number; event_properties: Record<string, unknown> }; relationships: { profile: { data: { id: string } } } };
  included?: { id: string; attributes: Record<string, unknown> }[];
}
const told = ({ payload }: SystemWebhookEvent) => payload as Told;

describe('what people do in Klaviyo itself', () => {
  let klaviyo: KlaviyoEmulator;
  beforeEach(async () => void (klaviyo = closing(await startKlaviyo())));

  test('leaving by e-mail ends the consent, suppresses the profile and is told with who and when', () => {
    const event = klaviyo.optOut(ada, 'email');
    expect(klaviyo.subscriptions(ada)).toMatchObject({ email: { consent: 'UNSUBSCRIBED', suppression: ['UNSUBSCRIBE'], canReceive: false }, sms: { consent: 'NEVER_SUBSCRIBED' } });
    expect(event.topic).toBe('event:klaviyo.unsubscribed_from_email_marketing');
    const { data, included } = told(event);
    const { id } = klaviyo.profile(ada)!;
    expect(data.relationships.profile.data.id).toBe(id);
    expect(included).toMatchObject([{ id, attributes: ada }]);
    expect(Math.abs(Date.parse(data.attributes.datetime) - Date.now())).toBeLessThan(60_000);
    expect(data.attributes.timestamp * 1000).toBe(Date.parse(data.attributes.datetime));
  });

  test('leaving and coming back by SMS leaves e-mail alone', () => {
    const phone = { phone: '+33600000001' };
    expect(klaviyo.optOut(phone, 'sms').topic).toBe('event:klaviyo.unsubscribed_from_sms_marketing');
    expect(klaviyo.subscriptions(phone)).toMatchObject({ email: { consent: 'NEVER_SUBSCRIBED', suppression: [] }, sms: { consent: 'UNSUBSCRIBED' } });
    expect(klaviyo.optIn(phone, 'sms').topic).toBe('event:klaviyo.subscribed_to_sms_marketing');
    expect(klaviyo.subscriptions(phone)?.sms.consent).toBe('SUBSCRIBED');
  });

  test('coming back lifts the suppression', () => {
    klaviyo.optOut(ada, 'email');
    klaviyo.optIn(ada, 'email');
    expect(klaviyo.subscriptions(ada)?.email).toMatchObject({ consent: 'SUBSCRIBED', suppression: [], canReceive: true });
  });

  test.each([
    ['suppressed', 'manually_suppressed_from_email_marketing', 'USER_SUPPRESSED'],
    ['spam', 'marked_email_as_spam', 'SPAM_COMPLAINT'],
    ['bounce', 'bounced_email', 'HARD_BOUNCE'],
  ] as const)('%s suppresses without unsubscribing', (what, topic, reason) => {
    expect(klaviyo.emailHappens(ada, what).topic).toBe(`event:klaviyo.${topic}`);
    expect(klaviyo.subscriptions(ada)?.email).toMatchObject({ consent: 'NEVER_SUBSCRIBED', suppression: [reason] });
  });

  test('a merge tells which profile went into which', () => {
    klaviyo.optOut(ada, 'email');
    klaviyo.optOut({ phone: '+33600000001' }, 'sms');
    const from = klaviyo.profile({ phone: '+33600000001' })!.id;
    const { data } = told(klaviyo.merge(ada, { phone: '+33600000001' }));
    expect(data.relationships.profile.data.id).toBe(klaviyo.profile(ada)!.id);
    expect(data.attributes.event_properties).toMatchObject({ merged_profile_ids: [from] });
    expect(klaviyo.profileCount()).toBe(1);
  });

  test('what is asked for through the API is told too, as such, and once', async () => {
    const call = klaviyoCaller(klaviyo.url);
    const job = (kind: 'create' | 'delete', consent: string) => call('POST', `/api/profile-subscription-bulk-${kind}-jobs`, { data: { type: `profile-subscription-bulk-${kind}-job`, attributes: { profiles: { data: [{ type: 'profile', attributes: { ...ada, subscriptions: { email: { marketing: { consent } } } } }] } } } });
    klaviyo.optIn(ada, 'email');
    await job('delete', 'UNSUBSCRIBED');
    await job('delete', 'UNSUBSCRIBED');
    await klaviyo.settle();
    const events = klaviyo.systemEvents();
    expect(events.map(({ topic }) => topic)).toEqual(['event:klaviyo.subscribed_to_email_marketing', 'event:klaviyo.unsubscribed_from_email_marketing']);
    expect(told(events[1]!).data.attributes.event_properties).toMatchObject({ method: 'API' });
    expect(new Set(events.map(({ external_id }) => external_id)).size).toBe(2);
  });

  test('the profile can be left out of what is told', () => {
    expect(told(klaviyo.optOut(ada, 'email', { included: false })).included).toBeUndefined();
  });

  test('what changes nothing is not told', () => {
    klaviyo.optOut(ada, 'email');
    expect(() => klaviyo.optOut(ada, 'email')).toThrow('nothing to tell');
  });

  test('profiles are found by when they were suppressed', async () => {
    klaviyo.emailHappens({ email: 'old@mail.example' }, 'suppressed');
    const since = klaviyo.profile({ email: 'old@mail.example' })!.updated;
    klaviyo.optOut({ email: 'new@mail.example' }, 'email');
    const field = 'subscriptions.email.marketing.suppression.timestamp';
    const query = new URLSearchParams({ filter: `greater-than(${field},${since})`, sort: field, 'fields[profile]': 'email' });
    const { body } = await klaviyoCaller(klaviyo.url)('GET', `/api/profiles?${query}`);
    expect(body.data).toMatchObject([{ attributes: { email: 'new@mail.example' } }]);
  });
});
