import type { Command, Outgoing, Phase, Store } from '#core';
import { openStore, type OpenStore } from '#store';
import { inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { asTheStore } from './as-the-store.js';
import { decideCommands, decideInBackground, sampleDelivery, sampleEvent, sampleRepair, sampleTrack, sampleUpsert, tenant } from './samples.js';
import { until } from './until.js';

/** What a store promises about the repairs of runs: nothing live ever waits for them. */
export function backgroundSuite(database: () => Promise<{ url: string; dispose(): Promise<void> }>): void {
  let opened: { url: string; dispose(): Promise<void> };
  let replica: OpenStore;
  let store: Store;
  const all = { items: 1_000, bytes: 5_000_000 };
  const leaseMs = 60_000;
  const jobs = (queue: string) =>
    inDatabase<{ data: Record<string, unknown> }>(opened.url, `select data from pgboss.job where name = $1 and state < 'active' order by created_on`, [queue]).then((found) => found.map(({ data }) => data));
  const noJobs = () => inDatabase(opened.url, `delete from pgboss.job where name not like '\\_\\_%'`);
  const live = (lane: Parameters<Store['claim']>[1]) => store.claim(tenant, lane, all, leaseMs);
  const background = (lane: Parameters<Store['claim']>[1]) => store.claim(tenant, lane, all, leaseMs, true);
  const answer = (claimed: Outgoing[], outcome: object) => store.settle(tenant, claimed.map(({ id }) => ({ id, ...outcome }) as never), []);
  const statuses = async (deliveryId: string) => (await store.delivery(tenant, deliveryId))!.commands.map(({ status }) => status);
  const lookUp: Command = { do: 'look-up', profile: { email: 'ana@example.com' }, by: [] };

  beforeAll(async () => {
    opened = await database();
    replica = await openStore({ url: opened.url, log: silentLog });
    ({ store } = replica);
  });
  afterAll(async () => {
    await replica.close();
    await opened.dispose();
  });
  beforeEach(async () => {
    const tables = ['delivery', 'person', 'person_identifier', 'command', 'outbox', 'ledger'];
    await inDatabase(opened.url, tables.map((table) => `delete from connector.${table};`).join(''));
    await noJobs();
  });

  describe('the inbox', () => {
    it('keeps whose repair a delivery is, and tells who decides repairs, and nobody else', async () => {
      const [receipt] = await store.receive([sampleDelivery(sampleRepair)]);
      expect(await jobs('process-events')).toEqual([{ tenant, background: true }]);
      expect(await store.delivery(tenant, receipt!.id)).toMatchObject({ ...sampleRepair, background: true, status: 'undecided' });
      const [webhook] = await store.receive([sampleDelivery()]);
      expect(await store.delivery(tenant, webhook!.id)).not.toHaveProperty('repair');
    });

    it('hands out live deliveries first, then repairs, never both together', async () => {
      const repairs = await store.receive(Array.from({ length: 3 }, () => sampleDelivery(sampleRepair)));
      const webhooks = await store.receive([sampleDelivery(), sampleDelivery()]);
      const ids = (receipts: { id: string }[]) => receipts.map(({ id }) => id).toSorted();
      await store.alone(tenant, async (unit) => {
        const first = await unit.undecided(10);
        expect(ids(first)).toEqual(ids(webhooks));
        expect(first.map((delivery) => delivery.background)).toEqual([undefined, undefined]);
        await unit.save({ persons: [], absorbed: [], commands: [], outcomes: first.map(({ id }) => ({ id, status: 'processed', notes: [] })) });
        expect(await unit.undecided(10, 0)).toEqual([]);
        expect(await unit.undecided(10, 2)).toHaveLength(2);
        const rest = await unit.undecided(10);
        expect(ids(rest)).toEqual(ids(repairs));
        expect(rest.every((delivery) => delivery.background)).toBe(true);
      });
    });

    it('takes hundreds of repairs at once, and answers no webhook with "come back later" over them', async () => {
      const receipts = await store.receive(Array.from({ length: 800 }, () => sampleDelivery(sampleRepair)));
      expect(new Set(receipts.map(({ id }) => id)).size).toBe(800);
      await store.receive([sampleDelivery()]);
      expect(await until(async () => (await store.backlog()) === 1 && 1, 3_000)).toBe(1);
    });

    it('reads along an index, however many repairs wait', async () => {
      await store.receive(Array.from({ length: 800 }, () => sampleDelivery(sampleRepair)));
      const plan = async (query: string) => JSON.stringify(await inDatabase(asTheStore(opened.url), `explain ${query}`));
      expect(await plan(`select id from connector.delivery where tenant = 'acme' and status = 'undecided' and background = false order by id limit 10`)).toMatch(/using delivery_undecided/);
      expect(await plan(`select command_id from connector.outbox where tenant = 'acme' and lane = 'track' and background = false and state = 'pending' order by attempts, command_id limit 10`)).toMatch(/using outbox_due/);
      expect(await plan(`select count(*) from connector.delivery where run_id = '${sampleRepair.repair.runId}'`)).toMatch(/using delivery_run/);
    });
  });

  describe('a lane', () => {
    it('shows and hands out commands of one kind only, and each kind has jobs of its own', async () => {
      await decideInBackground(store, [sampleTrack({ uniqueId: 'repair' })], 'p-ben');
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'track', background: true }]);
      expect([await store.waiting(tenant, 'track'), await store.waiting(tenant, 'track', true)]).toEqual([{ due: 0 }, { due: 1 }]);
      await noJobs();
      await decideCommands(store, [sampleTrack({ uniqueId: 'live' })]);
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'track' }]);
      expect(await live('track')).toMatchObject([{ command: { uniqueId: 'live' } }]);
      expect(await background('track')).toMatchObject([{ command: { uniqueId: 'repair' } }]);
    });

    it('gathers while a run finds more, but neither what it found in an earlier phase nor what has waited for two minutes', async () => {
      const isGathering = async () => (await store.waiting(tenant, 'track', true)).gathers ?? false;
      const begun = await replica.runs.begin(tenant, { dryRun: false, only: [] }, leaseMs);
      if (!('run' in begun)) throw new Error('busy');
      const { run: { id, checkpoint }, lease } = begun;
      const enter = (phase: Phase) => replica.runs.keep(id, lease, { ...checkpoint, phase }, leaseMs);
      expect(await isGathering()).toBe(false);
      await decideInBackground(store, [sampleTrack()]);
      expect(await isGathering()).toBe(true);
      expect(await store.waiting(tenant, 'track')).toEqual({ due: 0 });
      await enter('passes');
      expect(await isGathering()).toBe(true);
      await enter('profiles');
      expect(await isGathering()).toBe(false);
      await background('track');
      await decideInBackground(store, [sampleTrack()]);
      expect(await isGathering()).toBe(true);
      await inDatabase(opened.url, `update connector.outbox set due_at = due_at - interval '3 minutes'; update connector.run set phase_at = phase_at - interval '3 minutes'`);
      expect(await isGathering()).toBe(false);
      await inDatabase(opened.url, 'update connector.outbox set due_at = now()');
      expect(await isGathering()).toBe(true);
      await enter('again');
      expect(await isGathering()).toBe(false);
      await enter('events');
      await decideInBackground(store, [sampleTrack()]);
      await inDatabase(opened.url, `delete from connector.run`);
      expect(await isGathering()).toBe(false);
    });

    it('counts what waits in the background apart', async () => {
      await decideInBackground(store, [sampleTrack(), sampleTrack()]);
      await decideCommands(store, [sampleTrack()], 'p-ben');
      expect(await store.commandCounts(tenant)).toEqual([
        { lane: 'track', status: 'pending', count: 1 },
        { lane: 'track', status: 'pending', count: 2, background: true },
      ]);
    });

    it('has whatever was left lying picked up by who sends or decides that kind', async () => {
      await decideInBackground(store, [sampleTrack()]);
      await store.receive([sampleDelivery(sampleRepair)]);
      await inDatabase(opened.url, `update connector.outbox set due_at = due_at - interval '5 minutes'`);
      expect(await store.overdue(-1_000)).toEqual([
        { queue: 'process-events', data: { tenant, background: true } },
        { queue: 'send-commands', data: { tenant, lane: 'track', background: true } },
      ]);
    });

    it('leaves what an answer tells, and what comes of it, in the background', async () => {
      const deliveryId = await decideInBackground(store, [lookUp]);
      await noJobs();
      await answer(await background('look-up'), { outcome: 'accepted', told: sampleEvent({ kind: 'looked-up' }) });
      expect(await jobs('process-events')).toEqual([{ tenant, background: true }]);
      await store.alone(tenant, async (unit) => {
        expect(await unit.undecided(10)).toMatchObject([{ id: deliveryId, background: true }]);
        await unit.save({ persons: [], absorbed: [], commands: [{ deliveryId, personId: 'p-ana', command: sampleUpsert(), goes: 'at-once' }], outcomes: [{ id: deliveryId, status: 'processed', notes: [] }] });
      });
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'upsert-profile', background: true }]);
    });
  });

  describe('profile updates of one person', () => {
    it('go live when they take the place of a live one that waits', async () => {
      const first = await decideCommands(store, [sampleUpsert('live')]);
      await noJobs();
      await decideInBackground(store, [sampleUpsert('both')]);
      expect(await statuses(first)).toEqual(['superseded']);
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'upsert-profile' }]);
      expect(await background('upsert-profile')).toEqual([]);
      expect(await live('upsert-profile')).toMatchObject([{ command: sampleUpsert('both') }]);
    });

    it('stay in the background when all they take the place of was there', async () => {
      const first = await decideInBackground(store, [sampleUpsert('old')]);
      await decideInBackground(store, [sampleUpsert('new')]);
      expect(await statuses(first)).toEqual(['superseded']);
      expect(await live('upsert-profile')).toEqual([]);
      expect(await background('upsert-profile')).toMatchObject([{ command: sampleUpsert('new') }]);
    });

    it('are never on their way together, and a live one is looked at again soon', async () => {
      await decideInBackground(store, [sampleUpsert('old')]);
      const first = await background('upsert-profile');
      await decideCommands(store, [sampleUpsert('new')]);
      expect(await live('upsert-profile')).toEqual([]);
      const { due, nextInMs } = await store.waiting(tenant, 'upsert-profile');
      expect(due).toBe(0);
      expect(nextInMs).toBeLessThanOrEqual(1_000);
      await answer(first, { outcome: 'later', code: 'KLAVIYO_BUSY', waitMs: 60_000 });
      expect(await live('upsert-profile')).toMatchObject([{ command: sampleUpsert('new') }]);
    });

    it('that an import held back are told of its end, each kind where it waits and no other', async () => {
      const importing = async () => {
        await decideInBackground(store, [sampleUpsert('old')]);
        await store.settle(tenant, (await background('upsert-profile')).map(({ id }, position) => ({ id, outcome: 'importing', receipt: 'job-1', position })), []);
        await noJobs();
      };
      await importing();
      await store.settleImport(tenant, 'job-1', { lost: false, refused: [] });
      expect(await jobs('send-commands')).toEqual([]);
      await importing();
      await decideCommands(store, [sampleUpsert('new')]);
      expect(await store.waiting(tenant, 'upsert-profile')).toEqual({ due: 0 });
      await noJobs();
      await store.settleImport(tenant, 'job-1', { lost: false, refused: [] });
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'upsert-profile' }]);
      expect(await live('upsert-profile')).toMatchObject([{ command: sampleUpsert('new') }]);
    });
  });

  describe('a live command', () => {
    it('takes along what it would have to wait for, and whoever sends live commands is told', async () => {
      await decideInBackground(store, [lookUp, sampleTrack({ uniqueId: 'no hurry' })]);
      await noJobs();
      await decideCommands(store, [{ ...lookUp, profile: { email: 'ben@example.com' } }]);
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'look-up' }]);
      const [older] = await live('look-up');
      expect(older).toMatchObject({ command: lookUp });
      expect(await live('look-up')).toEqual([]);
      await answer([older!], { outcome: 'accepted' });
      expect(await live('look-up')).toMatchObject([{ command: { profile: { email: 'ben@example.com' } } }]);
      expect(await background('track')).toMatchObject([{ command: { uniqueId: 'no hurry' } }]);
    });

    it('that comes after the profile has the profile go first, live', async () => {
      await decideInBackground(store, [sampleUpsert()]);
      const [receipt] = await store.receive([sampleDelivery()]);
      await store.alone(tenant, (unit) => unit.save({ persons: [], absorbed: [], commands: [{ deliveryId: receipt!.id, personId: 'p-ana', command: sampleTrack({ uniqueId: 'event' }), goes: 'after-profile' }], outcomes: [] }));
      await answer(await live('upsert-profile'), { outcome: 'accepted' });
      expect(await live('track')).toMatchObject([{ command: { uniqueId: 'event' } }]);
    });

    it('of one person brings nothing forward of another', async () => {
      await decideInBackground(store, [lookUp], 'p-ben');
      await decideCommands(store, [lookUp]);
      expect(await live('look-up')).toHaveLength(1);
      expect(await background('look-up')).toHaveLength(1);
    });
  });

  describe('what an operator replays goes live', () => {
    it('a delivery, which still counts as a repair of its run', async () => {
      const [receipt] = await store.receive([sampleDelivery({ ...sampleRepair, parked: 'EVENT_UNREADABLE' })]);
      expect(await jobs('process-events')).toEqual([]);
      expect(await store.replay(tenant, receipt!.id)).toBe(true);
      expect(await jobs('process-events')).toEqual([{ tenant }]);
      await store.alone(tenant, async (unit) => expect(await unit.undecided(10, 0)).toMatchObject([{ id: receipt!.id }]));
      expect(await store.delivery(tenant, receipt!.id)).toMatchObject(sampleRepair);
    });

    it('a command, and what its answer tells', async () => {
      const deliveryId = await decideInBackground(store, [lookUp]);
      const [command] = await background('look-up');
      await answer([command!], { outcome: 'refused', code: 'WALLET_CREW_REFUSED' });
      await noJobs();
      expect(await store.replay(tenant, command!.id)).toBe(true);
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'look-up' }]);
      await answer(await live('look-up'), { outcome: 'accepted', told: sampleEvent({ kind: 'looked-up' }) });
      expect(await jobs('process-events')).toEqual([{ tenant }]);
      await store.alone(tenant, async (unit) => expect(await unit.undecided(10, 0)).toMatchObject([{ id: deliveryId }]));
    });
  });
}
