import { readArguments } from '../../../apps/explain/src/arguments.js';

describe('the arguments of explain', () => {
  it('are a tenant and whoever is meant', () => expect(readArguments(['acme', 'ana@mail.example'])).toEqual({ tenant: 'acme', who: 'ana@mail.example', json: false }));
  it('may be a phone number as people type it', () => expect(readArguments(['acme', '+33', '6', '12', '34', '56', '78', '--json'])).toEqual({ tenant: 'acme', who: '+33 6 12 34 56 78', json: true }));
  it('may ask for the usage', () => expect(readArguments(['--help'])).toBeUndefined());

  it.each([
    ['nothing', [], 'no tenant is named'],
    ['no person', ['acme'], 'nobody is named'],
    ['an option that does not exist', ['acme', 'x', '--yaml'], '--yaml'],
    ['an option given twice', ['acme', 'x', '--json', '--json'], '--json is given twice'],
  ])('with %s are refused, with the usage', (_what, given, words) => {
    expect(() => readArguments(given)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID', message: expect.stringContaining(words) }));
    expect(() => readArguments(given)).toThrow('npm run explain');
  });
});
