import { fingerprint } from '#core';
import { signSystemWebhook, type StoryEvent, type SystemWebhookEvent } from '#emulators';
import { inDatabase } from '../support/database.js';
import { lists, startWorld, until, type World, type WorldOptions } from '../support/running-connector.js';
import { ask, deliver, bodyOf } from '../support/webhooks.js';

const secret = 'secret-of-the-system-webhook';
const webhookId = 'W-0123456789';
const minuteMs = 60_000;
const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * minuteMs).toISOString();

let people = 0;
function somebody() {
  const number = ++people;
  const email = `leaver.${number}@mail.example`;
  const phone = `+3363997${String(number).padStart(4, '0')}`;
  const identifiers = { customerId: `L-${number}`, email, phone };
  const told = (kind: string, minutesAgo: number, answers: Record<string, boolean>): StoryEvent => ({ kind, at: at(minutesAgo), identifiers, account: { email, phoneNumber: phone, ...answers } });
  return {
    email,
    phone,
    enrols: (minutesAgo: number, answers: Record<string, boolean> = { consents_email: true }) => told('Customer:Upserted', minutesAgo, answers),
    updates: (minutesAgo: number, answers: Record<string, boolean> = { consents_email: true }) => told('Customer:Updated', minutesAgo, answers),
  };
}

let world: World;
const starts = (options: WorldOptions = {}) => startWorld({ klaviyoSettings: { systemWebhookSecret: secret }, ...options });
const hook = (of: Pick<World, 'url'> = world, tenant = 'acme') => `${of.url}/api/${tenant}/webhooks/listeners/klaviyo/system`;
const system = (events: readonly SystemWebhookEvent[], own: object = {}) => world.klaviyo.sendSystemWebhook({ url: hook(), secret, webhookId, events, backoff: () => 1, ...own });
const tell = async (...story: StoryEvent[]) => {
  await world.tell(story, { concurrency: 1 });
  await world.quiet();
};
const memberOf = (email: string) => world.klaviyo.profile({ email })!.lists.map(({ id }) => id).sort();
const emailOf = (email: string) => world.klaviyo.subscriptions({ email })!.email;
const personOf = (email: string) => world.opened.store.personByIdentifier('acme', `email:${email}`);
const asked = (operation: string) => world.klaviyo.stats().operations[operation]?.items ?? 0;

/** A body of one's own making, signed. */
function posts(body: string, own: { url?: string; headers?: Record<string, string> } = {}) {
  const timestamp = new Date().toUTCString();
  const headers = { 'content-type': 'application/json', 'klaviyo-signature': signSystemWebhook(secret, body, timestamp), 'klaviyo-timestamp': timestamp, 'klaviyo-webhook-id': webhookId, ...own.headers };
  return ask(own.url ?? hook(), { method: 'POST', headers, body });
}
const bodyWith = (data: unknown) => JSON.stringify({ data, meta: { klaviyo_webhook_id: webhookId, timestamp: new Date().toISOString() } });

