import { keys, startWorld, until, type World } from '../support/running-connector.js';
import { ask, operate } from '../support/webhooks.js';

const listeners = 'api/acme/webhooks/listeners/klaviyo';
const people = Array.from({ length: 30 }, (_, n) => `person.${n}@mail.example`);
const passOf = (n: number) => `pass-${String(n).padStart(4, '0')}`;
const token = 'neostore.authenticationToken';
/** Everything that goes wrong at The Wallet Crew and certainly did nothing. */
const surelyNotDone = (operation: string) => [
  { kind: 'status' as const, status: 503, times: 4, operation }, { kind: 'status' as const, status: 429, retryAfter: 1, times: 3, operation },
  { kind: 'status' as const, status: 522, html: true, times: 2, operation }, { kind: 'status' as const, status: 403, html: true, times: 1, operation },
];

describe('a Klaviyo flow that asks for more than a pass update', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({ tenant: { links: {} } });
    // What The Wallet Crew holds and never told: no webhook came for any of them.
    world.walletCrew.hold(people.flatMap((email, n) => [
      { kind: 'Customer:Upserted', at: '2026-11-01T08:00:00Z', identifiers: { email, customerId: `C-${n}` }, account: { email } },
      { kind: 'Pass:Created', at: '2026-11-01T09:00:00Z', identifiers: { email, customerId: `C-${n}` }, passId: passOf(n), passType: 'loyalty' },
      ...(n % 3 === 0 ? [] : [{ kind: 'Pass:Installed', at: '2026-11-01T10:00:00Z', identifiers: { email, customerId: `C-${n}` }, passId: passOf(n), passType: 'loyalty', device: n % 3 === 1 ? ('apple' as const) : ('google' as const) }]),
    ]));
  }, 60_000);
  afterAll(() => world.stop());

  const flow = (path: string, email: string, body: string, own: { flowId?: string } = {}) =>
    world.klaviyo.sendFlowWebhook({ url: `${world.url}/${listeners}/${path}`, headers: { 'X-API-KEY': keys.walletCrew }, body, profile: { email }, backoff: () => 20, ...own });
  const sync = (email: string, own: { flowId?: string } = {}) => flow('profiles/sync', email, `{"email": "{{ person.email }}"}`, own);
  const notify = (email: string, message: string, own: { flowId?: string } = {}) => flow('passes/notify', email, `{"identifiers": {"email": "{{ person.email }}"}, "message": "${message}"}`, own);
  const notifications = (n: number) => world.walletCrew.notifications().filter(({ passId }) => passId === passOf(n));
  const outcomes = (n: number) => world.klaviyo.events({ email: people[n]! }).filter(({ metric }) => metric.startsWith('Wallet Notification')).map(({ metric, properties }) => [metric, properties['reason']]);
  const parked = async () => (await operate(world.url, 'parked')).json as unknown as { id: string; name: string; code: string }[];

  it('back-populates profiles: token, explicit status and roll-up, whatever The Wallet Crew answers meanwhile', async () => {
    world.walletCrew.faults.set([...surelyNotDone('list_passes'), ...surelyNotDone('authenticate_customer'), { kind: 'reset', times: 3 }, { kind: 'status', status: 500, times: 2 }]);
    const answers = await Promise.all(people.map((email) => sync(email)));
    expect(answers.map(({ outcome }) => outcome)).toEqual(people.map(() => 'delivered'));
    await world.quiet();
    people.forEach((email, n) => {
      const held = world.klaviyo.profile({ email })!.properties;
      const customer = world.walletCrew.customer({ email })!;
      expect([n, held[token]]).toEqual([n, customer.token]);
      const status = { apple: n % 3 === 1 ? 'Installed' : 'NotInstalled', google: n % 3 === 2 ? 'Installed' : 'NotInstalled' };
      expect(held).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': status.apple, 'neostore.wallet.loyaltyCard.Google': status.google, 'neostore.wallet.giftCard.Apple': 'NotInstalled', 'neostore.wallet.Any': n % 3 === 0 ? 'NotInstalled' : 'Installed' });
    });
    expect(world.klaviyo.eventCount()).toBe(0);
    expect(await parked()).toEqual([]);
  }, 120_000);

  it('looks nobody up twice for the same call, and again for the next flow', async () => {
    const before = world.walletCrew.requests('list_passes').length;
    await sync(people[1]!);
    await world.quiet();
    expect(world.walletCrew.requests('list_passes').length).toBe(before);
    await sync(people[1]!, { flowId: 'another' });
    await world.quiet();
    expect(world.walletCrew.requests('list_passes').length).toBe(before + 1);
  });

  it('gives a profile that The Wallet Crew knows nothing of its explicit default', async () => {
    await sync('nobody@mail.example', { flowId: 'one' });
    await flow('profiles/sync', 'nobody@mail.example', `{"profileId": "{{ person.KlaviyoID }}", "email": "nobody@mail.example"}`);
    await world.quiet();
    const held = world.klaviyo.profile({ email: 'nobody@mail.example' })!.properties;
    expect(held).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': 'NotInstalled', 'neostore.wallet.Any': 'NotInstalled' });
    expect(held[token]).toBeUndefined();
  });

  it('finds a customer whose pass carries nothing that Klaviyo knows, once a webhook has told who that is', async () => {
    world.walletCrew.hold([{ kind: 'Pass:Created', at: '2026-11-02T09:00:00Z', identifiers: { customerId: 'C-900' }, passId: 'pass-of-900', passType: 'loyalty' }, { kind: 'Pass:Installed', at: '2026-11-02T09:10:00Z', identifiers: { customerId: 'C-900' }, passId: 'pass-of-900', passType: 'loyalty', device: 'apple' }]);
    await world.tell([{ kind: 'Customer:Upserted', at: '2026-11-02T08:00:00Z', identifiers: { customerId: 'C-900', email: 'shy@mail.example' }, account: {} }], { deliverOnly: true });
    await world.quiet();
    await sync('shy@mail.example');
    await world.quiet();
    expect(world.klaviyo.profile({ email: 'shy@mail.example' })!.properties).toMatchObject({ 'neostore.wallet.loyaltyCard.Apple': 'Installed' });
  });

  it('notifies each person once, and tells Klaviyo what became of it', async () => {
    world.walletCrew.faults.set([...surelyNotDone('list_passes'), ...surelyNotDone('notify_pass')]);
    await Promise.all(people.map((email) => notify(email, 'Double points today')));
    await world.quiet();
    people.forEach((_, n) => {
      expect([n, notifications(n).length]).toEqual([n, n % 3 === 0 ? 0 : 1]);
      expect([n, outcomes(n)]).toEqual([n, [n % 3 === 0 ? ['Wallet Notification Not Sent', 'no-device'] : ['Wallet Notification Sent', undefined]]]);
    });
    expect(await parked()).toEqual([]);
  }, 120_000);

  it('stops at the three notifications a day that Google shows, and says so', async () => {
    for (const message of ['two', 'three', 'four', 'five']) await notify(people[2]!, message);
    for (const message of ['two', 'three', 'four', 'five']) await notify(people[1]!, message);
    await world.quiet();
    expect(notifications(2)).toHaveLength(3);
    expect(outcomes(2).filter(([metric, reason]) => metric === 'Wallet Notification Not Sent' && reason === 'over-quota')).toHaveLength(2);
    // Apple knows no such limit.
    expect(notifications(1)).toHaveLength(5);
  });

  it('is parked with a reason, and not repeated, when nobody can know whether the notification was sent', async () => {
    const before = notifications(4).length;
    world.walletCrew.faults.set([{ kind: 'drop', times: 1, operation: 'notify_pass' }]);
    await notify(people[4]!, 'uncertain');
    await world.quiet();
    expect(notifications(4)).toHaveLength(before + 1);
    const uncertain = (await parked()).filter(({ code }) => code === 'WALLET_CREW_NOTIFICATION_UNCERTAIN');
    expect(uncertain).toMatchObject([{ name: 'notify' }]);
    expect((await operate(world.url, `parked/${uncertain[0]!.id}/replay`, 'POST')).status).toBe(202);
    await until(() => notifications(4).length === before + 2);
    await world.quiet();
    expect(await parked()).toEqual([]);
  });

  it('stands in one record from the call to what Klaviyo was told', async () => {
    const { json } = await ask(`${world.url}/${listeners}/profiles/sync`, { method: 'POST', headers: { 'x-api-key': keys.walletCrew }, body: JSON.stringify({ email: people[5] }) });
    await world.quiet();
    const record = await operate(world.url, `deliveries/${String(json['id'])}`);
    expect(record.json).toMatchObject({ status: 'processed', commands: [{ lane: 'look-up', status: 'accepted' }, { lane: 'upsert-profile', status: 'accepted' }] });
    expect(record.text).not.toContain(world.walletCrew.customer({ email: people[5]! })!.token);
  });

  it('writes no token and no message into a log', () => {
    const logs = world.logs.join('\n');
    for (const email of people) expect(logs).not.toContain(world.walletCrew.customer({ email })!.token);
    expect(logs).not.toMatch(/Double points|mail\.example/);
  });

  it.each([
    ['passes/notify', '{"identifiers": {"email": "x@mail.example"}}', 'message'],
    ['passes/notify', '{"message": "Hello"}', 'identifiers'],
    ['profiles/sync', '{}', 'profileId'],
    ['profiles/sync', '{"email": "quo"te"}', 'JSON'],
  ])('at %s with a body that cannot be used is told what is wrong: %s', async (path, body, words) => {
    const answer = await ask(`${world.url}/${listeners}/${path}`, { method: 'POST', headers: { 'x-api-key': keys.walletCrew }, body });
    expect([answer.status, answer.json['code']]).toEqual([422, 'FLOW_BODY_UNUSABLE']);
    expect(answer.text).toContain(words);
  });
});
