import { readArguments } from '../../../apps/replay/src/arguments.js';

const now = Date.UTC(2026, 8, 8, 12);

describe('the replay command', () => {
  it('tells how it is called to whoever asks', () => expect(readArguments(['--help'], now)).toBeUndefined());

  it.each([
    [[], Date.UTC(2026, 8, 1, 12)],
    [['--since', '12h'], Date.UTC(2026, 8, 8)],
    [['--since', '30m'], Date.UTC(2026, 8, 8, 11, 30)],
    [['--since', '2w'], Date.UTC(2026, 7, 25, 12)],
    [['--since', '2026-03-01'], Date.UTC(2026, 2, 1)],
  ])('with %j begins at the time that is meant', (since, at) => {
    expect(readArguments(['--with', 'offers', ...since], now)).toEqual({ with: 'offers', since: at, diff: false, json: false });
  });

  it('takes settings for the plugin as YAML', () => {
    expect(readArguments(['--with', 'offers', '--settings', '{ lists: { FR: X } }', '--tenant', 'acme', '--diff', '--json'], now)).toMatchObject({ settings: { lists: { FR: 'X' } }, tenant: 'acme', diff: true, json: true });
  });

  it.each([
    [[], '--with is missing'],
    [['--with', 'offers', '--since', 'soon'], '--since soon is no time in the past'],
    [['--with', 'offers', '--since', '2027-01-01'], '--since 2027-01-01 is no time in the past'],
    [['--with', 'offers', '--settings', '{bad'], '--settings must be a YAML map'],
    [['--with', 'offers', '--settings', 'hello'], '--settings must be a YAML map'],
    [['--with', 'offers', '--tenant', 'acme', '--tenant', 'bad'], '--tenant is given twice'],
    [['--with', 'offers', '--dif'], "Unknown option '--dif'"],
    [['offers'], 'Unexpected argument'],
  ])('%j is refused, and how it is used is said', (given, words) => {
    expect(() => readArguments(given, now)).toThrow(words);
    expect(() => readArguments(given, now)).toThrow('npm run replay -- --with <plugin>');
  });
});
