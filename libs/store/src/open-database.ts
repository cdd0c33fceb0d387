import type { Log } from '#core';
import { openEmbeddedDatabase, type RunningDatabase } from './embedded/embedded-database.js';

export type { RunningDatabase };

/** The PostgreSQL that `url` names, or without one the embedded server under `dataDir`. */
export async function openDatabase({ url, dataDir, log }: { url?: string | undefined; dataDir: string; log: Log }): Promise<RunningDatabase> {
  if (url) return { url, close: async () => undefined };
  return openEmbeddedDatabase(dataDir, log);
}
