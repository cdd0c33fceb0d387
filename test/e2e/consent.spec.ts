import { isOpen } from '#core';
import type { StoryEvent } from '#emulators';
import { keys, lists, startWorld, until, type World } from '../support/running-connector.js';
import { ask, passTime, passWait } from '../support/webhooks.js';

const minuteMs = 60_000;
const startedAt = Date.now();
const at = (minutesAgo: number) => new Date(startedAt - minutesAgo * minuteMs).toISOString();

/** Somebody new for each test. */
let people = 0;
function somebody() {
  const number = ++people;
  const email = `person.${number}@mail.example`;
  const phone = `+3363998${String(number).padStart(4, '0')}`;
  const identifiers = { customerId: `C-${number}`, email, phone };
  const told = (kind: string) => (minutesAgo: number, answers: Record<string, boolean> = {}): StoryEvent => ({ kind, at: at(minutesAgo), identifiers, account: { email, phoneNumber: phone, ...answers } });
  return { email, phone, enrols: told('Customer:Upserted'), updates: told('Customer:Updated') };
}

describe('consent', () => {
  let world: World;
  beforeAll(async () => void (world = await startWorld()), 60_000);
  afterAll(() => world.stop());

  const tell = async (...story: StoryEvent[]) => {
    await world.tell(story, { concurrency: 1 });
    await world.quiet();
  };
  /** Until nothing waits any more. What Klaviyo takes minutes for at the most has to come first. */
  const timePasses = async () => {
    await until(async () => {
      await world.klaviyo.settle();
      await passWait(world.databaseUrl);
      return (await world.opened.store.commandCounts('acme')).every((command) => !isOpen(command));
    });
    await world.quiet();
  };
  const held = (email: string) => world.klaviyo.profile({ email })!;
  const memberOf = (email: string) => held(email).lists.map(({ id }) => id).sort();
  const asked = (operation: string) => world.klaviyo.stats().operations[operation]?.items ?? 0;
  const inKlaviyo = (method: string, path: string, data: unknown) =>
    ask(`${world.klaviyo.url}/api/${path}`, { method, headers: { authorization: `Klaviyo-API-Key ${keys.klaviyo}`, revision: '2026-07-15', 'content-type': 'application/vnd.api+json' }, body: JSON.stringify({ data }) });
  const leavesAllOfKlaviyo = async (email: string) => {
    const subscriptions = { email: { marketing: { consent: 'UNSUBSCRIBED' } } };
    const { status } = await inKlaviyo('POST', 'profile-subscription-bulk-delete-jobs', { type: 'profile-subscription-bulk-delete-job', attributes: { profiles: { data: [{ type: 'profile', attributes: { email, subscriptions } }] } } });
    expect(status).toBe(202);
    await world.klaviyo.settle();
  };
  const expectNotGloballyUnsubscribed = (email: string) => {
    expect(held(email).subscriptions.email).toMatchObject({ suppression: [] });
    expect([held(email).subscriptions.email.consent, held(email).subscriptions.sms.consent]).not.toContain('UNSUBSCRIBED');
  };

  it('that nobody asked about is neither a yes nor a no', async () => {
    const person = somebody();
    const before = { yes: asked('bulk_subscribe_profiles'), no: asked('bulk_unsubscribe_profiles') };
    await tell(person.enrols(60), person.updates(50));
    expect(memberOf(person.email)).toEqual([]);
    expect(held(person.email).subscriptions).toMatchObject({ email: { consent: 'NEVER_SUBSCRIBED' }, sms: { consent: 'NEVER_SUBSCRIBED' } });
    expect({ yes: asked('bulk_subscribe_profiles'), no: asked('bulk_unsubscribe_profiles') }).toEqual(before);
  });

  it('given once stays given while later updates do not mention it', async () => {
    const person = somebody();
    await tell(person.enrols(60, { consents_email: true }), person.updates(50), person.updates(40));
    expect(memberOf(person.email)).toEqual([lists.newsletter]);
    expect(held(person.email).subscriptions.email).toMatchObject({ consent: 'SUBSCRIBED', customSource: 'consents_email' });
  });

  it('repeated with every update subscribes once', async () => {
    const person = somebody();
    const before = asked('bulk_subscribe_profiles');
    await tell(person.enrols(60, { consents_email: true }));
    await tell(person.updates(50, { consents_email: true }), person.updates(40, { consents_email: true }));
    expect(memberOf(person.email)).toEqual([lists.newsletter]);
    expect(asked('bulk_subscribe_profiles') - before).toBe(1);
  });

  it('denied at enrolment asks Klaviyo for nothing, because it takes back nothing', async () => {
    const person = somebody();
    const before = asked('bulk_unsubscribe_profiles');
    await tell(person.enrols(60, { consents_email: false, consents_sms: false }));
    expect(held(person.email).subscriptions).toMatchObject({ email: { consent: 'NEVER_SUBSCRIBED' }, sms: { consent: 'NEVER_SUBSCRIBED' } });
    expect(asked('bulk_unsubscribe_profiles')).toBe(before);
  });

  it('denied at enrolment leaves alone what was subscribed to elsewhere', async () => {
    const person = somebody();
    const subscriptions = { email: { marketing: { consent: 'SUBSCRIBED' } } };
    const { status } = await inKlaviyo('POST', 'profile-subscription-bulk-create-jobs', {
      type: 'profile-subscription-bulk-create-job',
      attributes: { custom_source: 'shop', profiles: { data: [{ type: 'profile', attributes: { email: person.email, subscriptions } }] } },
      relationships: { list: { data: { type: 'list', id: lists.newsletter } } },
    });
    expect(status).toBe(202);
    await world.klaviyo.settle();
    // Answered after that subscription, so nothing but the rule protects it.
    await tell(person.enrols(-1, { consents_email: false }));
    expect(memberOf(person.email)).toEqual([lists.newsletter]);
  });

  it('taken back ends that subscription, on that list only, and is no global unsubscribe', async () => {
    const person = somebody();
    await tell(person.enrols(60, { consents_email: true, consents_sms: true }));
    expect(memberOf(person.email)).toEqual([lists.newsletter, lists.sms]);
    await tell(person.updates(30, { consents_email: false }));
    expect(memberOf(person.email)).toEqual([lists.sms]);
    expect(held(person.email).subscriptions.sms.consent).toBe('SUBSCRIBED');
    expectNotGloballyUnsubscribed(person.email);
  });

  it('given and taken back ends the same, whichever is heard first', async () => {
    const [first, second] = [somebody(), somebody()];
    await tell(first.enrols(60, { consents_email: true }));
    await tell(first.updates(30, { consents_email: false }));
    await tell(second.updates(30, { consents_email: false }));
    await tell(second.enrols(60, { consents_email: true }));
    expect([memberOf(first.email), memberOf(second.email)]).toEqual([[], []]);
    expectNotGloballyUnsubscribed(first.email);
    expectNotGloballyUnsubscribed(second.email);
  });

  it('given and taken back in one breath leaves nobody on the list', async () => {
    const many = Array.from({ length: 12 }, somebody);
    await world.tell(many.map((one) => one.enrols(60, { consents_email: true })), { concurrency: 12 });
    await world.tell(many.map((one) => one.updates(30, { consents_email: false })), { concurrency: 12 });
    await timePasses();
    expect(many.filter(({ email }) => memberOf(email).length > 0)).toEqual([]);
    for (const { email } of many) expectNotGloballyUnsubscribed(email);
  });

  it('taken back before Klaviyo would take the yes leaves nobody on the list', async () => {
    const person = somebody();
    world.klaviyo.faults.set([{ kind: 'status', status: 429, retryAfter: 1, operation: 'bulk_subscribe_profiles', times: 2 }]);
    await world.tell([person.enrols(60, { consents_email: true })]);
    await until(() => world.klaviyo.faults.report()[0]!.hits > 0);
    await world.tell([person.updates(30, { consents_email: false })]);
    await timePasses();
    expect(memberOf(person.email)).toEqual([]);
    expectNotGloballyUnsubscribed(person.email);
  });

  it('taken back and given again subscribes again', async () => {
    const person = somebody();
    await tell(person.enrols(60, { consents_email: true }));
    await tell(person.updates(30, { consents_email: false }));
    await tell(person.updates(10, { consents_email: true }));
    expect(memberOf(person.email)).toEqual([lists.newsletter]);
  });

  it('given long ago does not bring back who has left in Klaviyo since, though the enrolment is told again', async () => {
    const person = somebody();
    await tell(person.enrols(60, { consents_email: true }));
    await leavesAllOfKlaviyo(person.email);
    await world.tell([person.enrols(60, { consents_email: true })], { duplicates: 1 });
    await world.tell([person.enrols(60, { consents_email: true })], { envelope: { id: false, shape: 'flat' } });
    await tell(person.updates(5, { consents_email: true }));
    expect(held(person.email).subscriptions.email).toMatchObject({ consent: 'UNSUBSCRIBED', suppression: ['UNSUBSCRIBE'], canReceive: false });
  });

  it('given long ago does not bring back who has left in Klaviyo before the connector ever heard of them', async () => {
    const person = somebody();
    await inKlaviyo('POST', 'profile-import', { type: 'profile', attributes: { email: person.email } });
    await leavesAllOfKlaviyo(person.email);
    await tell(person.enrols(60, { consents_email: true }));
    expect(held(person.email).subscriptions.email).toMatchObject({ consent: 'UNSUBSCRIBED', suppression: ['UNSUBSCRIBE'] });
    expect(memberOf(person.email)).toEqual([]);
  });

  it('taken back by who is not on the list any more never becomes a global unsubscribe', async () => {
    const person = somebody();
    await tell(person.enrols(60, { consents_email: true }));
    const { status } = await inKlaviyo('DELETE', `lists/${lists.newsletter}/relationships/profiles`, [{ type: 'profile', id: held(person.email).id }]);
    expect(status).toBe(204);
    await world.klaviyo.settle();
    expect(memberOf(person.email)).toEqual([]);
    const before = asked('bulk_unsubscribe_profiles');
    // Until then "not a member" may mean "not yet".
    await passTime(world.databaseUrl, 10);
    await tell(person.updates(5, { consents_email: false }));
    expectNotGloballyUnsubscribed(person.email);
    expect(held(person.email).subscriptions.email.consent).toBe('SUBSCRIBED');
    expect(asked('bulk_unsubscribe_profiles')).toBe(before);
  });
});