describe('an opt-out that Klaviyo tells of', () => {
  beforeAll(async () => void (world = await starts()), 60_000);
  afterAll(() => world.stop());

  it('outlives the old enrolment that is delivered once more', async () => {
    const person = somebody();
    const enrolment = bodyOf(person.enrols(60), 'enrolment-of-a-leaver');
    expect((await deliver(world.hook, enrolment)).status).toBe(202);
    await world.quiet();
    expect(memberOf(person.email)).toEqual([lists.newsletter]);

    await system([world.klaviyo.optOut({ email: person.email }, 'email')]);
    await world.quiet();
    const before = asked('bulk_subscribe_profiles');
    // As the same webhook, as another one about the same, and repeated with an update of the customer.
    expect((await deliver(world.hook, enrolment)).status).toBe(202);
    await tell(person.enrols(60), person.updates(-1));
    expect(asked('bulk_subscribe_profiles')).toBe(before);
    expect(emailOf(person.email)).toMatchObject({ consent: 'UNSUBSCRIBED', canReceive: false });
  });

  it('of somebody we do not know yet counts when their enrolment arrives, so fresh that Klaviyo would not be asked first', async () => {
    const person = somebody();
    await system([world.klaviyo.optOut({ email: person.email }, 'email')]);
    await world.quiet();
    const before = asked('bulk_subscribe_profiles');
    await tell(person.enrols(0.2));
    expect(asked('bulk_subscribe_profiles')).toBe(before);
    expect(emailOf(person.email).consent).toBe('UNSUBSCRIBED');
  });

  it('ends when the person says yes again, in a form or at Klaviyo', async () => {
    const [inForm, atKlaviyo] = [somebody(), somebody()];
    await tell(inForm.enrols(60), atKlaviyo.enrols(60));
    await system([world.klaviyo.optOut({ email: inForm.email }, 'email'), world.klaviyo.optOut({ email: atKlaviyo.email }, 'email')]);
    await world.quiet();
    await tell(inForm.updates(-1, { consents_email: false }), inForm.updates(-2, { consents_email: true }));
    expect(emailOf(inForm.email)).toMatchObject({ consent: 'SUBSCRIBED', canReceive: true });

    const back = world.klaviyo.optIn({ email: atKlaviyo.email }, 'email');
    await system([back]);
    await world.quiet();
    await tell(atKlaviyo.updates(-1));
    expect(emailOf(atKlaviyo.email)).toMatchObject({ consent: 'SUBSCRIBED', canReceive: true });
  });

  it('concerns its channel only', async () => {
    const person = somebody();
    await system([world.klaviyo.optOut({ phone: person.phone }, 'sms')]);
    await world.quiet();
    await tell(person.enrols(60, { consents_email: true, consents_sms: true }));
    expect(memberOf(person.email)).toEqual([lists.newsletter]);
    expect(world.klaviyo.subscriptions({ phone: person.phone })!.sms.consent).toBe('UNSUBSCRIBED');
  });

  it('is known by the profile\'s id alone, when Klaviyo tells no more', async () => {
    const person = somebody();
    await tell(person.enrols(60));
    await system([world.klaviyo.optOut({ email: person.email }, 'email', { included: false })]);
    await world.quiet();
    expect((await personOf(person.email))?.identity.optedOut).toMatchObject({ email: expect.any(Number) as unknown });
  });

  it.each([['suppressed', true], ['spam', true], ['bounce', false]] as const)('(%s) is one: %s', async (what, isOne) => {
    const person = somebody();
    await tell(person.enrols(60, {}));
    await system([world.klaviyo.emailHappens({ email: person.email }, what)]);
    await world.quiet();
    expect((await personOf(person.email))?.identity.optedOut !== undefined).toBe(isOne);
  });

  it('is one however often and in however many webhooks it is told, and whatever the clock of the call says', async () => {
    const person = somebody();
    await tell(person.enrols(60));
    const event = world.klaviyo.optOut({ email: person.email }, 'email');
    const first = await posts(bodyWith([event, event]));
    expect(first).toMatchObject({ status: 202, json: { accepted: 2 } });
    const [id, twin] = first.json['ids'] as string[];
    expect(twin).toBe(id);
    expect(await system([event], { clockSkewMs: -5 * 60 * minuteMs })).toMatchObject({ outcome: 'delivered' });
    expect((await posts(bodyWith([event]))).json).toEqual({ accepted: 1, ids: [id] });
    await world.quiet();
    expect(await world.opened.store.delivery('acme', id!)).toMatchObject({ status: 'processed', redeliveries: 3 });
  });

  it('is found again after Klaviyo has merged two profiles', async () => {
    const person = somebody();
    await tell(person.enrols(60, {}));
    const newer = { email: `new.${person.email}` };
    world.klaviyo.optIn(newer, 'email');
    await system([world.klaviyo.merge(newer, { email: person.email })]);
    await world.quiet();
    const into = world.klaviyo.profile(newer)!.id;
    expect((await personOf(person.email))?.identity.klaviyoId).toBe(into);
    await system([world.klaviyo.optOut(newer, 'email', { included: false })]);
    await world.quiet();
    expect((await personOf(person.email))?.identity.optedOut).toMatchObject({ email: expect.any(Number) as unknown });
  });
});

