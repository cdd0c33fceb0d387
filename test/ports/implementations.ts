import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '#store';
import { freshDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';

/** Every database the product runs on; a port suite runs over each. */
export const implementations: Record<string, () => Promise<{ url: string; dispose(): Promise<void> }>> = {
  'postgresql server': async () => {
    const { url, drop } = await freshDatabase();
    return { url, dispose: drop };
  },
  'embedded database': async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'connector-embedded-'));
    const { url, close } = await openDatabase({ dataDir, log: silentLog });
    return {
      url,
      dispose: async () => {
        await close();
        await rm(dataDir, { recursive: true, force: true });
      },
    };
  },
};
