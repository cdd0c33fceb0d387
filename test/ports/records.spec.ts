import { randomUUID } from 'node:crypto';
import { openStore, type OpenStore } from '#store';
import { englishDatabase, inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { MemoryRecords, refusalWords } from '../support/memory-records.js';
import { MemoryRuns } from '../support/memory-runs.js';
import { implementations } from './implementations.js';
import { recordsSuite } from './records.suite.js';
import { sampleDelivery, samplePerson, sampleTrack } from './samples.js';

describe('what we know and did, in memory, as tests do', () => {
  const clock = { now: () => Date.now() };
  const runs = new MemoryRuns(clock);
  const records = new MemoryRecords(clock, runs);
  recordsSuite(() => ({ records, runs, happened: async (tenant, what) => records.happened(tenant, what), answer: async (tenant, lane, outcome) => records.answer(tenant, lane, outcome) }));
});

const everywhere: typeof implementations = {
  ...implementations,
  'server that sorts as English does': async () => {
    const { url, drop } = await englishDatabase();
    return { url, dispose: drop };
  },
};

describe.each(Object.entries(everywhere))('what we know and did, on a %s', (_, database) => {
  const all = { items: 1_000, bytes: 5_000_000 };
  let opened: { url: string; dispose(): Promise<void> };
  let connector: OpenStore;
  beforeAll(async () => {
    opened = await database();
    connector = await openStore({ url: opened.url, log: silentLog });
  });
  afterAll(async () => {
    await connector.close();
    await opened.dispose();
  });

  recordsSuite(() => ({
    records: connector.records,
    runs: connector.runs,
    happened: async (tenant, { event, receivedAt, repair, undecided, personId, persons = [], absorbed = [], commands = [], waiting }) => {
      const [receipt] = await connector.store.receive([sampleDelivery({ tenant, event, ...(receivedAt === undefined ? {} : { receivedAt }), ...(repair ? { repair: { runId: randomUUID(), kinds: ['install-unheard'] } } : {}) })]);
      const { id } = receipt!;
      const decision = {
        persons, absorbed,
        commands: commands.map((command) => ({ deliveryId: id, personId: personId!, command, goes: waiting ? ('when-reachable' as const) : ('at-once' as const) })),
        outcomes: [{ id, status: 'processed' as const, notes: [], ...(personId === undefined ? {} : { personId }) }],
      };
      if (!undecided) await connector.store.alone(tenant, (unit) => unit.save(decision));
      return (await connector.store.delivery(tenant, id))!;
    },
    answer: async (tenant, lane, outcome) => {
      const claimed = [...(await connector.store.claim(tenant, lane, all, 60_000)), ...(await connector.store.claim(tenant, lane, all, 60_000, true))];
      const how = { accepted: { outcome: 'accepted' }, refused: { outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM', words: refusalWords }, importing: { outcome: 'importing', receipt: randomUUID(), position: 0 } } as const;
      await connector.store.settle(tenant, claimed.map(({ id }) => ({ id, ...how[outcome] })), []);
    },
  }));

  it('finds deliveries of persons that were decided before deliveries knew their persons', async () => {
    const tenant = `tenant-${randomUUID()}`;
    const [receipt] = await connector.store.receive([sampleDelivery({ tenant })]);
    const { id } = receipt!;
    await connector.store.alone(tenant, (unit) => unit.save({ persons: [samplePerson('p-ana')], absorbed: [], commands: [sampleTrack(), sampleTrack()].map((command) => ({ deliveryId: id, personId: 'p-ana', command, goes: 'at-once' })), outcomes: [{ id, status: 'processed', notes: [] }] }));
    expect(await connector.records.deliveriesOf(tenant, 'p-ana', 10)).toEqual([await connector.store.delivery(tenant, id)]);
  });

  it('brings the job along that sends an event again', async () => {
    const tenant = `tenant-${randomUUID()}`;
    const [receipt] = await connector.store.receive([sampleDelivery({ tenant })]);
    await connector.store.alone(tenant, (unit) => unit.save({ persons: [samplePerson('p-ana', {}, { email: 'ana@example.com' })], absorbed: [], commands: [{ deliveryId: receipt!.id, personId: 'p-ana', command: sampleTrack(), goes: 'at-once' }], outcomes: [] }));
    const claimed = await connector.store.claim(tenant, 'track', all, 60_000);
    await connector.store.settle(tenant, claimed.map(({ id }) => ({ id, outcome: 'accepted' })), []);
    await inDatabase(opened.url, `delete from pgboss.job where data->>'tenant' = $1`, [tenant]);
    await connector.records.sendEventsAgain(tenant, claimed.map(({ id }) => id));
    expect(await inDatabase(opened.url, `select name, data from pgboss.job where data->>'tenant' = $1`, [tenant])).toEqual([{ name: 'send-commands', data: { tenant, lane: 'track', background: true } }]);
    expect(await connector.store.claim(tenant, 'track', all, 60_000, true)).toEqual(claimed.map((one) => ({ ...one, command: { ...one.command, backfill: true } })));
    // Its acceptance was no failure: it counts as never tried.
    expect(claimed[0]!.attempts).toBe(0);
  });
});