describe('a system webhook of Klaviyo', () => {
  beforeAll(async () => void (world = await starts({ limits: { bodyBytes: 1_000 } })), 60_000);
  afterAll(() => world.stop());

  it('with a thousand events and several megabytes is on disk and answered within five seconds', async () => {
    const events = Array.from({ length: 1000 }, (_, n) => {
      const event = world.klaviyo.optOut({ email: `many.${n}@mail.example` }, 'email') as { payload: { data: { attributes: { event_properties: object } } } } & SystemWebhookEvent;
      event.payload.data.attributes.event_properties = { ...event.payload.data.attributes.event_properties, note: 'x'.repeat(4000) };
      return event;
    });
    const body = bodyWith(events);
    expect(body.length).toBeGreaterThan(4_000_000);
    const began = Date.now();
    const answer = await posts(body);
    expect(answer).toMatchObject({ status: 202, json: { accepted: 1000 } });
    expect(Date.now() - began).toBeLessThan(5000);
    const ids = answer.json['ids'] as string[];
    expect(new Set(ids).size).toBe(1000);
    expect(await world.opened.store.delivery('acme', ids[999]!)).toMatchObject({ event: { kind: 'opted-out', profile: { email: 'many.999@mail.example' } } });
    await world.quiet();
    expect(await world.opened.store.parked('acme', 1)).toEqual([]);
  });

  it('keeps nothing of what means nothing to us', async () => {
    const person = { email: 'opens@mail.example' };
    const bounce = world.klaviyo.emailHappens(person, 'bounce');
    const opens = Array.from({ length: 50 }, (_, n) => ({ ...bounce, external_id: `open-${n}`, topic: 'event:klaviyo.opened_email' }));
    expect((await posts(bodyWith([bounce, ...opens, { topic: 'event:klaviyo.unsubscribed_from_email_marketing', external_id: 'nobody' }]))).json).toEqual({ accepted: 0, ids: [] });
    expect(world.logs.some((line) => line.includes('without a person'))).toBe(true);
    expect(world.logs.join()).not.toContain('opens@mail.example');
  });

  it('that is not signed by Klaviyo is refused, and nothing of it is kept', async () => {
    const event = { ...world.klaviyo.optOut({ email: 'forged@mail.example' }, 'email') };
    const body = bodyWith([event]);
    const forged = [['klaviyo-signature', fingerprint(body)], ['klaviyo-signature', ''], ['klaviyo-timestamp', 'Thu, 04 Jan 2024 18:05:25 GMT'], ['klaviyo-webhook-id', 'W-another']] as const;
    for (const [header, value] of forged) {
      expect(await posts(body, { headers: { [header]: value } })).toMatchObject({ status: 401, json: { code: 'SYSTEM_WEBHOOK_REFUSED', fix: expect.stringContaining('systemWebhookSecret') as unknown } });
    }
    expect(await system([event], { secret: 'another-secret-of-16', maxTries: 1 })).toMatchObject({ statuses: [401] });
    expect(await personOf('forged@mail.example')).toBeUndefined();
    const metrics = await ask(`${world.url}/metrics`);
    expect(metrics.text).toContain('connector_system_webhooks_total{tenant="acme",answer="401"} 5');
  });

  it('that cannot be read is answered with what is wrong', async () => {
    expect(await posts('{"data":[')).toMatchObject({ status: 400, json: { code: 'BODY_NOT_JSON' } });
    expect(await posts(bodyWith('none'))).toMatchObject({ status: 400, json: { code: 'EVENT_UNREADABLE' } });
    expect(await posts(bodyWith([]), { url: hook(world, 'nobody') })).toMatchObject({ status: 404, json: { code: 'TENANT_UNKNOWN' } });
    expect(await posts(bodyWith(['x'.repeat(10_000_000)]))).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
    expect((await deliver(world.hook, JSON.stringify({ event: 'Pass:Created', filler: 'x'.repeat(1_000) }))).status).toBe(413);
  });

  it('that cannot be put on disk is answered 503, comes again, and is then taken', async () => {
    const full = await world.replica({ workers: false, limits: { backlog: 1 } });
    const event = world.klaviyo.optOut({ email: 'later@mail.example' }, 'email');
    const stuck = { tenant: 'globex', key: 'stuck', receivedAt: Date.now(), event: { kind: 'unknown' as const, name: '?', at: 0, identifiers: {}, metadata: {}, answers: {}, attributes: {} }, body: '' };
    // A tenant that is not configured: its delivery stays undecided.
    await world.opened.store.receive([stuck]);
    await until(async () => (await full.opened.store.backlog()) > 0);
    const refused = await posts(bodyWith([event]), { url: hook(full) });
    expect(refused).toMatchObject({ status: 503, json: { code: 'BACKLOG_FULL' } });
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await posts(bodyWith([event]))).toMatchObject({ status: 202, json: { accepted: 1 } });
  });
});

