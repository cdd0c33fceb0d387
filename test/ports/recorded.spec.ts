import { openRecorded, openStore, type OpenStore } from '#store';
import type { Delivery } from '#core';
import { emptyDatabase, freshDatabase, type FreshDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { sampleDelivery } from './samples.js';

describe('what the inbox holds of the past', () => {
  let database: FreshDatabase;
  let opened: OpenStore;

  beforeAll(async () => {
    database = await freshDatabase();
    opened = await openStore({ url: database.url, log: silentLog });
  });
  afterAll(async () => {
    await opened.close();
    await database.drop();
  });

  async function read(tenant: string, since: number, url = database.url): Promise<Delivery[][]> {
    const recorded = await openRecorded(url);
    try {
      const pages: Delivery[][] = [];
      for await (const page of recorded.since(tenant, since)) pages.push(page);
      return pages;
    } finally {
      await recorded.close();
    }
  }

  it('is read page by page, in the order in which it is decided, for one tenant', async () => {
    const receipts = await opened.store.receive([...Array.from({ length: 450 }, (_, i) => sampleDelivery({ key: `key-${i}` })), sampleDelivery({ tenant: 'bolt' })]);
    const pages = await read('acme', 0);
    expect(pages.map((page) => page.length)).toEqual([200, 200, 50]);
    expect(pages.flat().map(({ id }) => id)).toEqual(receipts.slice(0, 450).map(({ id }) => id));
    const { event, receivedAt } = sampleDelivery();
    expect(pages[2]![49]).toEqual({ id: receipts[449]!.id, event, receivedAt });
  });

  it('begins at the time that is asked for', async () => {
    await opened.store.receive([sampleDelivery({ tenant: 'late' })]);
    const [[first]] = (await read('late', 0)) as [[Delivery]];
    expect(await read('late', Date.now() + 60_000)).toEqual([]);
    expect((await read('late', Date.now() - 60_000)).flat().map(({ id }) => id)).toEqual([first.id]);
  });

  it('is nothing where no connector has ever run', async () => {
    const empty = await emptyDatabase();
    expect(await read('acme', 0, empty.url)).toEqual([]);
    await empty.drop();
  });
});
