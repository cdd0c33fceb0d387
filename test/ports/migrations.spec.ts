import { MikroORM } from '@mikro-orm/postgresql';
import { openStore } from '#store';
import { asKysely } from '../../libs/store/src/database.js';
import { ormOptions } from '../../libs/store/src/open-store.js';
import { queueNames } from '../../libs/store/src/queues.js';
import { emptyDatabase, inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { sampleOptions, sampleReport } from './runs.suite.js';

describe('the tables', () => {
  it('are made once when several replicas start on an empty database together', async () => {
    const { url, drop } = await emptyDatabase();
    const replicas = await Promise.all([1, 2, 3].map(() => openStore({ url, log: silentLog })));
    expect(await Promise.all(replicas.map(({ store }) => store.ping()))).toEqual([true, true, true]);
    expect(await inDatabase(url, `select name from connector.migration order by id`)).toEqual([{ name: '2026-11-first-tables' }, { name: '2026-11-permits' }, { name: '2026-12-background' }, { name: '2026-11-runs' }, { name: '2026-11-walk-order' }, { name: '2026-11-first-profiles' }, { name: '2026-11-phase-began' }, { name: '2026-11-seen-by-run' }, { name: '2026-11-coarse-statistics' }]);
    expect((await inDatabase<{ name: string }>(url, `select name from pgboss.queue where name not like '\\_\\_%'`)).map(({ name }) => name).sort()).toEqual([...queueNames].sort());
    await Promise.all(replicas.map(({ close }) => close()));
    await drop();
  });

  it('keep what a run has seen that goes on over an update', async () => {
    const { url, drop } = await emptyDatabase();
    const first = await openStore({ url, log: silentLog });
    const begun = [await first.runs.begin('acme', sampleOptions, 1), await first.runs.begin('other', sampleOptions, 60_000)].map((answer) => ('busy' in answer ? undefined! : answer));
    const [going, over] = begun as [(typeof begun)[0], (typeof begun)[0]];
    await first.runs.end(over.run.id, over.lease, 'done', sampleReport());
    await first.close();
    // As it was before.
    await inDatabase(url, `drop table connector.run_seen`);
    await inDatabase(url, `create table connector.run_seen (run_id uuid not null, what text not null, key text collate "C" not null, profile text null, primary key (run_id, what, key))`);
    await inDatabase(url, `delete from connector.migration where name = '2026-11-seen-by-run'`);
    for (const { run } of begun) await inDatabase(url, `insert into connector.run_seen values ($1, 'pass', 'P-1', null), ($1, 'person', 'p-1', 'K1')`, [run.id]);

    const second = await openStore({ url, log: silentLog });
    const { runs } = second;
    await inDatabase(url, `update connector.run set leased_until = now() where status = 'running'`);
    expect(await runs.begin('acme', sampleOptions, 60_000)).toMatchObject({ run: { id: going.run.id, resumed: 1 } });
    expect(await runs.see(going.run.id, 'pass', ['P-1', 'P-2'])).toEqual(['P-2']);
    expect(await runs.seePersons(going.run.id, new Map([['p-1', 'K2']]))).toEqual(new Map([['p-1', 'K1']]));
    expect(await runs.seen(over.run.id, 'pass', ['P-1'])).toEqual([]);
    await second.close();
    await drop();
  });

  it('cost the server little to keep statistics of, beside webhooks', async () => {
    const { url, drop } = await emptyDatabase();
    const { runs, close } = await openStore({ url, log: silentLog });
    await inDatabase(url, `insert into connector.person (tenant, id, state, identity, updated_at) select 'acme', 'p-' || n, '{}', '{}', now() from generate_series(1, 5000) n`);
    await inDatabase(url, `analyze connector.person`);
    const known = await inDatabase<{ column: string; values: number }>(url, `select attname as column, cardinality(histogram_bounds::text::text[]) as values from pg_stats where schemaname = 'connector' and tablename = 'person' order by attname`);
    expect(known.map(({ column }) => column)).toEqual(['id', 'tenant', 'token_at', 'updated_at']);
    expect(known[0]!.values).toBeLessThan(20);
    const begun = await runs.begin('acme', sampleOptions, 1);
    expect(begun).toHaveProperty('run');
    expect(await inDatabase(url, `select reloptions as options from pg_class where relkind = 'r' and relname like 'run\\_seen\\_%'`)).toEqual([{ options: ['autovacuum_enabled=off'] }]);
    await close();
    await drop();
  });

  it('are exactly what the entities describe after all migrations ran', async () => {
    const { url, drop } = await emptyDatabase();
    const { close } = await openStore({ url, log: silentLog });
    const orm = await MikroORM.init(ormOptions({ url, log: silentLog }));
    // The queue's tables are there too, and must not appear as something to drop.
    const difference = await orm.schema.getUpdateSchemaSQL({ wrap: false });
    expect(difference.replaceAll(/drop table if exists "connector"\."migration"[^;]*;/g, '').trim()).toBe('');
    await orm.close();
    await close();
    await drop();
  });

  it('share one transaction between rows and jobs, because the one of MikroORM is one of Kysely', async () => {
    const { url, drop } = await emptyDatabase();
    const orm = await MikroORM.init(ormOptions({ url, log: silentLog }));
    await orm.em.fork().transactional(async (em) => {
      const transaction = asKysely(em.getTransactionContext());
      // What has no transaction of its own has no Kysely client that says so.
      expect((transaction as { isTransaction?: boolean }).isTransaction).toBe(true);
      // `getKysely` is typed: it stops compiling when the driver is no longer built on Kysely.
      asKysely(em.getKysely() satisfies { executeQuery: unknown; isTransaction: boolean });
    });
    await orm.close();
    await drop();
  });
});

describe('without a database', () => {
  it('says that it does not answer', async () => {
    const { url, drop } = await emptyDatabase();
    const { store, queue, close } = await openStore({ url, log: silentLog });
    await drop();
    expect(await store.ping()).toBe(false);
    await expect(store.backlog()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await expect(store.receive([])).resolves.toEqual([]);
    await expect(store.parked('acme', 1)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', retry: 'later' });
    await expect(queue.depths()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await close();
    await expect(openStore({ url: 'postgresql://x@127.0.0.1:1/x', log: silentLog })).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });
});
