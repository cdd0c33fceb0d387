import { randomUUID } from 'node:crypto';
import type { Answer, Command, DriftKind, Goes, NewDelivery, Outgoing, Run } from '#core';
import type { OpenStore } from '#store';
import pg from 'pg';
import { inDatabase } from '../support/database.js';
import { sampleDelivery, sampleEvent, samplePerson, sampleTrack, sampleUpsert } from './samples.js';
import { sampleOptions, sampleReport } from './runs.suite.js';

/** How the repairs of a run fare, on the way that every delivery goes. */
export function fatesSuite(world: () => Pick<OpenStore, 'store' | 'runs'> & { url: string }): void {
  const all = { items: 1_000, bytes: 5_000_000 };
  const leaseMs = 60_000;
  const lookUp: Command = { do: 'look-up', profile: { email: 'ana@example.com' }, by: [], backfill: true };
  let tenant = '';
  let run: Run;
  let lease = '';
  beforeEach(async () => {
    tenant = `tenant-${randomUUID()}`;
    const begun = await world().runs.begin(tenant, sampleOptions, leaseMs);
    if ('busy' in begun) throw new Error('busy');
    ({ run, lease } = begun);
  });

  const received = async (own: Partial<NewDelivery> = {}, ...kinds: DriftKind[]) => {
    const [receipt] = await world().store.receive([sampleDelivery({ tenant, ...(kinds.length > 0 ? { repair: { runId: run.id, kinds } } : {}), ...own })]);
    return receipt!.id;
  };
  const decided = async (id: string, commands: Command[], { goes = 'at-once' as Goes, personId = `p-${id}`, codes = [] as ('LINK_TOKEN_MISSING')[] } = {}) => {
    const identity = goes === 'when-reachable' ? {} : { email: `${personId}@example.com` };
    await world().store.alone(tenant, (unit) =>
      unit.save({
        persons: [samplePerson(personId, { customerId: personId }, identity)],
        absorbed: [],
        commands: commands.map((command) => ({ deliveryId: id, personId, command, goes })),
        outcomes: [{ id, status: 'processed', personId, notes: codes.map((code) => ({ by: 'look-up', says: '', code })) }],
      }),
    );
    return id;
  };
  /** A repair with one command, decided. */
  const repair = async (kinds: DriftKind[], commands: Command[], how: Parameters<typeof decided>[2] = {}) => decided(await received({}, ...kinds), commands, how);
  const answer = async (lane: Command['do'], how: (outgoing: Outgoing) => Answer) => world().store.settle(tenant, (await world().store.claim(tenant, lane, all, leaseMs, true)).map(how), []);
  const accepted = ({ id }: Outgoing): Answer => ({ id, outcome: 'accepted' });
  const fates = () => world().runs.fates(run.id);
  const kinds = async () => Object.fromEntries((await fates()).kinds.map(({ kind, repaired, refused, open }) => [kind, [repaired, refused, open]]));
  const open = () => world().runs.open(run.id);

  it('is nothing as long as it repairs nothing', async () => {
    await decided(await received(), [sampleTrack()]);
    expect(await fates()).toEqual({ kinds: [], refusals: [] });
    expect(await world().runs.commands(run.id)).toEqual({});
    expect(await open()).toBe(0);
  });

  it('is open until every command has been answered, and repaired then', async () => {
    const id = await received({}, 'install-unheard', 'status-wrong');
    expect(await kinds()).toEqual({ 'install-unheard': [0, 0, 1], 'status-wrong': [0, 0, 1] });
    expect(await open()).toBe(1);
    await decided(id, [sampleTrack(), sampleUpsert()]);
    expect(await open()).toBe(2);
    expect(await world().runs.commands(run.id)).toEqual({ 'track': 1, 'upsert-profile': 1 });
    await answer('track', accepted);
    expect(await kinds()).toEqual({ 'install-unheard': [0, 0, 1], 'status-wrong': [0, 0, 1] });
    await answer('upsert-profile', ({ id: command }) => ({ id: command, outcome: 'importing', receipt: 'job-1', position: 0 }));
    expect(await open()).toBe(1);
    await world().store.settleImport(tenant, 'job-1', { lost: false, refused: [] });
    expect(await fates()).toEqual({ kinds: [{ kind: 'install-unheard', repaired: 1, refused: 0, open: 0 }, { kind: 'status-wrong', repaired: 1, refused: 0, open: 0 }], refusals: [] });
    expect(await open()).toBe(0);
  });

  it('is repaired where nothing had to be sent, where a newer update holds all of it, and where Klaviyo holds it already', async () => {
    await repair(['opt-out-unheard'], []);
    await repair(['status-wrong'], [sampleUpsert('old')], { personId: 'p-ana' });
    await decided(await received(), [sampleUpsert('new')], { personId: 'p-ana' });
    await repair(['install-unheard'], [sampleTrack()]);
    await answer('track', ({ id }) => ({ id, outcome: 'skipped', code: 'KLAVIYO_DUPLICATE_EVENT' }));
    expect(await kinds()).toEqual({ 'opt-out-unheard': [1, 0, 0], 'status-wrong': [1, 0, 0], 'install-unheard': [1, 0, 0] });
    expect(await open()).toBe(0);
  });

  it('is refused where the delivery is parked, and says by what code', async () => {
    const id = await received({}, 'install-unheard');
    await world().store.alone(tenant, (unit) => unit.save({ persons: [], absorbed: [], commands: [], outcomes: [{ id, status: 'parked', code: 'PASS_KIND_UNKNOWN', notes: [] }] }));
    expect(await fates()).toEqual({ kinds: [{ kind: 'install-unheard', repaired: 0, refused: 1, open: 0 }], refusals: [{ code: 'PASS_KIND_UNKNOWN', count: 1, sample: { deliveryId: id } }] });
    expect(await open()).toBe(0);
    await world().store.replay(tenant, id);
    expect(await kinds()).toEqual({ 'install-unheard': [0, 0, 1] });
  });

  it("is refused where Klaviyo refuses a command, and gives Klaviyo's words, the most frequent first", async () => {
    const first = await repair(['detail-wrong'], [sampleUpsert()]);
    await repair(['detail-wrong'], [sampleUpsert()]);
    const other = await repair(['status-wrong'], [sampleUpsert()]);
    await repair(['status-wrong'], [sampleUpsert()]);
    await decided(await received(), [sampleUpsert()]);
    let n = 0;
    const words = ['bad city (error 1c195f42-8812-4d6d-a1fc-b12345678a0b)', 'bad city (error 1c195f42-8812-4d6d-a1fc-b12345678a0c)', 'bad zip', undefined, 'not a repair'];
    await answer('upsert-profile', ({ id }) => {
      const said = words[n++];
      return said === undefined ? accepted({ id } as Outgoing) : { id, outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM', words: said };
    });
    expect(await fates()).toEqual({
      kinds: [{ kind: 'detail-wrong', repaired: 0, refused: 2, open: 0 }, { kind: 'status-wrong', repaired: 1, refused: 1, open: 0 }],
      refusals: [
        { code: 'KLAVIYO_REFUSED_ITEM', words: 'bad city', count: 2, sample: { personId: `p-${first}`, deliveryId: first } },
        { code: 'KLAVIYO_REFUSED_ITEM', words: 'bad zip', count: 1, sample: { personId: `p-${other}`, deliveryId: other } },
      ],
    });
    expect(await open()).toBe(0);
  });

  it('is refused as long as nobody at Klaviyo can be addressed, counts once, and nobody waits for it', async () => {
    const id = await repair(['install-unheard'], [sampleTrack(), sampleUpsert()], { goes: 'when-reachable' });
    const late = await repair(['install-unheard'], [sampleTrack()]);
    await answer('track', (outgoing) => ({ id: outgoing.id, outcome: 'later', code: 'PERSON_NOT_REACHABLE', waitMs: 3_600_000 }));
    expect(await fates()).toEqual({
      kinds: [{ kind: 'install-unheard', repaired: 0, refused: 2, open: 0 }],
      refusals: [{ code: 'PERSON_NOT_REACHABLE', count: 2, sample: { personId: `p-${id}`, deliveryId: id } }],
    });
    expect(late > id).toBe(true);
    expect(await open()).toBe(0);
  });

  it('is open as long as Klaviyo asks for patience', async () => {
    await repair(['install-unheard'], [sampleTrack()]);
    await answer('track', ({ id }) => ({ id, outcome: 'later', code: 'KLAVIYO_BUSY', waitMs: 60_000 }));
    expect(await kinds()).toEqual({ 'install-unheard': [0, 0, 1] });
    expect(await open()).toBe(1);
  });

  it('is refused for the token alone where The Wallet Crew has none, in its words', async () => {
    const id = await repair(['token-missing', 'status-wrong'], [lookUp]);
    await answer('look-up', (outgoing) => ({ id: outgoing.id, outcome: 'accepted', words: 'LINK_TOKEN_MISSING: no such customer', told: sampleEvent({ kind: 'looked-up', found: { passes: [] } }) }));
    expect(await kinds()).toEqual({ 'token-missing': [0, 0, 1], 'status-wrong': [0, 0, 1] });
    await decided(id, [], { codes: ['LINK_TOKEN_MISSING'] });
    expect(await fates()).toEqual({
      kinds: [{ kind: 'status-wrong', repaired: 1, refused: 0, open: 0 }, { kind: 'token-missing', repaired: 0, refused: 1, open: 0 }],
      refusals: [{ code: 'LINK_TOKEN_MISSING', words: 'no such customer', count: 1, sample: { personId: `p-${id}`, deliveryId: id } }],
    });
  });

  it('names at most fifty reasons', async () => {
    for (let n = 0; n < 60; n++) await repair(['detail-wrong'], [sampleUpsert()]);
    let n = 0;
    await answer('upsert-profile', ({ id }) => ({ id, outcome: 'refused', code: 'KLAVIYO_REFUSED_ITEM', words: `reason ${n++}` }));
    const { kinds: found, refusals } = await fates();
    expect(found).toEqual([{ kind: 'detail-wrong', repaired: 0, refused: 60, open: 0 }]);
    expect(refusals).toHaveLength(50);
  });

  describe('when old things are deleted', () => {
    it('keeps the newest four hundred runs of a tenant, and the running one', async () => {
      const { store, runs, url } = world();
      await inDatabase(
        url,
        `insert into connector.run (id, tenant, options, status, started_at, resumed, checkpoint, report, cancel_asked)
         select gen_random_uuid(), $1, '{}', 'done', now() - n * interval '1 day', 0, '{}', '{}', false from generate_series(1, 450) n`,
        [tenant],
      );
      await store.tidy(420 * 86_400_000);
      // Of those past the four hundred nineteen are not old enough.
      expect(await runs.list(tenant, 1_000)).toHaveLength(1 + 400 + 19);
      await store.tidy(0);
      const left = await runs.list(tenant, 1_000);
      expect(left).toHaveLength(401);
      expect(left[0]!.id).toBe(run.id);
    });

    it('forgets what runs have seen that have ended, and nothing of those that go on', async () => {
      const { store, runs } = world();
      await runs.see(run.id, 'pass', ['P-1']);
      await store.tidy(0);
      expect(await runs.seen(run.id, 'pass', ['P-1'])).toEqual(['P-1']);
      await runs.end(run.id, lease, 'done', sampleReport());
      await store.tidy(0);
      expect(await runs.seen(run.id, 'pass', ['P-1'])).toEqual([]);
    });

    it('forgets what a run has seen that ended while a backup read all tables', async () => {
      const { store, runs, url } = world();
      await runs.see(run.id, 'pass', ['P-1']);
      await runs.end(run.id, lease, 'done', sampleReport());
      const backup = new pg.Client({ connectionString: url });
      await backup.connect();
      await backup.query(`begin`);
      await backup.query(`lock table connector.run_seen in access share mode`);
      await runs.forget(run.id);
      expect(await runs.seen(run.id, 'pass', ['P-1'])).toEqual(['P-1']);
      await backup.end();
      await store.tidy(0);
      expect(await runs.seen(run.id, 'pass', ['P-1'])).toEqual([]);
    });
  });
}
