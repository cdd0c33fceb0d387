import { firstCheckpoint, type Checkpoint, type Estimate, type Run } from '#core';
import { estimateInWords, RunProgress } from '../../../apps/reconciler/src/progress.js';
import { everything } from '../core/reconcile-world.js';

const runAt = (own: Partial<Checkpoint>): Run => ({ id: 'run-1', tenant: 'acme', options: everything, status: 'running', startedAt: 0, resumed: 0, checkpoint: { ...firstCheckpoint(), ...own } });
const passes = (read: number) => runAt({ phase: 'passes', passes: { next: 1, read, total: 200 } });

describe('how far a run is', () => {
  let said: string[];
  let isTTY: boolean | undefined;
  beforeEach(() => {
    said = [];
    isTTY = process.stderr.isTTY;
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(said.push(String(text))));
  });
  afterEach(() => {
    jest.restoreAllMocks();
    Object.assign(process.stderr, { isTTY });
  });
  const on = (terminal: boolean) => Object.assign(process.stderr, { isTTY: terminal });

  it('is one line on a terminal, which draws itself anew and is gone in the end', () => {
    on(true);
    const progress = new RunProgress(() => 0);
    progress.show(passes(50));
    progress.show(passes(100));
    progress.end();
    expect(said).toEqual(['\r\u001b[2Kacme 1/9 reading passes ██████░░░░░░░░░░░░░░░░░░  25 % 50', '\r\u001b[2Kacme 1/9 reading passes ████████████░░░░░░░░░░░░  50 % 100', '\r\u001b[2K']);
  });

  it('is a line for every phase elsewhere, and one every ten seconds', () => {
    on(false);
    let now = 1_000_000;
    const progress = new RunProgress(() => now);
    for (const [after, run] of [[0, passes(10)], [9_999, passes(20)], [1, passes(30)], [0, runAt({ phase: 'deciding' })], [5_000, runAt({ phase: 'deciding' })]] as [number, Run][]) {
      now += after;
      progress.show(run);
    }
    progress.end();
    expect(said.map((line) => line.replaceAll(/[█░]/g, ''))).toEqual(['acme 1/9 reading passes    5 % 10\n', 'acme 1/9 reading passes   15 % 30\n', 'acme 3/9 deciding about what it found\n']);
  });

  it('says how much was found, and draws no bar where nobody knows how much there is', () => {
    on(false);
    new RunProgress(() => 20_000).show(runAt({ phase: 'missing', persons: { read: 7 }, found: { 'status-wrong': { count: 2, samples: [] }, 'token-stale': { count: 3, samples: [] } } }));
    expect(said).toEqual(['acme 6/9 looking for missing profiles 7, 5 found\n']);
  });
});

const withPlainSpaces = (estimate: Estimate) => estimateInWords(estimate).replaceAll('\u00a0', ' ');

it('what a run will take is said in one sentence of counts and times', () => {
  const words = withPlainSpaces({ passes: 1_000, profiles: 1_400, reading: { calls: { passes: 10, profiles: 14 }, leastMs: 3_001 }, writing: { events: 3_000, profiles: 1_400, tokens: 0, leastMs: 61_000 } });
  expect(words).toBe('1 000 passes at The Wallet Crew, about 1 400 profiles in Klaviyo; reading them takes 10 and 14 calls, at least 4 s. Were nothing known yet, up to 3 000 events and 1 400 profiles would be written, at least 2 min.');
  const withTokens = withPlainSpaces({ passes: 1_000_000, profiles: 0, reading: { calls: { passes: 10, profiles: 14 }, leastMs: 3_001 }, writing: { events: 3_000, profiles: 1_400, tokens: 1_000_000, leastMs: 40_000_000 } });
  expect(withTokens).toContain('up to 3 000 events and 1 400 profiles would be written and 1 000 000 tokens asked for, at least 12 h.');
  const one = withPlainSpaces({ passes: 1, profiles: 1, reading: { calls: { passes: 1, profiles: 1 }, leastMs: 1 }, writing: { events: 1, profiles: 1, tokens: 1, leastMs: 1 } });
  expect(one).toContain('1 pass at The Wallet Crew, about 1 profile in Klaviyo; reading them takes 1 and 1 call, at least 1 s. Were nothing known yet, up to 1 event and 1 profile would be written and 1 token asked for');
});
