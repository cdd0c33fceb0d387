import { isOpen } from '#core';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sampleDay, type StoryEvent } from '#emulators';
import { buildConnector, ConnectorProcess } from '../support/connector-process.js';
import { freshDatabase } from '../support/database.js';
import { eventsOf, heldEvents, statusesOf } from '../support/held-by-klaviyo.js';
import { Sent, sendPersistently } from '../support/persistent-sender.js';
import { configFor, startVendors, until, type Vendors } from '../support/running-connector.js';
import { endLeases, operate, passWait } from '../support/webhooks.js';

/** The acceptance run takes 10 000. */
const webhooks = Number(process.env['E2E_CRASH_WEBHOOKS'] ?? 240);
const kills = Number(process.env['E2E_CRASH_KILLS'] ?? 2);
const limitMs = 100_000 + webhooks * 60;

/** About 3.6 events a customer; cut to the number asked for, with whole lives first. */
function story(): StoryEvent[] {
  return sampleDay({ customers: Math.ceil(webhooks / 3), seed: 23, start: new Date(Date.now() - 12 * 3_600_000).toISOString() }).slice(0, webhooks);
}

/** The same moments in every run, as far as moments can be: shares of the webhooks acknowledged. */
function moments(seed: number): number[] {
  let state = seed;
  const random = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  return Array.from({ length: kills }, (_, i) => Math.floor(((i + random()) / kills) * webhooks));
}

/** Ends the process at each of the moments, while webhooks are on their way to it, and once more when all are acknowledged and much waits to be sent. */
async function killAgainAndAgain(victim: ConnectorProcess, at: number[], sent: Sent): Promise<void> {
  for (const moment of [...at, webhooks]) {
    await sent.reached(moment);
    await victim.kill();
    await victim.start();
  }
}

async function drained(url: () => string, databaseUrl: string): Promise<void> {
  await until(async () => {
    await endLeases(databaseUrl);
    const queue = await operate(url(), 'queue').catch(() => undefined);
    const commands = (queue?.json['commands'] ?? [{ lane: 'track', status: 'pending' }]) as { lane: string; status: string }[];
    const open = commands.filter(isOpen);
    const isDecided = queue?.status === 200 && queue.json['backlog'] === 0;
    // A withdrawal soon after its yes is looked at again for five minutes, until Klaviyo must have applied the yes.
    if (isDecided && open.length > 0 && open.every(({ lane }) => lane === 'unsubscribe')) await passWait(databaseUrl);
    return isDecided && open.length === 0;
  }, limitMs + 120_000);
}

/** Where the embedded server of this folder listens, read from what it leaves there. */
function embeddedUrl(dataDir: string): string {
  const folder = join(dataDir, 'postgres');
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  const port = readFileSync(join(folder, 'data', 'postmaster.pid'), 'utf8').split('\n')[3];
  return `postgresql://connector:${password}@127.0.0.1:${port}/postgres`;
}

describe('a connector that is killed again and again', () => {
  let vendors: Vendors;
  const told = story();
  const cleanups: (() => Promise<void> | void)[] = [];

  beforeAll(() => buildConnector(), 120_000);
  beforeEach(async () => void (vendors = await startVendors({ klaviyo: { keepRequests: 100_000 } })));
  afterEach(async () => {
    for (const clean of cleanups.splice(0).reverse()) await clean();
    await vendors.klaviyo.close();
    await vendors.walletCrew.close();
  });

  const process = (environment: Record<string, string>) => {
    const started = new ConnectorProcess(configFor(vendors.klaviyo.url, vendors.walletCrew.url), environment);
    cleanups.push(() => started.dispose());
    return started;
  };
  const expectNothingLostNothingDoubled = async (sent: Sent) => {
    expect(sent.ids.size).toBe(told.length);
    await vendors.klaviyo.settle();
    expect(heldEvents(vendors.klaviyo)).toEqual(eventsOf(told));
    const expected = statusesOf(told);
    expect(vendors.klaviyo.profileCount()).toBe(expected.size);
    for (const { email, properties } of vendors.klaviyo.profiles()) expect(properties).toMatchObject(expected.get(email!)!);
  };

  it('on PostgreSQL loses nothing it acknowledged and sends nothing twice', async () => {
    const database = await freshDatabase();
    cleanups.push(() => database.drop());
    const connector = process({ DATABASE_URL: database.url });
    await connector.start();
    const sent = new Sent();
    const sending = sendPersistently(told, () => connector.hook, sent);
    await killAgainAndAgain(connector, moments(1), sent);
    await sending;
    await drained(() => connector.url, database.url);
    expect(connector.starts).toBe(kills + 2);
    await expectNothingLostNothingDoubled(sent);
  }, limitMs + 200_000);

  it('beside another one on the same database loses and doubles nothing either', async () => {
    const database = await freshDatabase();
    cleanups.push(() => database.drop());
    const [victim, witness] = [process({ DATABASE_URL: database.url }), process({ DATABASE_URL: database.url })];
    await Promise.all([victim.start(), witness.start()]);
    const sent = new Sent();
    // Whoever is not answered by one tries the other, as behind a balancer.
    const sending = sendPersistently(told, (attempt) => (attempt % 2 === 0 ? victim : witness).hook, sent);
    await killAgainAndAgain(victim, moments(2), sent);
    await sending;
    await drained(() => witness.url, database.url);
    await expectNothingLostNothingDoubled(sent);
  }, limitMs + 200_000);

  it('on its embedded database loses and doubles nothing either', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'connector-e2e-data-'));
    const connector = process({ DATA_DIR: dataDir });
    // The server outlives a killed connector by a moment and must not be robbed of its files.
    cleanups.unshift(async () => {
      await until(() => !readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).some((file) => file.endsWith('postmaster.pid')));
      rmSync(dataDir, { recursive: true, force: true });
    });
    await connector.start();
    const sent = new Sent();
    const sending = sendPersistently(told, () => connector.hook, sent);
    await killAgainAndAgain(connector, moments(3), sent);
    await sending;
    await drained(() => connector.url, embeddedUrl(dataDir));
    await expectNothingLostNothingDoubled(sent);
  }, limitMs + 200_000);
});
