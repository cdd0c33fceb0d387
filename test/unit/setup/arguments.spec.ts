import { readArguments } from '../../../apps/setup/src/arguments.js';

describe('the setup command', () => {
  it('takes a tenant, and looks only unless it is told to create', () => {
    expect(readArguments(['acme'])).toEqual({ tenant: 'acme', apply: false, json: false });
    expect(readArguments(['--apply', 'acme', '--url', 'https://connector.shop.example/', '--json'])).toEqual({ tenant: 'acme', apply: true, json: true, url: 'https://connector.shop.example' });
  });

  it('tells how it is called to whoever asks', () => expect(readArguments(['--help'])).toBeUndefined());

  it.each([
    [[], 'exactly one tenant is needed'],
    [['acme', 'other'], 'exactly one tenant is needed'],
    [['acme', '--url', 'http://connector.shop.example'], '--url must be an https address'],
    [['acme', '--url', 'connector.shop.example'], '--url must be an https address'],
    [['acme', '--url', 'https://connector.shop.example?key=x'], '--url must be an https address'],
    [['acme', '--url', 'https://a.example', '--url', 'https://b.example'], '--url is given twice'],
    [['acme', '--aply'], "Unknown option '--aply'"],
  ])('%j is refused, and how it is used is said', (given, words) => {
    expect(() => readArguments(given)).toThrow(words);
    expect(() => readArguments(given)).toThrow('npm run setup -- <tenant>');
  });
});
