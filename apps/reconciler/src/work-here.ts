import { ConnectorError, type Log } from '#core';
import { startWorkers } from '#runtime';

/** Decides and sends in this process. The workers are there before anything is scheduled: a database that goes away in between keeps none of them from working. */
export async function workHere(app: Parameters<typeof startWorkers>[0], log: Log): Promise<void> {
  try {
    await startWorkers(app);
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.code !== 'DATABASE_UNAVAILABLE') throw error;
    log.warn('the workers are at it, but nothing could be scheduled', { code: error.code });
  }
}
