import { ConnectorError, type Clock, type Log } from '#core';

const lookMs = 2_000;

interface Patience {
  clock: Clock;
  log: Log;
  tenant: string;
  /** An outage that lasts longer is somebody else's to wait for. */
  mostMs?: number;
  goesOn?: () => boolean;
}

/** Tries again while the database is away. A run costs that nothing but the time: what is unfinished is gone on with. */
export async function untilBack<T>(work: () => Promise<T>, { clock, log, tenant, mostMs = Infinity, goesOn = () => true }: Patience): Promise<T> {
  let awaySince: number | undefined;
  for (;;) {
    const triedAt = clock.now();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.code !== 'DATABASE_UNAVAILABLE') throw error;
      // Nothing tries for so long without a database: it was there in between, and this is another outage.
      if (awaySince === undefined || clock.now() - triedAt > mostMs) {
        awaySince = clock.now();
        log.warn('the database is away; reconciliation goes on when it is back', { tenant, code: error.code });
      }
      if (!goesOn() || clock.now() - awaySince >= mostMs) throw error;
      await clock.wait(lookMs);
    }
  }
}