describe('without system webhooks', () => {
  beforeAll(async () => void (world = await startWorld({ klaviyoSettings: { pollOptOuts: true } })), 60_000);
  afterAll(() => world.stop());

  const looks = async () => {
    const before = await Promise.all(['email', 'sms'].map((channel) => world.opened.store.watermark('acme', `opt-outs:${channel}`)));
    await world.opened.queue.send({ queue: 'poll-opt-outs', data: {} });
    await until(async () => {
      const now = await Promise.all(['email', 'sms'].map((channel) => world.opened.store.watermark('acme', `opt-outs:${channel}`)));
      return now.every((at, i) => at !== undefined && at > (before[i] ?? 0));
    });
    await world.quiet();
  };

  it('Klaviyo is asked who opted out, and the old enrolment that is delivered once more subscribes nobody', async () => {
    const [byEmail, bySms] = [somebody(), somebody()];
    await tell(byEmail.enrols(60), bySms.enrols(60, { consents_sms: true }));
    world.klaviyo.optOut({ email: byEmail.email }, 'email');
    world.klaviyo.optOut({ phone: bySms.phone }, 'sms');
    await looks();
    expect((await personOf(byEmail.email))?.identity.optedOut).toEqual({ email: expect.any(Number) as unknown });
    expect((await personOf(bySms.email))?.identity.optedOut).toEqual({ sms: expect.any(Number) as unknown });
    const before = asked('bulk_subscribe_profiles');
    await tell(byEmail.enrols(60), byEmail.updates(-1), bySms.updates(-1, { consents_sms: true }));
    expect(asked('bulk_subscribe_profiles')).toBe(before);
    expect(emailOf(byEmail.email).consent).toBe('UNSUBSCRIBED');
    expect(world.klaviyo.subscriptions({ phone: bySms.phone })!.sms.consent).toBe('UNSUBSCRIBED');
  });

  it('what is heard twice is one', async () => {
    const person = somebody();
    world.klaviyo.optOut({ email: person.email }, 'email');
    await looks();
    const kept = () => inDatabase<{ redeliveries: number }>(world.databaseUrl, `select redeliveries from connector.delivery where key like $1`, [`klaviyo:opt-out:${world.klaviyo.profile({ email: person.email })!.id}:email:%`]);
    expect(await kept()).toEqual([{ redeliveries: 0 }]);
    await looks();
    expect(await kept()).toEqual([{ redeliveries: 1 }]);
    expect(await world.opened.store.parked('acme', 10)).toEqual([]);
  });

  it('the address of system webhooks is not there', async () => {
    expect(await posts(bodyWith([]))).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
  });
});
