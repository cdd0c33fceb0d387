import { keys, startWorld, until, type World } from '../support/running-connector.js';
import { ask, operate } from '../support/webhooks.js';

const body = `{
  "identifiers": { "email": "{{ person.email }}", "customerId": "{{ person|lookup:'customerId'|default:'' }}" },
  "additionalData": { "points": {{ event.points }}, "tier": "{{ event.tier }}" }
}`;

describe('a Klaviyo flow that updates passes', () => {
  let world: World;
  const path = 'api/acme/webhooks/listeners/klaviyo/passes/pushUpdate';
  const people = Array.from({ length: 40 }, (_, n) => `person.${n}@mail.example`);

  beforeAll(async () => {
    world = await startWorld();
    world.walletCrew.hold(people.map((email, n) => ({ kind: 'Pass:Created', at: '2026-11-01T09:00:00Z', identifiers: { email }, passId: `pass-${n}`, passType: 'loyalty' })));
  }, 60_000);
  afterAll(() => world.stop());

  const flow = (email: string, event: { points: number; tier: string }, own: { key?: string; body?: string; flowId?: string } = {}) =>
    world.klaviyo.sendFlowWebhook({ url: `${world.url}/${path}`, headers: { 'X-API-KEY': own.key ?? keys.walletCrew }, body: own.body ?? body, event, profile: { email }, backoff: () => 20, ...(own.flowId ? { flowId: own.flowId } : {}) });
  const call = (text: string, headers: Record<string, string> = { 'x-api-key': keys.walletCrew }) => ask(`${world.url}/${path}`, { method: 'POST', headers, body: text });
  const pass = (n: number) => world.walletCrew.pass({ id: `pass-${n}` })!;
  const updates = () => world.walletCrew.requests('push_update').filter(({ status }) => status === 200).length;

  it('reaches every pass once, whatever The Wallet Crew answers meanwhile', async () => {
    world.walletCrew.faults.set([
      { kind: 'status', status: 503, times: 3 }, { kind: 'status', status: 429, retryAfter: 1, times: 2 }, { kind: 'status', status: 525, times: 1 },
      { kind: 'status', status: 403, html: true, times: 1 }, { kind: 'reset', times: 2 },
    ]);
    const outcomes = await Promise.all(people.map((email, n) => flow(email, { points: 100 + n, tier: 'Gold' })));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(people.map(() => 'delivered'));
    await world.quiet();
    expect(people.map((_, n) => pass(n).additionalData)).toEqual(people.map((_, n) => ({ points: 100 + n, tier: 'Gold' })));
    expect(updates()).toBe(people.length);
  }, 100_000);

  it('that is called again for the same thing changes nothing; for another thing, it does', async () => {
    const before = updates();
    const again = await Promise.all([flow(people[0]!, { points: 100, tier: 'Gold' }), flow(people[0]!, { points: 100, tier: 'Gold' })]);
    expect(again.map(({ statuses }) => statuses)).toEqual([[202], [202]]);
    await flow(people[0]!, { points: 101, tier: 'Gold' });
    await flow(people[0]!, { points: 101, tier: 'Gold' }, { flowId: 'another' });
    await world.quiet();
    expect(updates()).toBe(before + 2);
  });

  it('leaves the pass as it was said last, also when an earlier update had to be repeated', async () => {
    world.walletCrew.faults.set([{ kind: 'status', status: 503, times: 2 }]);
    for (let points = 1; points <= 12; points++) await flow(people[1]!, { points, tier: 'Silver' });
    await world.quiet();
    expect(pass(1).additionalData).toEqual({ points: 12, tier: 'Silver' });
  }, 60_000);

  it('for somebody without a pass is parked, and works once there is one', async () => {
    await flow('late@mail.example', { points: 7, tier: 'Gold' }, { body: body.replace('{{ person.email }}', 'late@mail.example') });
    await world.quiet();
    const parked = (await operate(world.url, 'parked')).json as unknown as { id: string; name: string; code: string; words: string }[];
    expect(parked).toMatchObject([{ name: 'push-update', code: 'WALLET_CREW_PASS_MISSING', words: '404' }]);
    world.walletCrew.hold([{ kind: 'Pass:Created', at: '2026-11-02T09:00:00Z', identifiers: { email: 'late@mail.example' }, passId: 'pass-late', passType: 'loyalty' }]);
    expect((await operate(world.url, `parked/${parked[0]!.id}/replay`, 'POST')).status).toBe(202);
    await until(() => world.walletCrew.pass({ id: 'pass-late' })!.additionalData['points'] === 7);
  });

  it('with a wrong key, a body that cannot be used or an unknown tenant is told so at once, in a way that Klaviyo does not repeat', async () => {
    expect((await flow(people[2]!, { points: 1, tier: 'x' }, { key: 'wrong' })).statuses).toEqual([401]);
    expect((await call('{"identifiers":{"email":"x@mail.example"}}', {})).status).toBe(401);
    expect((await ask(`${world.url}/${path.replace('acme', 'nobody')}`, { method: 'POST', headers: { 'x-api-key': keys.walletCrew }, body: '{}' })).status).toBe(404);
    for (const [text, words] of [
      ['{"identifiers": {"email": "quo"te"}}', 'It is not JSON'],
      ['[]', 'JSON object'],
      ['{"identifiers": null}', 'identifiers'],
      ['{"identifiers": {"email": ""}}', 'names nobody'],
      ['{"identifiers": {"email": "x@mail.example"}, "passType": 5}', 'passType'],
      ['{"identifiers": {"email": "x@mail.example"}, "additionalData": []}', 'additionalData'],
      ['{"identifiers": {"email": "x@mail.example"}, "updateMetadata": "yes"}', 'updateMetadata'],
    ] as const) {
      const answer = await call(text);
      expect([answer.status, answer.json['code']]).toEqual([422, 'FLOW_BODY_UNUSABLE']);
      expect(answer.text).toContain(words);
      const [, id] = /parked as ([0-9a-f-]{36})/.exec(answer.text)!;
      expect((await operate(world.url, `deliveries/${id}`)).json).toMatchObject({ status: 'parked', code: 'FLOW_BODY_UNUSABLE' });
    }
  });

  it('stands in the record from the call to the answer of The Wallet Crew', async () => {
    const { json } = await call(JSON.stringify({ identifiers: { email: people[3] }, passType: 'loyalty-gold', updateMetadata: true }));
    await world.quiet();
    const record = (await operate(world.url, `deliveries/${String(json['id'])}`)).json;
    expect(record).toMatchObject({ status: 'processed', event: { kind: 'flow-action', name: 'passes/pushUpdate' }, commands: [{ lane: 'push-update', status: 'accepted', ledger: [{ outcome: 'accepted' }] }] });
    expect(pass(3).passType).toBe('loyalty-gold');
  });
});
