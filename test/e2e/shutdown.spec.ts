import { isOpen } from '#core';
import { Agent, request } from 'node:http';
import { sampleDay, signWebhook } from '#emulators';
import { buildConnector, ConnectorProcess } from '../support/connector-process.js';
import { freshDatabase, inDatabase, type FreshDatabase } from '../support/database.js';
import { eventsOf, heldEvents } from '../support/held-by-klaviyo.js';
import { Sent, sendPersistently } from '../support/persistent-sender.js';
import { configFor, keys, startVendors, startWorld, until, type Vendors } from '../support/running-connector.js';
import { ask, bodyOf, deliver, operate } from '../support/webhooks.js';

const graceMs = 8_000;
const told = sampleDay({ customers: 90, seed: 41, start: new Date(Date.now() - 12 * 3_600_000).toISOString() });

describe('a connector that is told to stop while it is busy', () => {
  let vendors: Vendors;
  let database: FreshDatabase;
  let connector: ConnectorProcess;
  const sent = new Sent();

  beforeAll(async () => {
    buildConnector();
    vendors = await startVendors();
    database = await freshDatabase();
    connector = new ConnectorProcess(configFor(vendors.klaviyo.url, vendors.walletCrew.url), { DATABASE_URL: database.url, SHUTDOWN_GRACE_MS: String(graceMs) });
    await connector.start();
  }, 120_000);
  afterAll(async () => {
    await connector.dispose();
    await vendors.klaviyo.close();
    await vendors.walletCrew.close();
    await database.drop();
  });

  it('ends by itself, with success and within its time, and loses nothing', async () => {
    // Slow answers: at any moment calls are under way.
    vendors.klaviyo.faults.set([{ kind: 'slow', ms: 400 }]);
    const sending = sendPersistently(told, () => connector.hook, sent);
    for (const share of [0.3, 0.7]) {
      await sent.reached(Math.floor(told.length * share));
      await until(() => vendors.klaviyo.requests().length > 0);
      const { code, signal, ms } = await connector.terminate();
      expect({ code, signal }).toEqual({ code: 0, signal: null });
      expect(ms).toBeLessThan(graceMs + 2_000);
      await connector.start();
    }
    vendors.klaviyo.faults.clear();
    await sending;
    await until(async () => {
      const { json } = await operate(connector.url, 'queue');
      return json['backlog'] === 0 && (json['commands'] as { status: string }[]).every((command) => !isOpen(command));
    });
    await vendors.klaviyo.settle();
    expect(heldEvents(vendors.klaviyo)).toEqual(eventsOf(told));
    // Not even asked for twice: what was in hand was finished, not given up.
    const { operations } = vendors.klaviyo.stats();
    expect((operations['create_event']?.items ?? 0) + (operations['bulk_create_events']?.items ?? 0)).toBe(eventsOf(told).length);
  }, 200_000);

  it('says what it does, and prints no stack trace', () => {
    const written = connector.written.join('');
    expect(written.match(/"msg":"stopped"/g)).toHaveLength(2);
    expect(written).not.toMatch(/\n\s+at |node_modules/);
  });
});

describe('a connector that is stopping', () => {
  it('answers every request in hand, refuses new ones with 503 and is not ready any more', async () => {
    const world = await startWorld();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      // This connection stays open and busy: half of a webhook has come.
      const body = bodyOf(told[0]!, 'half');
      const call = request(world.hook, { method: 'POST', agent, headers: { 'content-length': Buffer.byteLength(body), 'x-neostore-signature': signWebhook(keys.webhookSecret, body) } });
      const halfAnswered = new Promise<number>((resolve, reject) => call.on('response', (response) => resolve(response.resume().statusCode!)).on('error', reject));
      call.write(body.slice(0, 10));
      const inHand = Array.from({ length: 60 }, (_, i) => deliver(world.hook, bodyOf(told[i + 1]!, `in-hand-${i}`)).then(({ status, json }) => ({ status, id: String(json['id']) }), () => ({ status: 0, id: '' })));
      await Promise.race(inHand);
      expect((await ask(`${world.url}/health/ready`)).status).toBe(200);
      const begun = Date.now();
      const stopped = world.close();
      expect((await deliver(world.hook, bodyOf(told[70]!, 'after')).catch(() => ({ status: 503 }))).status).toBe(503);
      expect((await ask(`${world.url}/health/ready`).catch(() => ({ status: 503 }))).status).toBe(503);
      call.end(body.slice(10));
      expect(await halfAnswered).toBe(503);
      await stopped;
      // Connections that clients keep open do not hold it up.
      expect(Date.now() - begun).toBeLessThan(10_000);
      const answers = await Promise.all(inHand);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
      const kept = await inDatabase<{ id: string }>(world.databaseUrl, 'select id from connector.delivery');
      expect(kept.map(({ id }) => id)).toEqual(expect.arrayContaining(answers.map(({ id }) => id)));
    } finally {
      agent.destroy();
      await world.stop();
    }
  }, 100_000);
});
