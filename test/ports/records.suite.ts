import { randomUUID } from 'node:crypto';
import type { Command, DeliveryRecord, Person, Records, Runs, Track } from '#core';
import { refusalWords, type Happened } from '../support/memory-records.js';
import { sampleOptions } from './runs.suite.js';
import { sampleEvent, samplePerson, sampleTrack, sampleUpsert } from './samples.js';

export interface RecordsWorld {
  records: Records;
  /** Receives a delivery and decides it like this; answers what is on record then. */
  happened(tenant: string, what: Happened): Promise<DeliveryRecord>;
  runs: Pick<Runs, 'begin' | 'see'>;
  /** Klaviyo answers all commands that wait in a lane. */
  answer(tenant: string, lane: Command['do'], outcome: 'accepted' | 'refused' | 'importing'): Promise<void>;
}

/** What everything that reads back what we know and did must do. */
export function recordsSuite(world: () => RecordsWorld): void {
  const day = 86_400_000;
  const noon = Date.UTC(2026, 2, 14, 12);
  /** The store's clock may be a little ahead of ours. */
  const soon = () => Date.now() + 60_000;
  const before = () => Date.now() - 60_000;
  let tenant = '';
  let foreign = '';
  beforeEach(() => {
    tenant = `tenant-${randomUUID()}`;
    foreign = `${tenant}'s other`;
  });

  /** A new run, as its id. */
  const begun = async (of = tenant): Promise<string> => {
    const answer = await world().runs.begin(of, sampleOptions, 60_000);
    if ('busy' in answer) throw new Error('busy');
    return answer.run.id;
  };
  const reachable = (id: string): Person => samplePerson(id, { email: `${id}@example.com` }, { email: `${id}@example.com` });
  const happened = (what: Partial<Happened> = {}, of = tenant) => world().happened(of, { event: sampleEvent(), ...(what.personId && !what.waiting ? { persons: [reachable(what.personId)] } : {}), ...what });
  const ids = (found: { id: string }[]) => found.map(({ id }) => id);

  describe('persons', () => {
    it('are found by every identifier and pass, several at once, each once', async () => {
      const ana = { ...samplePerson('p-ana', { email: 'ana@example.com', phone: '+33612345678' }), passes: { 'pass-1': { id: 'pass-1', installs: {} } as never } };
      const ben = samplePerson('p-ben', { customerId: 'C-2', phone: '+33612345678' });
      await happened({ persons: [ben, ana] });
      const { records } = world();
      expect(await records.personsBy(tenant, ['pass:pass-1'])).toEqual([ana]);
      expect(await records.personsBy(tenant, ['email:ana@example.com', 'pass:pass-1', 'customerId:C-2', 'email:nobody@example.com', 'odd:\u0000'])).toEqual([ana, ben]);
      expect(await records.personsBy(tenant, ['phone:+33612345678'])).toEqual([ana, ben]);
      expect(await records.personsBy(foreign, ['pass:pass-1'])).toEqual([]);
      expect(await records.personsBy(tenant, [])).toEqual([]);
    });

    it('are found by their id, each brand its own', async () => {
      const ana = samplePerson('p-ana', { customerId: 'C-1' });
      await happened({ persons: [ana, samplePerson('p-an')] });
      await happened({ persons: [samplePerson('p-ben')] }, foreign);
      const { records } = world();
      expect(await records.person(tenant, 'p-ana')).toEqual(ana);
      for (const stranger of ['p-ben', 'p-a', '', 'odd\u0000']) expect(await records.person(tenant, stranger)).toBeUndefined();
    });

    it('are found by the id of the profile that Klaviyo has of them; one that is known stays', async () => {
      const ana = samplePerson('p-ana', { customerId: 'C-1' }, { email: 'ana@example.com' });
      const ben = samplePerson('p-ben', { customerId: 'C-2' }, { klaviyoId: 'K-2' });
      await happened({ persons: [ana, ben] });
      const { records } = world();
      await records.learnIds(tenant, new Map([['p-ana', 'K-1'], ['p-ben', 'K-9'], ['p-nobody', 'K-3']]));
      expect(await records.personsBy(tenant, ['klaviyoId:K-1'])).toEqual([{ ...ana, identity: { email: 'ana@example.com', klaviyoId: 'K-1' } }]);
      expect(await records.person(tenant, 'p-ben')).toEqual(ben);
      expect(await records.personsBy(tenant, ['klaviyoId:K-9', 'klaviyoId:K-3'])).toEqual([]);
      await records.learnIds(foreign, new Map([['p-ana', 'K-8']]));
      expect((await records.person(tenant, 'p-ana'))!.identity.klaviyoId).toBe('K-1');
    });

    it('whom a run has not seen are found on such a walk, and nobody else', async () => {
      const { records, runs } = world();
      const [run, other] = [await begun(), await begun(foreign)];
      const owner = (id: string, ...passes: string[]): Person => ({ ...samplePerson(id, { customerId: id }), passes: Object.fromEntries(passes.map((pass) => [pass, { id: pass, installs: {} } as never])) });
      await happened({ persons: [owner('p-1', 'here-1'), owner('p-2', 'here-2', 'lost'), owner('p-3', 'taken-out'), owner('p-4'), owner('p-5', 'here-5')] });
      await happened({ persons: [owner('p-1', 'foreign')] }, foreign);
      await runs.see(run, 'person', ['p-1', 'p-2', 'p-4']);
      await runs.see(run, 'pass', ['here-1', 'here-2', 'taken-out', 'here-5']);
      await runs.see(run, 'gone', ['taken-out']);
      await runs.see(other, 'person', ['p-3', 'p-5']);
      await runs.see(other, 'pass', ['lost']);
      const persons = async (after?: string, length = 10) => {
        const { persons: found, ...walked } = await records.unseenPersons(tenant, run, after, length);
        return { ...walked, ids: ids(found) };
      };
      expect(await persons()).toEqual({ ids: ['p-3', 'p-5'], walked: 5, last: 'p-5' });
      expect(await persons(undefined, 3)).toEqual({ ids: ['p-3'], walked: 3, last: 'p-3' });
      expect(await persons('p-3', 3)).toEqual({ ids: ['p-5'], walked: 2, last: 'p-5' });
      expect(await persons('p-5')).toEqual({ ids: [], walked: 0 });
      expect((await records.unseenPersons(tenant, run, 'p-4', 1)).persons).toEqual([owner('p-5', 'here-5')]);

      expect(await records.unseenPasses(tenant, run, undefined, 10)).toEqual({ passes: ['lost', 'taken-out'], walked: 5, last: 'taken-out' });
      expect(await records.unseenPasses(tenant, run, undefined, 3)).toEqual({ passes: [], walked: 3, last: 'here-5' });
      expect(await records.unseenPasses(tenant, run, 'here-5', 1)).toEqual({ passes: ['lost'], walked: 1, last: 'lost' });
      expect(await records.unseenPasses(tenant, run, 'taken-out', 10)).toEqual({ passes: [], walked: 0 });
      expect(await records.gonePasses(run, undefined, 10)).toEqual({ passes: ['taken-out'], walked: 1, last: 'taken-out' });
      expect(await records.gonePasses(run, 'taken-out', 10)).toEqual({ passes: [], walked: 0 });
    });

    it('whose passes have ids of any kind are found by them, each pass once, in the order of its bytes', async () => {
      const { records, runs } = world();
      const run = await begun();
      const passes = ['Zebra', 'a b', 'a-b', 'a:b', 'ab', 'zebra', 'é', '0', '~'];
      const owner = (id: string, own: string[]): Person => ({ ...samplePerson(id, { customerId: id }), passes: Object.fromEntries(own.map((pass) => [pass, { id: pass, installs: {} } as never])) });
      // A family shares one.
      await happened({ persons: [owner('p-1', passes.slice(0, 5)), owner('p-2', passes.slice(4))] });
      await runs.see(run, 'pass', ['ab']);
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const { passes: portion, last } = await records.unseenPasses(tenant, run, after, 2);
        if (last === undefined) break;
        found.push(...portion);
        after = last;
      }
      expect(found).toEqual(['0', 'Zebra', 'a b', 'a-b', 'a:b', 'zebra', '~', 'é']);
    });
  });

  describe('who was told about lately', () => {
    const told = async (since: number, ...persons: string[]) => [...(await world().records.toldSince(tenant, persons, since)).lately].sort();

    it('is everybody whose profile update is open or was accepted since; a refused one is told apart', async () => {
      await happened({ personId: 'p-accepted', commands: [sampleUpsert()] });
      await world().answer(tenant, 'upsert-profile', 'accepted');
      const refused = await happened({ personId: 'p-refused', commands: [sampleUpsert()] });
      await world().answer(tenant, 'upsert-profile', 'refused');
      await happened({ personId: 'p-importing', commands: [sampleUpsert()] });
      await world().answer(tenant, 'upsert-profile', 'importing');
      await happened({ personId: 'p-open', commands: [sampleUpsert()] });
      await happened({ personId: 'p-waiting', commands: [sampleUpsert()], waiting: true });
      await happened({ personId: 'p-event', commands: [sampleTrack()] });
      const persons = ['p-accepted', 'p-refused', 'p-importing', 'p-open', 'p-waiting', 'p-event', 'p-unknown'];
      expect(await told(before(), ...persons)).toEqual(['p-accepted', 'p-importing', 'p-open', 'p-waiting']);
      expect(await told(soon(), ...persons)).toEqual(['p-importing', 'p-open', 'p-waiting']);
      expect(await told(before(), 'p-open')).toEqual(['p-open']);
      expect(await told(before())).toEqual([]);
      expect([...(await world().records.toldSince(tenant, persons, before())).parked]).toEqual([['p-refused', { code: 'KLAVIYO_REFUSED_ITEM', words: refusalWords, deliveryId: refused.id }]]);
      expect(await world().records.toldSince(foreign, persons, 0)).toEqual({ lately: new Set(), parked: new Map() });
    });
  });

  describe('whose update was refused', () => {
    const parkedOf = async (person: string) => (await world().records.toldSince(tenant, [person], soon())).parked.get(person)?.deliveryId;
    const updated = (personId: string) => happened({ personId, commands: [sampleUpsert()] });
    const answered = (outcome: 'accepted' | 'refused') => world().answer(tenant, 'upsert-profile', outcome);

    it('is told as long as no newer one was accepted: that holds all that the refused one held', async () => {
      await updated('p-ana');
      await answered('accepted');
      const refused = await updated('p-ana');
      await answered('refused');
      expect(await parkedOf('p-ana')).toBe(refused.id);
      await updated('p-ana');
      await answered('accepted');
      expect(await parkedOf('p-ana')).toBeUndefined();
      const again = await updated('p-ana');
      await answered('refused');
      expect(await parkedOf('p-ana')).toBe(again.id);
    });
  });

  describe('what happened about a person', () => {
    it('is told with all that was asked for, the newest first, also where nothing was', async () => {
      const first = await happened({ personId: 'p-ana', commands: [sampleTrack(), sampleUpsert()] });
      const second = await happened({ personId: 'p-ana' });
      await happened({ personId: 'p-ben' });
      const third = await happened({ personId: 'p-ana', commands: [sampleTrack()] });
      await happened({ personId: 'p-ana' }, foreign);
      await happened({ undecided: true });
      const { records } = world();
      expect(await records.deliveriesOf(tenant, 'p-ana', 10)).toEqual([third, second, first]);
      expect(ids(await records.deliveriesOf(tenant, 'p-ana', 2))).toEqual([third.id, second.id]);
      expect(await records.deliveriesOf(tenant, 'p-nobody', 2)).toEqual([]);
    });

    it('goes with a person who turned out to be another, whatever the chain', async () => {
      const a = await happened({ personId: 'p-a', commands: [sampleTrack()] });
      const b = await happened({ personId: 'p-b' });
      const c = await happened({ personId: 'p-c', absorbed: [{ from: 'p-b', into: 'p-c' }] });
      const d = await happened({ personId: 'p-d', absorbed: [{ from: 'p-c', into: 'p-d' }, { from: 'p-a', into: 'p-d' }] });
      expect(ids(await world().records.deliveriesOf(tenant, 'p-d', 10))).toEqual([d.id, c.id, b.id, a.id]);
      expect(await world().records.deliveriesOf(tenant, 'p-b', 10)).toEqual([]);
    });
  });

  describe('the inbox', () => {
    it('tells when the newest webhook of The Wallet Crew came, whatever came of it', async () => {
      const { records } = world();
      expect(await records.lastWebhook(tenant)).toBeUndefined();
      await happened({ receivedAt: 1_000 });
      await happened({ receivedAt: 2_000, event: sampleEvent({ kind: 'looked-up', carried: sampleTrack() }) });
      await happened({ receivedAt: 3_000, event: sampleEvent({ kind: 'opted-out', channel: 'email' }) });
      await happened({ receivedAt: 4_000, event: sampleEvent({ kind: 'looked-up' }) });
      await happened({ receivedAt: 5_000, repair: true });
      await happened({ receivedAt: 6_000 }, foreign);
      expect(await records.lastWebhook(tenant)).toBe(2_000);
      await happened({ receivedAt: 7_000, event: sampleEvent({ kind: 'unknown', name: 'Pass:Sneezed' }) });
      expect(await records.lastWebhook(tenant)).toBe(7_000);
    });
  });

  describe('events that nobody has seen in Klaviyo', () => {
    const event = (at: number, metric = 'Installed Pass') => sampleTrack({ at, metric });
    const accepted = async (...tracks: Track[]) => {
      const record = await happened({ personId: 'p-ana', commands: tracks });
      await world().answer(tenant, 'track', 'accepted');
      return record.commands.map(({ id, command }) => ({ commandId: id, personId: 'p-ana', uniqueId: (command as Track).uniqueId }));
    };
    const today = { metric: 'Installed Pass', from: noon - day / 2, to: noon + day / 2 };

    it('are counted by metric and day of the event, the oldest first', async () => {
      await accepted(event(noon), event(noon + day), event(today.from), event(today.to - 1), event(today.to), event(noon, 'Uninstalled Pass'), event(-1));
      await happened({ personId: 'p-ana', commands: [event(noon), sampleUpsert()] });
      await happened({ personId: 'p-ana', commands: [event(noon)] }, foreign);
      await world().answer(tenant, 'upsert-profile', 'accepted');
      expect(await world().records.unseenEvents(tenant, soon())).toEqual([
        { metric: 'Installed Pass', from: -day, to: 0, count: 1 },
        { ...today, count: 3 },
        { ...today, metric: 'Uninstalled Pass', count: 1 },
        { metric: 'Installed Pass', from: today.to, to: today.to + day, count: 2 },
      ]);
      expect(await world().records.unseenEvents(tenant, before())).toEqual([]);
    });

    it('are named, as many as are asked for, the oldest first', async () => {
      const [late, early, other, ofAnotherDay] = await accepted(event(noon), event(noon - 1), event(noon, 'Uninstalled Pass'), event(noon + day));
      const { records } = world();
      expect(await records.stillUnseen(tenant, today, soon(), 10)).toEqual([early, late]);
      expect(await records.stillUnseen(tenant, today, soon(), 1)).toEqual([early]);
      expect(await records.stillUnseen(tenant, { ...today, metric: 'Uninstalled Pass' }, soon(), 10)).toEqual([other]);
      expect(await records.stillUnseen(tenant, { ...today, from: today.to, to: today.to + day }, soon(), 10)).toEqual([ofAnotherDay]);
      expect(await records.stillUnseen(tenant, today, before(), 10)).toEqual([]);
      expect(await records.stillUnseen(foreign, today, soon(), 10)).toEqual([]);
    });

    it('are seen when Klaviyo shows them, once', async () => {
      const [a, b, c] = await accepted(event(noon), event(noon), event(noon));
      const { records } = world();
      expect(await records.markEventsSeen(foreign, [a!.uniqueId])).toBe(0);
      expect(await records.markEventsSeen(tenant, [a!.uniqueId, b!.uniqueId, 'never ours', 'odd \u0000'])).toBe(2);
      expect(await records.markEventsSeen(tenant, [a!.uniqueId, b!.uniqueId])).toBe(0);
      expect(await records.markEventsSeen(tenant, [])).toBe(0);
      expect(await records.stillUnseen(tenant, today, soon(), 10)).toEqual([c]);
      expect((await records.deliveriesOf(tenant, 'p-ana', 1))[0]!.commands.map(({ status }) => status)).toEqual(['seen', 'seen', 'accepted']);
    });

    it('are sent once more, and the ledger tells the whole story', async () => {
      const [a, b] = await accepted(event(noon), event(noon + 1));
      const { records, answer } = world();
      expect(await records.sendEventsAgain(foreign, [a!.commandId])).toBe(0);
      expect(await records.sendEventsAgain(tenant, [a!.commandId, randomUUID()])).toBe(1);
      expect(await records.sendEventsAgain(tenant, [a!.commandId])).toBe(0);
      const ledger = async () => (await records.deliveriesOf(tenant, 'p-ana', 1))[0]!.commands.map(({ status, ledger: entries }) => [status, ...entries.map(({ outcome }) => outcome)]);
      expect(await ledger()).toEqual([['pending', 'accepted', 'sent-again'], ['accepted', 'accepted']]);
      expect(await records.stillUnseen(tenant, today, soon(), 10)).toEqual([b]);
      await answer(tenant, 'track', 'accepted');
      expect(await ledger()).toEqual([['accepted', 'accepted', 'sent-again', 'accepted'], ['accepted', 'accepted']]);
      expect(await records.stillUnseen(tenant, today, soon(), 10)).toEqual([a, b]);
    });

    it('fire no flow when they are sent once more', async () => {
      const [a] = await accepted(event(noon));
      const { records } = world();
      const told = async () => (await records.deliveriesOf(tenant, 'p-ana', 1))[0]!.commands[0]!.command;
      expect(await told()).toMatchObject({ backfill: false });
      await records.sendEventsAgain(tenant, [a!.commandId]);
      expect(await told()).toMatchObject({ uniqueId: a!.uniqueId, backfill: true });
    });

    it('are not sent a third time, but reported, and found no more', async () => {
      const [a] = await accepted(event(noon));
      const { records, answer } = world();
      await records.sendEventsAgain(tenant, [a!.commandId]);
      await answer(tenant, 'track', 'accepted');
      expect(await records.sendEventsAgain(tenant, [a!.commandId])).toBe(0);
      const [record] = await records.deliveriesOf(tenant, 'p-ana', 1);
      expect(record!.commands[0]!.status).toBe('accepted');
      expect(record!.commands[0]!.ledger.at(-1)).toMatchObject({ outcome: 'not-seen', code: 'KLAVIYO_NOT_SEEN' });
      expect(await records.unseenEvents(tenant, soon())).toEqual([]);
      expect(await records.stillUnseen(tenant, today, soon(), 10)).toEqual([]);
      // Klaviyo may still come round.
      expect(await records.markEventsSeen(tenant, [a!.uniqueId])).toBe(1);
      expect((await records.deliveriesOf(tenant, 'p-ana', 1))[0]!.commands[0]).toMatchObject({ status: 'seen', ledger: { length: 5 } });
    });
  });
}
