import { parts } from '#core';
import { readArguments } from '../../../apps/reconciler/src/arguments.js';

const now = Date.UTC(2026, 10, 27, 12);

/** Of a run that is to begin. */
const asked = (args: string[]) => readArguments(args, now)!;

describe('the reconcile command', () => {
  it('tells how it is called to whoever asks, and begins no run', () => expect(readArguments(['--once', '--help'], now)).toBeUndefined());

  it('without anything stays and runs every tenant by its schedule', () => {
    expect(readArguments([], now)).toEqual({ once: false, json: false, options: { dryRun: false, only: parts } });
    expect(readArguments(['--once', '--tenant', 'acme', '--json'], now)).toMatchObject({ once: true, tenant: 'acme', json: true });
  });

  it('runs once, over everything, and repairs', () => {
    expect(readArguments(['--once'], now)).toEqual({ once: true, json: false, options: { dryRun: false, only: parts } });
    expect(asked(['--once', '--dry-run', '--believe-absences']).options).toEqual({ dryRun: true, only: parts, believeAbsences: true });
  });

  it.each([
    ['30m', Date.UTC(2026, 10, 27, 11, 30)],
    ['12h', Date.UTC(2026, 10, 27)],
    ['7d', Date.UTC(2026, 10, 20, 12)],
    ['2w', Date.UTC(2026, 10, 13, 12)],
    ['2026-03-01', Date.UTC(2026, 2, 1)],
    ['2026-11-27T11:00:00+01:00', Date.UTC(2026, 10, 27, 10)],
  ])('--since %s begins at the time that is meant', (since, at) => {
    expect(asked(['--once', '--since', since]).options.since).toBe(at);
  });

  it.each([
    [['--only', 'tokens'], ['tokens']],
    [['--only', 'consent,status'], ['status', 'consent']],
    [['--only', 'consent', '--only', 'tokens', '--only', 'consent'], ['tokens', 'consent']],
  ])('%j looks at %j', (given, only) => {
    expect(asked(['--once', ...given]).options.only).toEqual(only);
  });

  it.each([
    [['--once', '--since', 'soon'], '--since soon is no time in the past'],
    [['--once', '--since', '0d'], '--since 0d is no time in the past'],
    [['--once', '--since', '99999999d'], '--since 99999999d is no time in the past'],
    [['--once', '--since', '7'], '--since 7 is no time in the past'],
    [['--once', '--since', '2027-01-01'], '--since 2027-01-01 is no time in the past'],
    [['--once', '--only', 'passes'], '--only passes: there are status, tokens, consent'],
    [['--once', '--only', ''], '--only : there are'],
    [['--once', '--tenant'], '--tenant'],
    [['--once', '--tenant', 'acme', '--tenant', 'bad'], '--tenant is given twice'],
    [['--once', '--since', '7d', '--since=1d'], '--since is given twice'],
    [['--once', '--once'], '--once is given twice'],
    [['--once', '--dry'], "Unknown option '--dry'"],
    [['acme'], 'Unexpected argument'],
    [['--dry-run'], 'belong to --once'],
    [['--since', '7d'], 'belong to --once'],
    [['--only', 'tokens'], 'belong to --once'],
    [['--believe-absences'], 'belong to --once'],
    [['--tenant', 'acme'], 'belong to --once'],
    [['--json'], 'belong to --once'],
  ])('%j is refused before anything is opened, and how it is used is said', (given, words) => {
    const refused = () => readArguments(given, now);
    expect(refused).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID', message: expect.stringContaining(words) }));
    expect(refused).toThrow('npm run reconcile -- [--once]');
  });
});
