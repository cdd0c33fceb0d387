import { ConnectorError } from '#core';
import { untilBack } from '../../../apps/reconciler/src/until-back.js';
import { KeptLog, ManualClock } from '../../support/system-fakes.js';

const minuteMs = 60_000;

function away(mostMs: number) {
  const [clock, log] = [new ManualClock(), new KeptLog()];
  const begunAt = clock.now();
  /** The database is away in these minutes. */
  const ask = (work: () => Promise<string>, ...minutes: [from: number, to: number][]) =>
    untilBack(async () => {
      const minute = (clock.now() - begunAt) / minuteMs;
      if (minutes.some(([from, to]) => from <= minute && minute < to)) throw new ConnectorError('DATABASE_UNAVAILABLE');
      return work();
    }, { clock, log, tenant: 'acme', mostMs });
  return { clock, log, ask };
}

describe('a run that is made once, while the database is away', () => {
  it('waits some minutes for it', async () => {
    expect(await away(5 * minuteMs).ask(async () => 'done', [0, 4])).toBe('done');
  });

  it('gives up when those are over, and says that the database does not answer', async () => {
    const { clock, ask } = away(5 * minuteMs);
    const begunAt = clock.now();
    await expect(ask(async () => 'done', [0, 60])).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', retry: 'later' });
    expect(clock.now() - begunAt).toBeLessThan(6 * minuteMs);
  });

  it('waits anew for one that is away again hours later', async () => {
    const { clock, log, ask } = away(5 * minuteMs);
    let outages = 0;
    const work = async () => {
      if (outages++ > 0) return 'done';
      clock.at += 120 * minuteMs;
      throw new ConnectorError('DATABASE_UNAVAILABLE');
    };
    expect(await ask(work, [0, 4], [120, 128])).toBe('done');
    expect(log.lines).toHaveLength(2);
  });

  it('does not wait where something else is wrong', async () => {
    await expect(away(5 * minuteMs).ask(() => Promise.reject(new ConnectorError('TENANT_UNKNOWN')))).rejects.toMatchObject({ code: 'TENANT_UNKNOWN' });
  });
});
