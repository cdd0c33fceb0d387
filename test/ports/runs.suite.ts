import { randomUUID } from 'node:crypto';
import { firstCheckpoint, type Checkpoint, type Report, type Run, type RunOptions, type Runs } from '#core';

export interface RunsWorld {
  /** Two processes. */
  one: Runs;
  other: Runs;
  /** Lets time pass for the leases of a tenant. */
  pass(tenant: string, ms: number): Promise<void>;
}

export const sampleOptions: RunOptions = { dryRun: false, only: ['status', 'tokens', 'consent'] };

export function sampleReport(own: Partial<Report> = {}): Report {
  const { adoption, installs, calls } = firstCheckpoint();
  return { verdict: { worry: 'no', says: 'Both sides agree.' }, drift: [], refusals: [], silent: [], read: { passes: 0, profiles: 0, persons: 0, events: 0 }, calls, asked: { events: 0, profiles: 0, tokens: 0 }, tookMs: 1, leastMs: 1, adoption, installs, dryRun: false, ...own };
}

/** What every place that remembers runs must do. */
export function runsSuite(world: () => RunsWorld): void {
  const leaseMs = 60_000;
  const far: Checkpoint = { ...firstCheckpoint(), phase: 'profiles', passes: { next: 7, read: 700, total: 900 }, persons: { after: 'p-7', read: 7 } };
  let tenant = '';
  beforeEach(() => {
    tenant = `tenant-${randomUUID()}`;
  });

  const begun = async (runs: Runs, of = tenant, options = sampleOptions) => {
    const answer = await runs.begin(of, options, leaseMs);
    if ('busy' in answer) throw new Error('busy');
    return answer;
  };
  const ended = async (runs: Runs, of = tenant, status: 'done' | 'failed' | 'cancelled' = 'done', options = sampleOptions): Promise<Run> => {
    const { run, lease } = await begun(runs, of, options);
    await runs.end(run.id, lease, status, sampleReport());
    return run;
  };

  describe('one at a time', () => {
    it('begins at the beginning, with its own options and nothing found', async () => {
      const { one, other } = world();
      const options: RunOptions = { dryRun: true, since: 1_700_000_000_000, only: ['tokens'] };
      const { run } = await begun(one, tenant, options);
      expect(run).toEqual({ id: expect.any(String), tenant, options, status: 'running', startedAt: expect.any(Number), resumed: 0, checkpoint: firstCheckpoint() });
      expect(await other.find(tenant, run.id)).toEqual(run);
    });

    it('lets exactly one of many processes begin, and tells the others which run it is', async () => {
      const { one, other } = world();
      const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => (i % 2 ? one : other).begin(tenant, sampleOptions, leaseMs)));
      const [winner, ...more] = answers.flatMap((answer) => ('run' in answer ? [answer.run] : []));
      expect(more).toEqual([]);
      expect(answers.flatMap((answer) => ('busy' in answer ? [answer.busy.id] : []))).toEqual(Array.from({ length: 11 }, () => winner!.id));
      expect(await one.list(tenant, 10)).toHaveLength(1);
    });

    it('does not keep one tenant waiting for another', async () => {
      const { one, other } = world();
      await begun(one);
      await begun(other, `${tenant}'s other`);
    });

    it('begins anew when the last one has ended', async () => {
      const { one, other } = world();
      const first = await ended(one);
      const { run } = await begun(other);
      expect(run.id).not.toBe(first.id);
      expect(run.resumed).toBe(0);
    });
  });

  describe('after a process has died', () => {
    it('is taken over when the lease has run out, from where it was, with the options it began with', async () => {
      const { one, other, pass } = world();
      const { run, lease } = await begun(one);
      expect(await one.keep(run.id, lease, far, leaseMs)).toBe('go');
      await pass(tenant, leaseMs - 5_000);
      expect(await other.begin(tenant, { ...sampleOptions, only: ['tokens'] }, leaseMs)).toMatchObject({ busy: { id: run.id, checkpoint: far } });
      await pass(tenant, 5_001);
      const taken = await begun(other, tenant, { ...sampleOptions, only: ['tokens'] });
      expect(taken.run).toEqual({ ...run, resumed: 1, checkpoint: far });
      expect(taken.lease).not.toBe(lease);
    });

    it('is not gone on with by a dry run, which must write nothing', async () => {
      const { one, other, pass } = world();
      const { run } = await begun(one);
      await pass(tenant, leaseMs + 1);
      expect(await other.begin(tenant, { ...sampleOptions, dryRun: true }, leaseMs)).toMatchObject({ busy: { id: run.id, resumed: 0 } });
      expect((await begun(other)).run).toMatchObject({ id: run.id, resumed: 1 });
    });

    it('is ended where it was dry and somebody wants repairs', async () => {
      const { one, other, pass } = world();
      const dry = await begun(one, tenant, { ...sampleOptions, dryRun: true });
      expect(await other.begin(tenant, sampleOptions, leaseMs)).toMatchObject({ busy: { id: dry.run.id } });
      await pass(tenant, leaseMs + 1);
      const { run } = await begun(other);
      expect(run).toMatchObject({ options: sampleOptions, resumed: 0 });
      expect(await other.find(tenant, dry.run.id)).toMatchObject({ status: 'cancelled' });
    });

    it('is taken over by one process only, however many come', async () => {
      const { one, other, pass } = world();
      await begun(one);
      await pass(tenant, leaseMs + 1);
      const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 ? one : other).begin(tenant, sampleOptions, leaseMs)));
      expect(answers.filter((answer) => 'run' in answer)).toMatchObject([{ run: { resumed: 1 } }]);
    });

    it('is taken over at once where the process has let go of it', async () => {
      const { one, other } = world();
      const { run, lease } = await begun(one);
      await one.keep(run.id, lease, far, leaseMs);
      await one.release(run.id, lease);
      expect((await begun(other)).run).toEqual({ ...run, resumed: 1, checkpoint: far });
    });

    it('saves nothing and ends nothing for whoever has lost it', async () => {
      const { one, other, pass } = world();
      const { run, lease } = await begun(one);
      await pass(tenant, leaseMs + 1);
      const taken = await begun(other);
      expect(await one.keep(run.id, lease, far, leaseMs)).toBe('lost');
      await one.end(run.id, lease, 'failed', sampleReport(), 'DATABASE_UNAVAILABLE');
      await one.release(run.id, lease);
      expect(await other.find(tenant, run.id)).toEqual(taken.run);
      expect(await one.begin(tenant, sampleOptions, leaseMs)).toHaveProperty('busy');
      expect(await other.keep(run.id, taken.lease, far, leaseMs)).toBe('go');
    });

    it('stays with a slow process as long as nobody else has come', async () => {
      const { one, other, pass } = world();
      const { run, lease } = await begun(one);
      await pass(tenant, 10 * leaseMs);
      expect(await one.keep(run.id, lease, far, leaseMs)).toBe('go');
      expect(await other.begin(tenant, sampleOptions, leaseMs)).toHaveProperty('busy');
    });
  });

  describe('its end', () => {
    it('is kept with the report, and nothing is saved afterwards', async () => {
      const { one, other } = world();
      const { run, lease } = await begun(one);
      const report = sampleReport({ verdict: { worry: 'yes', says: 'Webhooks have stopped.' }, code: 'KLAVIYO_SCOPE_MISSING' });
      await one.end(run.id, lease, 'failed', report, 'KLAVIYO_SCOPE_MISSING');
      expect(await other.find(tenant, run.id)).toEqual({ ...run, status: 'failed', endedAt: expect.any(Number), report, code: 'KLAVIYO_SCOPE_MISSING' });
      expect(await one.keep(run.id, lease, far, leaseMs)).toBe('lost');
      await one.end(run.id, lease, 'done', sampleReport());
      expect((await one.find(tenant, run.id))!.status).toBe('failed');
    });

    it('is told to the process that is at it when somebody asks for it', async () => {
      const { one, other } = world();
      const { run, lease } = await begun(one);
      expect(await other.cancel(tenant, run.id)).toBe(true);
      expect(await other.cancel(`${tenant}'s other`, run.id)).toBe(false);
      expect(await one.keep(run.id, lease, far, leaseMs)).toBe('cancelled');
      await one.end(run.id, lease, 'cancelled', sampleReport());
      expect(await one.find(tenant, run.id)).toMatchObject({ status: 'cancelled', checkpoint: far });
      expect(await other.cancel(tenant, run.id)).toBe(false);
      expect(await other.cancel(tenant, 'no such run')).toBe(false);
    });

    it('comes at once when it is asked for while nobody is at it', async () => {
      const { one, other } = world();
      const { run, lease } = await begun(one);
      await one.release(run.id, lease);
      expect(await other.cancel(tenant, run.id)).toBe(true);
      expect(await one.find(tenant, run.id)).toMatchObject({ status: 'cancelled', endedAt: expect.any(Number) });
    });

    it('comes with the next beginning when the process died before it heard of it', async () => {
      const { one, other, pass } = world();
      const { run } = await begun(one);
      await other.cancel(tenant, run.id);
      expect(await other.begin(tenant, sampleOptions, leaseMs)).toMatchObject({ busy: { id: run.id } });
      await pass(tenant, leaseMs + 1);
      expect((await begun(other)).run).toMatchObject({ resumed: 0, checkpoint: firstCheckpoint() });
      expect((await one.find(tenant, run.id))!.status).toBe('cancelled');
    });
  });

  describe('what was', () => {
    it('is listed with the newest first, of one tenant only', async () => {
      const { one, other } = world();
      const runs = [await ended(one), await ended(other, tenant, 'failed'), await ended(one)];
      await ended(one, `${tenant}'s other`);
      expect((await other.list(tenant, 10)).map(({ id }) => id)).toEqual(runs.map(({ id }) => id).reverse());
      expect((await one.list(tenant, 1)).map(({ id }) => id)).toEqual([runs[2]!.id]);
      expect(await one.find(`${tenant}'s other`, runs[0]!.id)).toBeUndefined();
      expect(await one.find(tenant, 'no such run')).toBeUndefined();
    });

    it('has a last one: the newest that came to its end, read all passes and repaired', async () => {
      const { one, other } = world();
      expect(await one.last(tenant)).toBeUndefined();
      await ended(one);
      const last = await ended(one, tenant, 'done', { dryRun: false, only: ['status'] });
      await ended(one, tenant, 'failed');
      await ended(one, tenant, 'cancelled');
      await begun(one);
      expect((await other.last(tenant))!.id).toBe(last.id);
    });

    it.each<[string, RunOptions]>([
      ['a dry run', { ...sampleOptions, dryRun: true }],
      ['a run over tokens and consent', { dryRun: false, only: ['tokens', 'consent'] }],
      ['a run over what has changed lately', { ...sampleOptions, since: 1_700_000_000_000 }],
    ])('does not take %s for its last one', async (_, options) => {
      const { one } = world();
      await ended(one, tenant, 'done', options);
      expect(await one.last(tenant)).toBeUndefined();
    });
  });

  describe('what it has seen', () => {
    it('is new once, and known afterwards', async () => {
      const { one, other } = world();
      const { run } = await begun(one);
      expect(await one.see(run.id, 'pass', ['P-2', 'P-1', 'P-2'])).toEqual(['P-2', 'P-1']);
      expect(await other.see(run.id, 'pass', ['P-1', 'P-3'])).toEqual(['P-3']);
      expect(await other.see(run.id, 'pass', ['P-1'])).toEqual([]);
      expect(await one.see(run.id, 'pass', [])).toEqual([]);
      expect(await one.seen(run.id, 'pass', ['P-9', 'P-3', 'P-2'])).toEqual(['P-3', 'P-2']);
      expect(await one.seen(run.id, 'pass', [])).toEqual([]);
    });

    it('is kept apart by what it is, and by run', async () => {
      const { one } = world();
      const { run } = await begun(one);
      const { run: second } = await begun(one, `${tenant}'s other`);
      await one.see(run.id, 'pass', ['X']);
      expect(await one.see(run.id, 'profile', ['X'])).toEqual(['X']);
      expect(await one.seen(second.id, 'pass', ['X'])).toEqual([]);
    });

    it('keeps by which profile it met a person first, whichever process meets them again', async () => {
      const { one, other } = world();
      const { run } = await begun(one);
      expect(await one.seePersons(run.id, new Map([['p-1', 'K1'], ['p-2', 'K2']]))).toEqual(new Map([['p-1', 'K1'], ['p-2', 'K2']]));
      expect(await other.seePersons(run.id, new Map([['p-2', 'K9'], ['p-3', 'K3'], ['p-1', 'K1']]))).toEqual(new Map([['p-2', 'K2'], ['p-3', 'K3'], ['p-1', 'K1']]));
      expect(await other.seen(run.id, 'person', ['p-1', 'p-3', 'p-4'])).toEqual(['p-1', 'p-3']);
      expect(await one.seePersons(run.id, new Map())).toEqual(new Map());
    });

    it('takes keys that no database can hold', async () => {
      const { one } = world();
      const { run } = await begun(one);
      expect(await one.see(run.id, 'pass', ['a\u0000b', 'c\ud800'])).toEqual(['a\u0000b', 'c\ud800']);
      expect(await one.seen(run.id, 'pass', ['a\u0000b', 'c\ud800', 'd'])).toEqual(['a\u0000b', 'c\ud800']);
    });

    it('is new to exactly one of several who see it at the same time, in whatever order', async () => {
      const { one, other } = world();
      const { run } = await begun(one);
      const keys = Array.from({ length: 500 }, (_, i) => `P-${i}`);
      const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? one : other).see(run.id, 'pass', i % 3 ? keys : keys.toReversed())));
      expect(answers.flat().sort()).toEqual([...keys].sort());
    });

    it('is forgotten whole, and nothing of another run with it', async () => {
      const { one, other } = world();
      const { run } = await begun(one);
      const { run: second } = await begun(one, `${tenant}'s other`);
      const keys = Array.from({ length: 25_000 }, (_, i) => `P-${i}`);
      await one.see(run.id, 'pass', keys);
      await one.see(run.id, 'profile', ['X']);
      await one.see(second.id, 'pass', ['P-1']);
      await other.forget(run.id);
      expect(await one.seen(run.id, 'pass', keys)).toEqual([]);
      expect(await one.seen(run.id, 'profile', ['X'])).toEqual([]);
      expect(await one.seen(second.id, 'pass', ['P-1'])).toEqual(['P-1']);
    });

    it('is of no account any more when another process has ended the run', async () => {
      const { one, other } = world();
      const { run, lease } = await begun(one);
      await one.see(run.id, 'pass', ['P-1']);
      await other.end(run.id, lease, 'done', sampleReport());
      await other.forget(run.id);
      await one.see(run.id, 'pass', ['P-1', 'P-2']);
      await one.seePersons(run.id, new Map([['p-1', 'K1']]));
      expect(await one.keep(run.id, lease, run.checkpoint, leaseMs)).toBe('lost');
    });
  });
}
