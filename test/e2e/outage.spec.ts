import { sampleDay, startKlaviyo, type FaultRule, type KlaviyoEmulator } from '#emulators';
import { eventsOf, heldEvents, statusesOf } from '../support/held-by-klaviyo.js';
import { klaviyoKeyOf, lists, openWork, startWorld, until, type World } from '../support/running-connector.js';
import { ask, passTime } from '../support/webhooks.js';

const hourMs = 3_600_000;
const day = sampleDay({ customers: 8, seed: 11, start: new Date(Date.now() - 12 * hourMs).toISOString() });

interface Outage {
  tenant: string;
  as: string;
  fault: FaultRule;
  /** What `/health/dependencies` then says. */
  says: RegExp;
}
const failing = /KLAVIYO_UNAVAILABLE|failed \d+ times? in a row/;
const outages: Outage[] = [
  { tenant: 'hangs', as: 'never answered', fault: { kind: 'hang' }, says: failing },
  { tenant: 'resets', as: 'reset every connection', fault: { kind: 'reset' }, says: failing },
  { tenant: 'slow-down', as: 'asked to slow down and said for how long (429)', fault: { kind: 'status', status: 429, retryAfter: 1 }, says: /KLAVIYO_BUSY/ },
  { tenant: 'slow-down-bare', as: 'asked to slow down and did not say for how long (429)', fault: { kind: 'status', status: 429 }, says: /KLAVIYO_BUSY/ },
  { tenant: 'broken', as: 'answered 500', fault: { kind: 'status', status: 500 }, says: failing },
  { tenant: 'unavailable', as: 'answered 503', fault: { kind: 'status', status: 503 }, says: failing },
  { tenant: 'no-handshake', as: 'was hidden behind a Cloudflare page (525)', fault: { kind: 'status', status: 525 }, says: failing },
  { tenant: 'blocked', as: 'had us blocked by a web page (403)', fault: { kind: 'status', status: 403, html: true }, says: /KLAVIYO_BLOCKED|failed \d+ times? in a row/ },
  { tenant: 'drops', as: 'took everything and dropped the connection', fault: { kind: 'drop' }, says: failing },
  { tenant: 'malformed', as: 'answered in broken JSON', fault: { kind: 'malformed' }, says: failing },
];
const healthy = 'healthy';

describe('an outage of Klaviyo', () => {
  let world: World;
  const klaviyos = new Map<string, KlaviyoEmulator>();
  const answers: number[] = [];
  const health = async (of: string) => (await ask(`${world.url}/health/${of}`)).status;
  const finished = async (tenant: string) => (await openWork(world.opened, tenant)) === 0;

  beforeAll(async () => {
    const tenants = [healthy, ...outages.map(({ tenant }) => tenant)];
    for (const tenant of tenants) {
      klaviyos.set(tenant, await startKlaviyo({ accounts: { [klaviyoKeyOf(tenant)]: { lists: [{ id: lists.newsletter, name: 'Newsletter' }, { id: lists.sms, name: 'SMS' }] } } }));
    }
    world = await startWorld({ tenants, tenant: (id) => ({ klaviyo: { baseUrl: klaviyos.get(id)!.url, apiKey: klaviyoKeyOf(id), listId: lists.newsletter, timeoutMs: 1_000 } }) });
    for (const { tenant, fault } of outages) klaviyos.get(tenant)!.faults.set([fault]);
    for (const tenant of tenants) {
      const { deliveries } = await world.tell(day, { tenant, concurrency: 8 });
      answers.push(...deliveries.flatMap(({ statuses }) => statuses));
    }
    await until(() => outages.every(({ tenant }) => klaviyos.get(tenant)!.faults.report()[0]!.hits > 1));
  }, 100_000);
  afterAll(async () => {
    await world.stop();
    for (const klaviyo of klaviyos.values()) await klaviyo.close();
  });

  it('keeps no webhook of any tenant waiting: each is answered 202', () => {
    expect(answers).toHaveLength(day.length * (outages.length + 1));
    expect(new Set(answers)).toEqual(new Set([202]));
  });

  it('for ten tenants does not hold up the events of the eleventh', async () => {
    await until(() => finished(healthy));
    await klaviyos.get(healthy)!.settle();
    expect(heldEvents(klaviyos.get(healthy)!)).toEqual(eventsOf(day));
  });

  it('leaves the connector live and ready, and operators are told who has which trouble', async () => {
    expect([await health('live'), await health('ready')]).toEqual([200, 200]);
    await until(async () => {
      const { status, json } = await ask(`${world.url}/health/dependencies`);
      const details = json['details'] as Record<string, { status: string; says?: string }>;
      return status === 503 && details[`klaviyo.${healthy}`]!.status === 'up' && details['database']!.status === 'up' &&
        outages.every(({ tenant, says }) => details[`klaviyo.${tenant}`]!.status === 'down' && says.test(details[`klaviyo.${tenant}`]!.says!));
    });
  }, 100_000);

  describe('is made up for once it is over:', () => {
    beforeAll(async () => {
      for (const { tenant } of outages) klaviyos.get(tenant)!.faults.clear();
      // What waits a minute, because nobody said how long, need not keep us waiting.
      const allFinished = async () => (await Promise.all(outages.map(({ tenant }) => finished(tenant)))).every(Boolean);
      await until(async () => {
        await passTime(world.databaseUrl, 1);
        // Time that passes every few milliseconds holds every row of the connector at work, and the work never comes to an end.
        return until(allFinished, 3_000).then(() => true, () => false);
      }, 200_000);
      for (const klaviyo of klaviyos.values()) await klaviyo.settle();
    }, 220_000);

    it.each(outages)('after Klaviyo $as, everything arrives and nothing twice', ({ tenant }) => {
      const klaviyo = klaviyos.get(tenant)!;
      expect(heldEvents(klaviyo)).toEqual(eventsOf(day));
      const expected = statusesOf(day);
      expect(klaviyo.profileCount()).toBe(expected.size);
      for (const { email, properties } of klaviyo.profiles()) expect(properties).toMatchObject(expected.get(email!)!);
    });

    it('nothing was parked, and operators are told that all is well', async () => {
      for (const { tenant } of outages) expect(await world.opened.store.parked(tenant, 10)).toEqual([]);
      await until(async () => (await health('dependencies')) === 200);
    }, 100_000);
  });
});
