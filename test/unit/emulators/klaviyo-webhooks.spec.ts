import { createHmac } from 'node:crypto';
import { type KlaviyoEmulator, renderTemplate, signSystemWebhook, startKlaviyo } from '#emulators';
import { closing } from './support/closing.js';
import { klaviyoCaller, profileBody } from './support/klaviyo-client.js';
import { startReceiver } from './support/receiver.js';

describe('templates', () => {
  const person = { first_name: 'Ana', 'neostore.authenticationToken': 'abc', nested: { deep: { er: 1 } }, quote: 'say "hi"', empty: '' };
  const event = { $event_id: 'e1', 'pass.id': 'p1', list: ['x'] };

  test.each([
    ["{{ person|lookup:'neostore.authenticationToken' }}", 'abc'],
    ["{{person | lookup:'neostore.authenticationToken'}}", 'abc'],
    ['{{ person|lookup:"neostore.authenticationToken" }}', 'abc'],
    ['{{ person.neostore.authenticationToken }}', ''],
    ['Hello {{ person.first_name }}!', 'Hello Ana!'],
    ["{{ person.last_name|default:'you' }}", 'you'],
    ["{{ person|lookup:'nothing'|default:\"a|b\" }}", 'a|b'],
    ["{{ person.empty|default:'x' }}", 'x'],
    ['{{ person.nested.deep.er }}', '1'],
    ["{{ person|lookup:'nested'|lookup:'deep'|lookup:'er' }}", '1'],
    ["{{ event|lookup:'$event_id' }}-{{ event|lookup:'pass.id' }}-{{ event.list.0 }}", 'e1-p1-x'],
    ['{{ nobody.at.all }}', ''],
    ['{{ person.constructor }}', ''],
    ['{"text":"{{ person.quote }}"}', '{"text":"say "hi""}'],
  ])('%s renders as %s', (template, text) => {
    expect(renderTemplate(template, { person, event })).toBe(text);
  });
});

describe('webhooks of flows', () => {
  let klaviyo: KlaviyoEmulator;
  beforeEach(async () => void (klaviyo = await startKlaviyo()));
  afterEach(() => klaviyo.close());

  const webhook = (url: string) => ({ url, headers: { 'X-API-KEY': 'secret' }, flowId: 'FlowId', backoff: () => 1, body: '{"id":"{{ person.KlaviyoID }}","token":"{{ person|lookup:\'neostore.authenticationToken\' }}"}', profile: { email: 'ana@mail.example' } });

  test('the body is rendered for the person and carries the flow\'s headers', async () => {
    const receiver = await startReceiver();
    const { body } = await klaviyoCaller(klaviyo.url)('POST', '/api/profile-import', profileBody({ email: 'ana@mail.example', properties: { 'neostore.authenticationToken': 'abc' } }));
    expect(await klaviyo.sendFlowWebhook(webhook(receiver.url))).toMatchObject({ outcome: 'delivered', tries: 1 });
    expect(receiver.received).toMatchObject([{ headers: { 'x-api-key': 'secret', 'x-klaviyo-flow-id': 'FlowId', 'content-type': 'application/json' }, body: { id: body.data.id, token: 'abc' } }]);
  });

  test.each([429, 500, 502, 503])('%i is tried again', async (status) => {
    const receiver = await startReceiver((_, count) => (count < 3 ? status : 200));
    expect(await klaviyo.sendFlowWebhook(webhook(receiver.url))).toMatchObject({ outcome: 'delivered', statuses: [status, status, 200] });
  });

  test.each([301, 400, 401, 404, 408, 422, 504])('%i is final: the action is skipped', async (status) => {
    const receiver = await startReceiver(() => status);
    expect(await klaviyo.sendFlowWebhook(webhook(receiver.url))).toMatchObject({ outcome: 'skipped', tries: 1 });
  });

  test('after 17 tries it is over', async () => {
    const receiver = await startReceiver(() => 503);
    expect(await klaviyo.sendFlowWebhook(webhook(receiver.url))).toMatchObject({ outcome: 'exhausted', tries: 17 });
  });

  test('no answer at all is final, or tried again if so wished', async () => {
    const receiver = await startReceiver((_, count) => (count === 1 ? 'hang' : 200));
    const patient = { ...webhook(receiver.url), timeoutMs: 300 };
    expect(await klaviyo.sendFlowWebhook({ ...patient, retryWithoutAnswer: true })).toMatchObject({ outcome: 'delivered', statuses: [0, 200] });
    await receiver.close();
    expect(await klaviyo.sendFlowWebhook(patient)).toMatchObject({ outcome: 'skipped', statuses: [0] });
  });
});

describe('system webhooks', () => {
  test('the signature is the one Klaviyo computes', () => {
    const body = '{"data":[{"external_id":"4L3cwQae2TX","topic":"event:klaviyo.sent_sms"}],"meta":{"klaviyo_webhook_id":"a8b890458b4bbfaa26d961471b83c101d6de23bd826e7e5173a15310985ec3cb"}}';
    expect(signSystemWebhook('klaviyo-test-secret', body, 'Thu, 04 Jan 2024 18:05:25 GMT')).toBe('5aa0e720d80b3a04ca04baf3c65cdfe31da57504af69fee8da29c35d45f0596b');
  });

  test('events go out signed, at most 1 000 to a delivery, and are tried again until 200, 201 or 202', async () => {
    const klaviyo = closing(await startKlaviyo());
    const receiver = await startReceiver((_, count) => (count === 1 ? 204 : 202));
    const events = Array.from({ length: 1001 }, (_, n) => ({ external_id: `e${n}`, topic: 'event:klaviyo.unsubscribed_from_email_marketing', payload: { data: { type: 'event' } } }));
    const outcome = await klaviyo.sendSystemWebhook({ url: receiver.url, secret: 'a long enough secret', webhookId: 'w1', events, backoff: () => 1, clockSkewMs: -5 * 3_600_000 });
    expect(outcome).toEqual({ outcome: 'delivered', batches: 2, tries: 3, statuses: [204, 202, 202] });
    const [, first, second] = receiver.received;
    expect([first!.body.data.length, second!.body.data.length]).toEqual([1000, 1]);
    const timestamp = String(first!.headers['klaviyo-timestamp']);
    expect(first!.headers['klaviyo-signature']).toBe(createHmac('sha256', 'a long enough secret').update(Buffer.concat([first!.raw, Buffer.from(timestamp)])).digest('hex'));
    expect(first!.headers['klaviyo-webhook-id']).toBe(first!.body.meta.klaviyo_webhook_id);
    // The header's clock is off, the signed body's is right.
    expect(Math.round((Date.parse(first!.body.meta.timestamp) - Date.parse(timestamp)) / 3_600_000)).toBe(5);
  });

  test('a receiver that keeps failing is disabled', async () => {
    const klaviyo = closing(await startKlaviyo());
    const receiver = await startReceiver(() => 500);
    const outcome = await klaviyo.sendSystemWebhook({ url: receiver.url, secret: 's', webhookId: 'w1', events: [{ topic: 'event:klaviyo.merged_profile' }], backoff: () => 1, maxTries: 3 });
    expect(outcome).toMatchObject({ outcome: 'disabled', tries: 3 });
  });
});
