import { MikroORM } from '@mikro-orm/postgresql';
import { openStore } from '#store';
import { asKysely } from '../../libs/store/src/database.js';
import { ormOptions } from '../../libs/store/src/open-store.js';
import { queueNames } from '../../libs/store/src/queues.js';
import { emptyDatabase, inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';

describe('the tables', () => {
  it('are made once when several replicas start on an empty database together', async () => {
    const { url, drop } = await emptyDatabase();
    const replicas = await Promise.all([1, 2, 3].map(() => openStore({ url, log: silentLog })));
    expect(await Promise.all(replicas.map(({ store }) => store.ping()))).toEqual([true, true, true]);
    expect(await inDatabase(url, `select name from connector.migration order by id`)).toEqual([{ name: '2026-11-first-tables' }, { name: '2026-11-permits' }, { name: '2026-12-background' }, { name: '2026-11-runs' }, { name: '2026-11-walk-order' }, { name: '2026-11-first-profiles' }, { name: '2026-11-phase-began' }]);
    expect((await inDatabase<{ name: string }>(url, `select name from pgboss.queue where name not like '\\_\\_%'`)).map(({ name }) => name).sort()).toEqual([...queueNames].sort());
    await Promise.all(replicas.map(({ close }) => close()));
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
