import { openStore, type OpenStore } from '#store';
import { inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { MemoryRuns } from '../support/memory-runs.js';
import { fatesSuite } from './fates.suite.js';
import { implementations } from './implementations.js';
import { runsSuite } from './runs.suite.js';

describe('runs remembered in memory, as tests do', () => {
  let now = 1_700_000_000_000;
  const memory = new MemoryRuns({ now: () => now });
  runsSuite(() => ({ one: memory, other: memory, pass: async (_, ms) => void (now += ms) }));
});

describe.each(Object.entries(implementations))('runs remembered on a %s', (_, database) => {
  let opened: { url: string; dispose(): Promise<void> };
  let replicas: OpenStore[];
  beforeAll(async () => {
    opened = await database();
    replicas = [await openStore({ url: opened.url, log: silentLog }), await openStore({ url: opened.url, log: silentLog })];
  });
  afterAll(async () => {
    await Promise.all(replicas.map(({ close }) => close()));
    await opened.dispose();
  });

  runsSuite(() => ({
    one: replicas[0]!.runs,
    other: replicas[1]!.runs,
    // Ending sooner is the same as waiting.
    pass: async (tenant, ms) => void (await inDatabase(opened.url, `update connector.run set leased_until = leased_until - $2 * interval '1 ms' where tenant = $1`, [tenant, ms])),
  }));
  describe('what became of its repairs', () => fatesSuite(() => ({ ...replicas[0]!, url: opened.url })));
});
