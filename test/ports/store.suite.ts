import type { Command, Lane, Outgoing, Store, UnitOfWork } from '#core';
import { openStore, type OpenStore } from '#store';
import { inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { decide, decideCommands, sampleDelivery, sampleEvent, samplePerson, sampleTrack, sampleUpsert, tenant } from './samples.js';
import { until } from './until.js';

export function storeSuite(database: () => Promise<{ url: string; dispose(): Promise<void> }>): void {
  let opened: { url: string; dispose(): Promise<void> };
  let replicas: OpenStore[];
  let store: Store;
  let other: Store;
  const all = { items: 1_000, bytes: 5_000_000 };
  const leaseMs = 60_000;
  const jobs = (queue: string) =>
    inDatabase<{ data: Record<string, unknown> }>(opened.url, `select data from pgboss.job where name = $1 and state < 'active' order by created_on`, [queue]).then((found) => found.map(({ data }) => data));
  const decidedAlone = (work: (unit: UnitOfWork) => Promise<void>) => store.alone(tenant, work);
  const statuses = async (deliveryId: string) => (await store.delivery(tenant, deliveryId))!.commands.map(({ status }) => status);

  beforeAll(async () => {
    opened = await database();
    replicas = [await openStore({ url: opened.url, log: silentLog }), await openStore({ url: opened.url, log: silentLog })];
    [store, other] = replicas.map((replica) => replica.store) as [Store, Store];
  });
  afterAll(async () => {
    await Promise.all(replicas.map(({ close }) => close()));
    await opened.dispose();
  });
  beforeEach(async () => {
    const tables = ['delivery', 'person', 'person_identifier', 'command', 'outbox', 'ledger', 'watermark', 'notification'];
    await inDatabase(opened.url, `${tables.map((table) => `delete from connector.${table};`).join('')} delete from pgboss.job where name not like '\\_\\_%'`);
  });

  describe('the inbox', () => {
    it('keeps a webhook together with the job that decides it', async () => {
      const [receipt] = await store.receive([sampleDelivery({ body: 'exactly this' })]);
      expect(receipt).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), redelivered: false });
      await decidedAlone(async (unit) => {
        expect(await unit.undecided(10)).toEqual([{ id: receipt!.id, receivedAt: 1_700_000_000_123, event: sampleEvent() }]);
      });
      expect(await jobs('process-events')).toEqual([{ tenant }]);
      expect(await store.delivery(tenant, receipt!.id)).toMatchObject({ tenant, status: 'undecided', redeliveries: 0, notes: [], commands: [] });
    });

    it('answers a repeated webhook with the id of the first, and decides it once', async () => {
      const first = sampleDelivery({ key: 'k1' });
      const [receipt] = await store.receive([first]);
      const again = await other.receive([sampleDelivery({ key: 'k2' }), first, sampleDelivery({ key: 'k2' }), sampleDelivery({ key: 'k3' })]);
      expect(again.map(({ redelivered }) => redelivered)).toEqual([false, true, true, false]);
      expect(again[1]!.id).toBe(receipt!.id);
      expect(again[2]!.id).toBe(again[0]!.id);
      expect((await store.delivery(tenant, receipt!.id))!.redeliveries).toBe(1);
      expect((await store.delivery(tenant, again[0]!.id))!.redeliveries).toBe(1);
      expect((await store.delivery(tenant, again[3]!.id))!.redeliveries).toBe(0);
      await decidedAlone(async (unit) => expect((await unit.undecided(10)).map(({ id }) => id).sort()).toEqual([...new Set([receipt!, ...again].map(({ id }) => id))].sort()));
    });

    it('takes a webhook for one that came under its former key less than a day before, and for a new one afterwards', async () => {
      const receivedAt = Date.now();
      const hoursLater = (hours: number, own: object) => sampleDelivery({ receivedAt: receivedAt + hours * 3_600_000, ...own });
      const [first] = await store.receive([hoursLater(0, { key: 'call:1', formerKey: 'call:0' })]);
      expect(await other.receive([hoursLater(23, { key: 'call:2', formerKey: 'call:1' }), hoursLater(23, { key: 'call:1' })])).toEqual([{ id: first!.id, redelivered: true }, { id: first!.id, redelivered: true }]);
      const [second] = await other.receive([hoursLater(25, { key: 'call:2', formerKey: 'call:1' })]);
      expect(second!.redelivered).toBe(false);
      expect((await store.delivery(tenant, first!.id))!.redeliveries).toBe(2);
    });

    it('treats the same key of two tenants as two webhooks', async () => {
      const receipts = await store.receive([sampleDelivery({ key: 'k' }), sampleDelivery({ key: 'k', tenant: 'globex' })]);
      expect(receipts.map(({ redelivered }) => redelivered)).toEqual([false, false]);
      expect((await jobs('process-events')).map((data) => data['tenant']).sort()).toEqual(['acme', 'globex']);
    });

    it('survives replicas that receive the same webhooks in different order at the same time', async () => {
      const deliveries = Array.from({ length: 60 }, (_, i) => sampleDelivery({ key: `k${i}` }));
      const answers = await Promise.all([store, other, store, other].map((one, i) => one.receive(i % 2 ? deliveries : deliveries.toReversed())));
      const firsts = answers.flat().filter(({ redelivered }) => !redelivered);
      expect(firsts).toHaveLength(60);
      expect(new Set(answers.flat().map(({ id }) => id)).size).toBe(60);
    });

    it('takes texts that no database can hold, without failing the webhooks beside them', async () => {
      const event = sampleEvent({ metadata: { note: 'a\u0000b\ud800c' }, identifiers: { ['em\u0000ail']: 'x\u0000@example.com' } });
      const receipts = await store.receive([sampleDelivery(), sampleDelivery({ event, body: 'raw \u0000 body', key: `long ${'k'.repeat(10_000)}` }), sampleDelivery()]);
      expect(receipts).toHaveLength(3);
      const kept = await store.delivery(tenant, receipts[1]!.id);
      expect(kept!.event).toMatchObject({ metadata: { note: 'ab\ufffdc' }, identifiers: { email: 'x@example.com' } });
    });

    it('commits the other webhooks of a batch when one of them cannot be written at all', async () => {
      const batch = [sampleDelivery({ key: 'good-1' }), sampleDelivery({ key: 'bad', receivedAt: Number.NaN }), sampleDelivery({ key: 'good-2' })];
      await expect(store.receive(batch)).rejects.toThrow();
      const again = await store.receive([batch[0]!, batch[2]!]);
      expect(again.map(({ redelivered }) => redelivered)).toEqual([true, true]);
    });

    it('parks a body that could not be read at once, and gives it back whole when replayed', async () => {
      const [receipt] = await store.receive([sampleDelivery({ event: sampleEvent({ kind: 'unknown', name: '?' }), body: '{"odd":1}', parked: 'EVENT_UNREADABLE' })]);
      expect(await jobs('process-events')).toEqual([]);
      expect(await store.parked(tenant, 10)).toEqual([{ id: receipt!.id, what: 'delivery', name: '?', code: 'EVENT_UNREADABLE', at: 1_700_000_000_123 }]);
      expect(await store.replay(tenant, receipt!.id)).toBe(true);
      await decidedAlone(async (unit) => expect(await unit.undecided(10)).toMatchObject([{ id: receipt!.id, body: '{"odd":1}' }]));
      expect(await jobs('process-events')).toEqual([{ tenant }]);
    });

    it('counts what is undecided, at most a second late', async () => {
      await store.receive([sampleDelivery(), sampleDelivery({ tenant: 'globex' })]);
      expect(await until(async () => (await store.backlog()) === 2 && 2, 3_000)).toBe(2);
    });
  });

  describe('what an answer tells', () => {
    const lookUp: Command = { do: 'look-up', profile: { email: 'ana@example.com' }, by: [] };
    const told = sampleEvent({ kind: 'looked-up', name: 'look-up', found: { passes: [{ id: 'P-1', type: 'loyalty', installed: { Apple: 1_700_000_000_000 } }] } });
    const answered = async () => {
      const deliveryId = await decide(store, { given: [{ personId: 'p', command: lookUp, goes: 'at-once' }] });
      const [claimed] = await store.claim(tenant, 'look-up', all, leaseMs);
      await inDatabase(opened.url, `delete from pgboss.job where name = 'process-events'`);
      await store.settle(tenant, [{ id: claimed!.id, outcome: 'accepted', told }], []);
      return deliveryId;
    };

    it('is decided under the delivery that asked and keeps its name, so that one id leads to all of it', async () => {
      const deliveryId = await answered();
      expect(await jobs('process-events')).toEqual([{ tenant }]);
      await decidedAlone(async (unit) => {
        expect(await unit.undecided(10)).toEqual([{ id: deliveryId, receivedAt: 1_700_000_000_123, event: { ...told, name: sampleEvent().name } }]);
        await unit.save({ persons: [], absorbed: [], commands: [{ deliveryId, personId: 'p', command: sampleUpsert(), goes: 'at-once' }], outcomes: [{ id: deliveryId, status: 'processed', notes: [{ by: 'look-up', says: 'Second.' }] }] });
      });
      const record = await store.delivery(tenant, deliveryId);
      expect(record).toMatchObject({ status: 'processed', notes: [{ says: 'Second.' }], commands: [{ lane: 'look-up', status: 'accepted' }, { lane: 'upsert-profile', status: 'pending' }] });
    });

    it('keeps the notes of what was decided before', async () => {
      const deliveryId = await answered();
      const note = (says: string) => ({ by: 'flow', says });
      for (const says of ['First.', 'Second.']) await decidedAlone((unit) => unit.save({ persons: [], absorbed: [], commands: [], outcomes: [{ id: deliveryId, status: 'processed', notes: [note(says)] }] }));
      expect((await store.delivery(tenant, deliveryId))!.notes).toEqual([note('First.'), note('Second.')]);
    });
  });

  describe('tokens of pass links', () => {
    it('are found when they have grown old, the oldest first, and not of other tenants', async () => {
      const holder = (id: string, at: number, tokenAskedAt?: number) => ({ ...samplePerson(id), token: { sealed: 'sealed', at }, ...(tokenAskedAt === undefined ? {} : { tokenAskedAt }) });
      await decide(store, { persons: [holder('young', 9_000), holder('old', 2_000), holder('older', 1_000), holder('asked', 1_000, 9_000), samplePerson('none')] });
      await decide(store, { persons: [holder('foreign', 1_000)] }, 'globex');
      expect((await other.withOldToken(tenant, 5_000, 10)).map(({ id }) => id)).toEqual(['older', 'old']);
      expect((await other.withOldToken(tenant, 5_000, 1)).map(({ id }) => id)).toEqual(['older']);
    });
  });

  describe('a watermark', () => {
    it('is not there before it is set, and belongs to one tenant and one name', async () => {
      await store.setWatermark(tenant, 'opt-outs:email', 1_700_000_000_123);
      expect(await other.watermark(tenant, 'opt-outs:email')).toBe(1_700_000_000_123);
      expect(await store.watermark(tenant, 'opt-outs:sms')).toBeUndefined();
      expect(await store.watermark('globex', 'opt-outs:email')).toBeUndefined();
    });

    it('only moves forward, whichever replica is slower', async () => {
      await Promise.all([3, 9, 1, 7].map((at, i) => (i % 2 ? store : other).setWatermark(tenant, 'race', at * 1000)));
      expect(await store.watermark(tenant, 'race')).toBe(9000);
      await store.setWatermark(tenant, 'race', 10_000);
      expect(await store.watermark(tenant, 'race')).toBe(10_000);
    });
  });

  describe('deciding', () => {
    it('hands out the oldest deliveries first, of one tenant only', async () => {
      const receipts = await store.receive(Array.from({ length: 5 }, (_, i) => sampleDelivery({ key: `k${9 - i}` })));
      await store.receive([sampleDelivery({ tenant: 'globex' })]);
      await decidedAlone(async (unit) => {
        expect((await unit.undecided(3)).map(({ id }) => id)).toEqual(receipts.map(({ id }) => id).sort().slice(0, 3));
        expect(await unit.undecided(100)).toHaveLength(5);
      });
    });

    it('keeps nothing, jobs included, when deciding fails', async () => {
      const [receipt] = await store.receive([sampleDelivery()]);
      await inDatabase(opened.url, `delete from pgboss.job where name = 'process-events'`);
      const failing = decidedAlone(async (unit) => {
        await unit.save({
          persons: [samplePerson('p1', { email: 'ana@example.com' }, { email: 'ana@example.com' })],
          absorbed: [],
          commands: [{ deliveryId: receipt!.id, personId: 'p1', command: sampleTrack(), goes: 'at-once' }],
          outcomes: [{ id: receipt!.id, status: 'processed', notes: [] }],
        });
        await unit.enqueue([{ queue: 'process-events', data: { tenant } }]);
        throw new Error('decided wrongly');
      });
      await expect(failing).rejects.toThrow('decided wrongly');
      expect(await store.personByIdentifier(tenant, 'email:ana@example.com')).toBeUndefined();
      expect(await store.delivery(tenant, receipt!.id)).toMatchObject({ status: 'undecided', commands: [] });
      expect([...(await jobs('process-events')), ...(await jobs('send-commands'))]).toEqual([]);
    });

    it('lets one replica decide for a tenant at a time; the other waits and sees what was committed meanwhile', async () => {
      let release!: () => void;
      const held = new Promise<void>((resolve) => (release = resolve));
      let entered!: () => void;
      const inside = new Promise<void>((resolve) => (entered = resolve));
      const first = store.alone(tenant, async (unit) => {
        expect(await unit.undecided(10)).toEqual([]);
        entered();
        await held;
      });
      await inside;
      let waited = true;
      const second = other.alone(tenant, async (unit) => {
        waited = false;
        return unit.undecided(10);
      });
      expect(await other.alone('globex', async () => 'free')).toBe('free');
      const [receipt] = await store.receive([sampleDelivery()]);
      expect(waited).toBe(true);
      release();
      await first;
      expect((await second).map(({ id }) => id)).toEqual([receipt!.id]);
    });

    it('finds a person by every identifier and pass, and several who share one', async () => {
      const ana = { ...samplePerson('p-ana', { email: 'ana@example.com', phone: '+33612345678' }), passes: { 'pass-1': { id: 'pass-1', installs: {} } as never } };
      const ben = samplePerson('p-ben', { customerId: 'C-2', phone: '+33612345678' });
      await decide(store, { persons: [ana, ben] });
      await decidedAlone(async (unit) => {
        expect(await unit.persons(['email:ana@example.com'])).toEqual([ana]);
        expect(await unit.persons(['pass:pass-1', 'customerId:C-2', 'email:nobody@example.com'])).toEqual([ana, ben]);
        expect(await unit.persons(['phone:+33612345678'])).toEqual([ana, ben]);
        expect(await unit.persons([])).toEqual([]);
      });
      expect(await store.personByIdentifier(tenant, 'pass:pass-1')).toEqual(ana);
      expect(await store.personByIdentifier('globex', 'pass:pass-1')).toBeUndefined();
    });

    it('makes persons one: identifiers and commands move, whatever the chain', async () => {
      const [a, b, c] = [samplePerson('p-a', { email: 'a@example.com' }), samplePerson('p-b', { customerId: 'C-1' }), samplePerson('p-c', { phone: '+1' }, { phone: '+1' })];
      const deliveryId = await decide(store, { persons: [a, b], given: [{ personId: 'p-a', command: sampleTrack(), goes: 'when-reachable' }] });
      await decide(store, { persons: [c], absorbed: [{ from: 'p-a', into: 'p-b' }, { from: 'p-b', into: 'p-c' }] });
      expect(await store.personByIdentifier(tenant, 'email:a@example.com')).toEqual(c);
      expect(await store.personByIdentifier(tenant, 'customerId:C-1')).toEqual(c);
      // The track waited for an identifier; the person it now belongs to has one.
      expect(await statuses(deliveryId)).toEqual(['pending']);
      expect(await store.claim(tenant, 'track', all, leaseMs)).toMatchObject([{ identity: { phone: '+1' } }]);
    });

    it('lets commands wait for an identifier that Klaviyo knows, and sends them when it comes', async () => {
      const deliveryId = await decide(store, { persons: [samplePerson('p1', { customerId: 'C-1' })], given: [{ personId: 'p1', command: sampleTrack(), goes: 'when-reachable' }] });
      expect(await statuses(deliveryId)).toEqual(['waiting']);
      expect(await store.waiting(tenant, 'track')).toEqual({ due: 0 });
      expect(await jobs('send-commands')).toEqual([]);
      await decide(store, { persons: [samplePerson('p1', { customerId: 'C-1', email: 'ana@example.com' }, { email: 'ana@example.com' })] });
      expect(await statuses(deliveryId)).toEqual(['pending']);
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'track' }]);
      expect(await store.claim(tenant, 'track', all, leaseMs)).toMatchObject([{ identity: { email: 'ana@example.com' } }]);
    });

    it('enqueues one job for each lane that has something to send', async () => {
      await decideCommands(store, [sampleTrack(), sampleTrack(), sampleUpsert()]);
      expect((await jobs('send-commands')).map((data) => data['lane']).sort()).toEqual(['track', 'upsert-profile']);
    });

    it('keeps one of two events with the same unique id', async () => {
      const first = await decideCommands(store, [sampleTrack({ uniqueId: 'u-1' })]);
      const second = await decideCommands(store, [sampleTrack({ uniqueId: 'u-1' }), sampleTrack({ uniqueId: 'u-2' })]);
      const globex = await decideCommands(store, [sampleTrack({ uniqueId: 'u-1' })], 'p', 'globex');
      expect((await store.delivery(tenant, first))!.commands).toHaveLength(1);
      expect((await store.delivery(tenant, second))!.commands.map(({ command }) => command)).toMatchObject([{ uniqueId: 'u-2' }]);
      expect((await store.delivery('globex', globex))!.commands).toHaveLength(1);
    });

    it('sends only the newest of several profile updates of a person, and says so in the ledger', async () => {
      const first = await decideCommands(store, [sampleUpsert('silver')]);
      await decideCommands(store, [sampleUpsert('bronze')], 'p-ben');
      const second = await decideCommands(store, [sampleUpsert('gold')]);
      expect(await statuses(first)).toEqual(['superseded']);
      expect((await store.delivery(tenant, first))!.commands[0]!.ledger).toMatchObject([{ outcome: 'superseded' }]);
      expect(await statuses(second)).toEqual(['pending']);
      expect(await store.claim(tenant, 'upsert-profile', all, leaseMs)).toHaveLength(2);
    });

    it('parks a delivery with its code and notes, and decides it again when replayed', async () => {
      const [receipt] = await store.receive([sampleDelivery()]);
      const notes = [{ by: 'wallet', says: 'No such pass kind.', code: 'PASS_KIND_UNKNOWN' as const }];
      await decidedAlone((unit) => unit.save({ persons: [], absorbed: [], commands: [], outcomes: [{ id: receipt!.id, status: 'parked', code: 'PASS_KIND_UNKNOWN', notes }] }));
      expect(await store.delivery(tenant, receipt!.id)).toMatchObject({ status: 'parked', code: 'PASS_KIND_UNKNOWN', notes });
      await decidedAlone(async (unit) => expect(await unit.undecided(10)).toEqual([]));
      expect(await store.replay(tenant, receipt!.id)).toBe(true);
      expect(await store.replay(tenant, receipt!.id)).toBe(false);
      await decidedAlone(async (unit) => expect(await unit.undecided(10)).toHaveLength(1));
    });
  });

  describe('sending', () => {
    const track = (count: number, own = {}) => Array.from({ length: count }, () => sampleTrack(own));
    const answer = (claimed: Outgoing[], outcome: object) => store.settle(tenant, claimed.map(({ id }) => ({ id, ...outcome }) as never), []);

    it('never gives one command to two replicas', async () => {
      await decideCommands(store, track(200));
      const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? store : other).claim(tenant, 'track', { items: 15, bytes: 1_000_000 }, leaseMs)));
      const rest = await store.claim(tenant, 'track', all, leaseMs);
      const ids = [...claims.flat(), ...rest].map(({ id }) => id);
      expect(ids).toHaveLength(200);
      expect(new Set(ids).size).toBe(200);
    });

    it('gives the oldest first, as many as fit into the request, and one that fits into none alone', async () => {
      await decideCommands(store, [sampleTrack({ uniqueId: 'big', properties: { text: 'x'.repeat(2_000) } }), sampleTrack({ uniqueId: 'a' }), sampleTrack({ uniqueId: 'b' }), sampleTrack({ uniqueId: 'c' })]);
      const take = async (items: number, bytes: number) => (await store.claim(tenant, 'track', { items, bytes }, leaseMs)).map(({ command }) => 'uniqueId' in command && command.uniqueId);
      expect(await take(10, 1_000)).toEqual(['big']);
      expect(await take(10, 350)).toEqual(['a', 'b']);
      expect(await take(1, 1_000)).toEqual(['c']);
      expect(await take(1, 1_000)).toEqual([]);
    });

    it('keeps lanes and tenants apart', async () => {
      await decideCommands(store, [sampleTrack(), sampleUpsert()]);
      await decideCommands(store, [sampleTrack()], 'p', 'globex');
      expect(await store.claim(tenant, 'track', all, leaseMs)).toHaveLength(1);
      expect(await store.claim(tenant, 'subscribe', all, leaseMs)).toEqual([]);
      expect(await store.claim('globex', 'track', all, leaseMs)).toHaveLength(1);
    });

    it('gives the commands of a dead process to others when its lease ends', async () => {
      await decideCommands(store, track(2));
      const [lost] = await store.claim(tenant, 'track', { items: 1, bytes: 1_000_000 }, 150);
      await store.claim(tenant, 'track', { items: 1, bytes: 1_000_000 }, leaseMs);
      const { due, nextInMs } = await other.waiting(tenant, 'track');
      expect(due).toBe(0);
      expect(nextInMs).toBeGreaterThan(0);
      expect(nextInMs).toBeLessThanOrEqual(150);
      const again = await until(async () => (await other.claim(tenant, 'track', all, leaseMs))[0]);
      expect(again.id).toBe(lost!.id);
      expect(again.attempts).toBe(0);
    });

    it('does not send again what was accepted after the lease had ended', async () => {
      await decideCommands(store, track(1));
      const late = await store.claim(tenant, 'track', all, 1);
      const retaken = await until(async () => (await other.claim(tenant, 'track', all, leaseMs))[0]);
      await other.settle(tenant, [{ id: retaken.id, outcome: 'later', code: 'KLAVIYO_UNAVAILABLE', waitMs: 0 }], []);
      await answer(late, { outcome: 'accepted' });
      expect(await store.waiting(tenant, 'track')).toEqual({ due: 0 });
    });

    it('writes every answer to the ledger and moves the commands on', async () => {
      const deliveryId = await decideCommands(store, track(4));
      const [a, b, c, d] = await store.claim(tenant, 'track', all, leaseMs) as [Outgoing, Outgoing, Outgoing, Outgoing];
      await store.settle(
        tenant,
        [
          { id: a.id, outcome: 'accepted', words: '202', duplicateOf: 'K-9' },
          { id: b.id, outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM', words: 'no \u0000 such metric' },
          { id: c.id, outcome: 'skipped', code: 'KLAVIYO_DUPLICATE_EVENT' },
          { id: d.id, outcome: 'later', code: 'KLAVIYO_BUSY', waitMs: 60_000 },
        ],
        [{ queue: 'read-back', data: { tenant, commandId: a.id, tries: 0 }, afterMs: 300_000 }],
      );
      const record = await store.delivery(tenant, deliveryId);
      expect(record!.commands.map(({ status }) => status)).toEqual(['accepted', 'refused', 'skipped', 'pending']);
      const dueInMs = record!.commands.map(({ dueAt }) => dueAt && dueAt - record!.commands[3]!.ledger[0]!.at);
      expect(dueInMs).toEqual([undefined, undefined, undefined, expect.closeTo(60_000, -2)]);
      expect(record!.commands.map(({ ledger }) => ledger[0])).toMatchObject([
        { outcome: 'accepted', words: expect.stringContaining('K-9') },
        { outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM', words: 'no  such metric' },
        { outcome: 'skipped', code: 'KLAVIYO_DUPLICATE_EVENT' },
        { outcome: 'later', code: 'KLAVIYO_BUSY' },
      ]);
      expect(await jobs('read-back')).toEqual([{ tenant, commandId: a.id, tries: 0 }]);
      const { due, nextInMs } = await store.waiting(tenant, 'track');
      expect(due).toBe(0);
      expect(nextInMs).toBeGreaterThan(55_000);
      expect(await store.command(tenant, d.id)).toMatchObject({ id: d.id, attempts: 1, identity: { email: 'p-ana@example.com' }, command: d.command });
      expect(await store.commandCounts(tenant)).toEqual(['accepted', 'pending', 'refused', 'skipped'].map((status) => ({ lane: 'track', status, count: 1 })));
    });

    it('sends what was least tried first, and ever fewer at once when everything was tried often', async () => {
      await decideCommands(store, track(16));
      const sizes: number[] = [];
      for (let round = 0; round < 6; round += 1) {
        // Everything is answered, in as many claims as it takes, so that the round ends with equal attempts.
        const claims: Outgoing[][] = [];
        for (let claimed = await store.claim(tenant, 'track', { items: 16, bytes: 1_000_000 }, leaseMs); claimed.length > 0; claimed = await store.claim(tenant, 'track', { items: 16, bytes: 1_000_000 }, leaseMs)) claims.push(claimed);
        sizes.push(claims[0]!.length);
        await answer(claims.flat(), { outcome: 'later', code: 'KLAVIYO_UNAVAILABLE', waitMs: 0 });
      }
      expect(sizes).toEqual([16, 16, 16, 8, 4, 2]);
      await decideCommands(store, [sampleTrack({ uniqueId: 'fresh' })]);
      expect(await store.claim(tenant, 'track', { items: 1, bytes: 1_000_000 }, leaseMs)).toMatchObject([{ command: { uniqueId: 'fresh' } }]);
    });

    it('has one profile update of a person on its way at a time', async () => {
      await decideCommands(store, [sampleUpsert('silver')]);
      const [first] = await store.claim(tenant, 'upsert-profile', all, leaseMs);
      await decideCommands(store, [sampleUpsert('gold')]);
      expect(await other.claim(tenant, 'upsert-profile', all, leaseMs)).toEqual([]);
      expect((await other.waiting(tenant, 'upsert-profile')).due).toBe(0);
      await store.settle(tenant, [{ id: first!.id, outcome: 'importing', receipt: 'job-1', position: 0 }], []);
      expect(await other.claim(tenant, 'upsert-profile', all, leaseMs)).toEqual([]);
      await store.settleImport(tenant, 'job-1', { lost: false, refused: [] });
      expect(await other.claim(tenant, 'upsert-profile', all, leaseMs)).toMatchObject([{ command: sampleUpsert('gold') }]);
    });

    it('holds back what comes after the profile until its update is through', async () => {
      const given = (command: Command, goes: 'at-once' | 'after-profile') => ({ personId: 'p-ana', command, goes });
      const ana = samplePerson('p-ana', { email: 'ana@example.com', customerId: 'C-1' }, { email: 'ana@example.com', externalId: 'C-1' });
      await decide(store, { persons: [ana], given: [given(sampleTrack({ uniqueId: 'held' }), 'after-profile'), given(sampleTrack({ uniqueId: 'free' }), 'at-once'), given(sampleUpsert(), 'after-profile')] });
      expect(await store.claim(tenant, 'track', all, leaseMs)).toMatchObject([{ command: { uniqueId: 'free' } }]);
      const [profile] = await store.claim(tenant, 'upsert-profile', all, leaseMs);
      expect(await other.claim(tenant, 'track', all, leaseMs)).toEqual([]);
      await store.settle(tenant, [{ id: profile!.id, outcome: 'importing', receipt: 'job-1', position: 0 }], []);
      expect(await other.claim(tenant, 'track', all, leaseMs)).toEqual([]);
      expect((await other.waiting(tenant, 'track')).due).toBe(1);
      await store.settleImport(tenant, 'job-1', { lost: false, refused: [] });
      expect(await store.claim(tenant, 'track', all, leaseMs)).toMatchObject([{ command: { uniqueId: 'held' } }]);
    });

    it('hands out updates of one pass one after the other, in their order, and never past one that has to be repeated', async () => {
      const update = (points: number): Command => ({ do: 'push-update', identifiers: { email: 'ana@example.com' }, additionalData: { points }, updateMetadata: false });
      await decideCommands(store, [update(1), update(2)], 'pass-of-ana');
      await decideCommands(store, [update(9)], 'pass-of-ben');
      const points = (claimed: Outgoing[]) => claimed.map(({ command }) => (command.do === 'push-update' ? command.additionalData!['points'] : undefined));
      const claimed = await store.claim(tenant, 'push-update', all, leaseMs);
      expect(points(claimed)).toEqual([1, 9]);
      await store.settle(tenant, [{ id: claimed[0]!.id, outcome: 'later', code: 'WALLET_CREW_UNAVAILABLE', waitMs: 60_000 }], []);
      expect(await other.claim(tenant, 'push-update', all, leaseMs)).toEqual([]);
      await inDatabase(opened.url, `update connector.outbox set due_at = now() where not leased`);
      const again = await other.claim(tenant, 'push-update', all, leaseMs);
      expect(points(again)).toEqual([1]);
      await answer(again, { outcome: 'refused', code: 'WALLET_CREW_PASS_MISSING' });
      expect(points(await other.claim(tenant, 'push-update', all, leaseMs))).toEqual([2]);
    });

    it('drops a profile update that has to be repeated when a newer one waits', async () => {
      const old = await decideCommands(store, [sampleUpsert('silver')]);
      const claimed = await store.claim(tenant, 'upsert-profile', all, leaseMs);
      await decideCommands(store, [sampleUpsert('gold')]);
      await answer(claimed, { outcome: 'later', code: 'KLAVIYO_UNAVAILABLE', waitMs: 0 });
      expect(await statuses(old)).toEqual(['superseded']);
      expect(await store.claim(tenant, 'upsert-profile', all, leaseMs)).toMatchObject([{ command: sampleUpsert('gold') }]);
    });

    it('addresses a person as known at the moment of sending, with all that answers taught', async () => {
      const deliveryId = await decideCommands(store, [sampleUpsert(), sampleTrack()]);
      const profile = await store.claim(tenant, 'upsert-profile', all, leaseMs);
      await answer(profile, { outcome: 'accepted', klaviyoId: 'K-1', withheld: 'phone' });
      const [event] = await store.claim(tenant, 'track', all, leaseMs);
      expect(event!.identity).toEqual({ email: 'p-ana@example.com', klaviyoId: 'K-1', withheld: ['phone'] });
      await answer([event!], { outcome: 'accepted', withheld: 'externalId' });
      const person = await store.personByIdentifier(tenant, 'email:p-ana@example.com');
      expect(person!.identity).toEqual({ email: 'p-ana@example.com', klaviyoId: 'K-1', withheld: ['externalId', 'phone'] });
      expect(await statuses(deliveryId)).toEqual(['accepted', 'accepted']);
    });

    it('does not lose what an answer teaches while the same person is decided about', async () => {
      await decideCommands(store, [sampleUpsert()]);
      const claimed = await store.claim(tenant, 'upsert-profile', all, leaseMs);
      let settling!: Promise<void>;
      await other.alone(tenant, async (unit) => {
        const [person] = await unit.persons(['email:p-ana@example.com']);
        settling = answer(claimed, { outcome: 'accepted', klaviyoId: 'K-1' });
        await until(async () => (await inDatabase(opened.url, `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length > 0);
        await unit.save({ persons: [{ ...person!, registeredAt: 7 }], absorbed: [], commands: [], outcomes: [] });
      });
      await settling;
      expect(await store.personByIdentifier(tenant, 'email:p-ana@example.com')).toMatchObject({ registeredAt: 7, identity: { klaviyoId: 'K-1', email: 'p-ana@example.com' } });
    });

    it('names what waits although it could have gone long ago', async () => {
      await decideCommands(store, track(1));
      expect(await store.overdue(60_000)).toEqual([]);
      await inDatabase(opened.url, `update connector.outbox set due_at = due_at - interval '5 minutes'`);
      expect(await store.overdue(60_000)).toEqual([{ queue: 'send-commands', data: { tenant, lane: 'track' } }]);
    });

    it('sends what an import refused once more, alone, and accepts the rest', async () => {
      const deliveryId = await decideCommands(store, track(3));
      const claimed = await store.claim(tenant, 'track', all, leaseMs);
      await store.settle(tenant, claimed.map(({ id }, position) => ({ id, outcome: 'importing', receipt: 'job-1', position })), []);
      expect(await statuses(deliveryId)).toEqual(['importing', 'importing', 'importing']);
      await store.settleImport(tenant, 'job-1', { lost: false, refused: [{ position: 1, code: 'KLAVIYO_REFUSED_ITEM', words: 'bad phone' }] });
      expect(await statuses(deliveryId)).toEqual(['accepted', 'pending', 'accepted']);
      expect((await store.delivery(tenant, deliveryId))!.commands[1]!.ledger).toMatchObject([{ outcome: 'importing' }, { outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM', words: 'bad phone' }]);
      const [again] = await store.claim(tenant, 'track', all, leaseMs);
      expect(again).toMatchObject({ id: claimed[1]!.id, alone: true });
      await store.settle(tenant, [{ id: again!.id, outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM', words: 'bad phone' }], []);
      expect(await store.parked(tenant, 10)).toMatchObject([{ id: claimed[1]!.id, what: 'command', name: 'Installed Pass', code: 'KLAVIYO_REFUSED_ITEM', words: 'bad phone' }]);
      await store.settleImport(tenant, 'job-1', { lost: true, refused: [] });
      expect(await statuses(deliveryId)).toEqual(['accepted', 'refused', 'accepted']);
    });

    it('sends everything of a lost import again', async () => {
      const deliveryId = await decideCommands(store, track(2));
      const claimed = await store.claim(tenant, 'track', all, leaseMs);
      await store.settle(tenant, claimed.map(({ id }, position) => ({ id, outcome: 'importing', receipt: 'job-1', position })), []);
      await inDatabase(opened.url, `delete from pgboss.job`);
      await store.settleImport(tenant, 'job-1', { lost: true, refused: [] });
      expect(await statuses(deliveryId)).toEqual(['pending', 'pending']);
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'track' }]);
      expect((await store.delivery(tenant, deliveryId))!.commands[0]!.ledger).toMatchObject([{ outcome: 'importing' }, { outcome: 'lost', code: 'KLAVIYO_IMPORT_LOST' }]);
    });

    it('sends a refused command again when replayed', async () => {
      await decideCommands(store, track(1));
      const claimed = await store.claim(tenant, 'track', all, leaseMs);
      await answer(claimed, { outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM' });
      await inDatabase(opened.url, `delete from pgboss.job`);
      expect(await store.replay('globex', claimed[0]!.id)).toBe(false);
      expect(await store.replay(tenant, claimed[0]!.id)).toBe(true);
      expect(await jobs('send-commands')).toEqual([{ tenant, lane: 'track' }]);
      expect(await store.claim(tenant, 'track', all, leaseMs)).toMatchObject([{ id: claimed[0]!.id, attempts: 0 }]);
      expect(await store.parked(tenant, 10)).toEqual([]);
    });

    it('tells of a subscription how long ago the opposite was accepted, and when that was said', async () => {
      const list = (lane: 'subscribe' | 'unsubscribe', listId: string, at: number): Command =>
        lane === 'subscribe'
          ? { do: lane, listId, channel: 'email', field: 'f', consentedAt: at, historical: false }
          : { do: lane, listId, channel: 'email', field: 'f', withdrawnAt: at };
      await decideCommands(store, [list('subscribe', 'L1', 1_000), list('subscribe', 'L2', 2_000)]);
      await answer(await store.claim(tenant, 'subscribe', all, leaseMs), { outcome: 'accepted' });
      await decideCommands(store, [list('unsubscribe', 'L1', 3_000), list('unsubscribe', 'L3', 3_000)]);
      const [known, unknown] = await store.claim(tenant, 'unsubscribe', all, leaseMs);
      expect(known).toMatchObject({ oppositeAt: 1_000 });
      expect(known!.sinceOppositeMs).toBeGreaterThanOrEqual(0);
      expect(known!.sinceOppositeMs).toBeLessThan(20_000);
      expect(unknown).not.toHaveProperty('sinceOppositeMs');
    });

    it('notes whether Klaviyo shows an accepted event', async () => {
      const deliveryId = await decideCommands(store, track(2));
      const claimed = await store.claim(tenant, 'track', all, leaseMs);
      await answer(claimed, { outcome: 'accepted' });
      await store.markSeen(tenant, claimed[0]!.id, true);
      await store.markSeen(tenant, claimed[1]!.id, false);
      expect(await statuses(deliveryId)).toEqual(['seen', 'accepted']);
      expect((await store.delivery(tenant, deliveryId))!.commands.map(({ ledger }) => ledger.at(-1))).toMatchObject([{ outcome: 'seen' }, { outcome: 'not-seen', code: 'KLAVIYO_NOT_SEEN' }]);
    });
  });

  it('deletes what is finished and old, and keeps what is parked or still to be sent', async () => {
    const finished = await decideCommands(store, [sampleTrack()]);
    await store.settle(tenant, (await store.claim(tenant, 'track', all, leaseMs)).map(({ id }) => ({ id, outcome: 'accepted' })), []);
    const refused = await decideCommands(store, [sampleTrack()]);
    await store.settle(tenant, (await store.claim(tenant, 'track', all, leaseMs)).map(({ id }) => ({ id, outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM' })), []);
    const pending = await decideCommands(store, [sampleTrack()]);
    const [undecided] = await store.receive([sampleDelivery()]);
    expect(await store.tidy(60_000)).toBe(0);
    expect(await store.tidy(-1_000)).toBe(2);
    expect(await store.delivery(tenant, finished)).toBeUndefined();
    for (const id of [refused, pending, undecided!.id]) expect(await store.delivery(tenant, id)).toBeDefined();
    expect(await inDatabase(opened.url, `select 1 from connector.ledger`)).toHaveLength(1);
  });

  it('answers questions about ids that do not exist, or are none, with nothing', async () => {
    for (const id of ['00000000-0000-7000-8000-000000000000', 'no-id', '']) {
      expect(await store.delivery(tenant, id)).toBeUndefined();
      expect(await store.command(tenant, id)).toBeUndefined();
      expect(await store.replay(tenant, id)).toBe(false);
      await store.markSeen(tenant, id, true);
    }
    expect(await store.waiting(tenant, 'track' satisfies Lane)).toEqual({ due: 0 });
    expect(await store.ping()).toBe(true);
  });
}
