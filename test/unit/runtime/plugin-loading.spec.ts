import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ConnectorError } from '#core';
import { builtInPlugins } from '#plugins';
import { buildConnector } from '../../support/connector-process.js';
import { PluginFiles } from '../../support/plugin-files.js';

let files: PluginFiles;
beforeAll(() => buildConnector(), 180_000);
beforeEach(() => (files = new PluginFiles()));
afterEach(() => files.remove());

async function problems(...args: Parameters<PluginFiles['load']>): Promise<string[]> {
  try {
    await files.load(...args);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    expect(error.code).toBe('SETTINGS_INVALID');
    return error.detail!.split('\n  ').slice(1);
  }
  return [];
}

const hook = 'acceptEvent: () => true';
const rules = `
  import { IsInt, IsString, Min, ValidateNested } from 'class-validator';
  import { Type } from 'class-transformer';
  const rule = (target, name, ...decorators) => decorators.forEach((decorate) => decorate(target.prototype, name));
  class Shop {}
  rule(Shop, 'city', IsString());
  class Rules { most = 3; }
  rule(Rules, 'most', IsInt(), Min(1));
  rule(Rules, 'token', IsString());
  rule(Rules, 'shops', ValidateNested({ each: true }), Type(() => Shop));
`;

describe('plugins are loaded', () => {
  it('from a file beside the configuration, in the order in which they stand', async () => {
    const plugins = await files.load([{ use: files.plugin('mapProfile: () => ({}), routeLists: () => []', { name: 'second-written-first' }), onError: 'hold' }, { use: files.plugin(hook, { name: 'other' }) }]);
    expect(plugins.installed('acme')).toEqual([
      { name: 'second-written-first', version: expect.stringMatching(/^file [\da-f]{12}$/), hooks: ['mapProfile', 'routeLists'], onError: 'hold' },
      { name: 'other', version: expect.stringMatching(/^file /), hooks: ['acceptEvent'], onError: 'skip' },
    ]);
    expect(plugins.installed('nobody')).toEqual([]);
  });

  it('from an npm package installed beside the configuration', async () => {
    files.write('node_modules/@acme/wallet-rules/package.json', JSON.stringify({ name: '@acme/wallet-rules', version: '4.5.6', type: 'module', exports: { import: './lib/index.js' } }));
    files.write('node_modules/@acme/wallet-rules/lib/index.js', `import { answer } from './answer.js';\nexport default { name: 'wallet-rules', api: 1, acceptEvent: () => answer };`);
    files.write('node_modules/@acme/wallet-rules/lib/answer.js', 'export const answer = true;');
    const plugins = await files.load([{ use: '@acme/wallet-rules' }]);
    expect(plugins.installed('acme')[0]).toMatchObject({ name: 'wallet-rules', version: '@acme/wallet-rules 4.5.6' });
    expect(await plugins.ask('acme', 'wallet-rules', 'acceptEvent', [{}])).toEqual([{ ok: true, value: true }]);
  });

  it('compiled by TypeScript to either kind of module, with `definePlugin` from the connector itself', async () => {
    const commonJs = files.write('common.cjs', `Object.defineProperty(exports, '__esModule', { value: true });\nconst { definePlugin } = require('wallet-crew-klaviyo-connector/plugin');\nexports.default = definePlugin({ name: 'common', api: 1, ${hook} });`);
    const module = files.write('module.mjs', `import { definePlugin, pluginApi } from 'wallet-crew-klaviyo-connector/plugin';\nexport default definePlugin({ name: 'module', api: pluginApi, ${hook} });`);
    const plugins = await files.load([{ use: commonJs }, { use: module }]);
    expect(plugins.installed('acme').map(({ name }) => name)).toEqual(['common', 'module']);
  });

  it('by the names of the built-in ones', async () => {
    const plugins = await files.load([
      { use: 'multi-list-routing', settings: { routes: [{ consent: 'consents_email', list: 'FR1', languages: ['fr'] }] } },
      { use: 'profile-mapper', settings: { attributes: { city: 'account.city' } } },
      { use: 'phone-numbers', settings: { otherwise: 'FR' } },
      { use: 'quiet-hours', settings: { zone: 'Europe/Paris', quiet: [{ from: '21:00', to: '08:00' }] } },
    ]);
    expect(plugins.installed('acme').map(({ name, hooks }) => [name, hooks])).toEqual([['multi-list-routing', ['routeLists']], ['profile-mapper', ['mapProfile']], ['phone-numbers', ['matchPerson']], ['quiet-hours', ['allowNotification']]]);
    const event = { kind: 'registered', name: 'x', at: 1, identifiers: { phone: '06 12 34 56 78' }, metadata: {}, answers: {}, attributes: {} };
    expect(await plugins.ask('acme', 'phone-numbers', 'matchPerson', [{ event, identifiers: {} }])).toEqual([{ ok: true, value: { phone: '+33612345678' } }]);
  });

  it('as docs/plugins.md shows them', async () => {
    const examples = [...readFileSync('docs/plugins.md', 'utf8').matchAll(/```yaml\n(- use: [^]*?)```/g)].flatMap(([, yaml]) => parse(yaml!) as unknown[]);
    expect((await files.load(examples)).installed('acme').map(({ name }) => name).toSorted()).toEqual([...builtInPlugins].toSorted());
  });

  it('once for all tenants that use them, each with settings of its own', async () => {
    const use = files.plugin('settings: Rules, acceptEvent: (_, { token, most }) => ({ skip: `${token} ${most}` })', { before: rules });
    const plugins = await files.load({ one: [{ use, settings: { token: 'a' } }], two: [{ use, settings: { token: 'b', most: 9 } }] });
    expect(await plugins.ask('one', 'sample', 'acceptEvent', [{}])).toEqual([{ ok: true, value: { skip: 'a 3' } }]);
    expect(await plugins.ask('two', 'sample', 'acceptEvent', [{}])).toEqual([{ ok: true, value: { skip: 'b 9' } }]);
  });
});

describe('the connector does not start', () => {
  it.each([
    ['a name nobody has', 'no-such-plugin'],
    ['a file that is not there', './nowhere.mjs'],
    ['a folder', './'],
    ['a path that leads nowhere', '../../nowhere/else.js'],
  ])('with %s', async (_what, use) => {
    expect(await problems([{ use }])).toEqual([expect.stringMatching(/^tenants\.acme\.plugins\[0\]\.use: PLUGIN_NOT_FOUND: /)]);
  });

  it.each([
    ['exports nothing', 'export const plugin = 1;'],
    ['exports a text', `export default 'plugin';`],
    ['is no JavaScript', 'this is no JavaScript'],
    ['throws while it is loaded', `throw new Error('not today');`],
    ['imports what is not installed', `import 'no-such-package'; export default {};`],
    ['has no hook', `export default { name: 'a', api: 1 };`],
    ['has no name', `export default { api: 1, ${hook} };`],
    ['has a name nobody can write down', `export default { name: 'a b', api: 1, ${hook} };`],
    ['has a hook that is no function', `export default { name: 'a', api: 1, ${hook}, mapProfile: {} };`],
    ['has settings that are no class', `export default { name: 'a', api: 1, settings: {}, ${hook} };`],
    ['ends its own process', `process.exit(0);`],
    ['needs more memory than it may while it is loaded', 'const all = []; while (true) all.push(new Array(1e6));'],
  ])('with a file that %s', async (_what, source) => {
    expect(await problems([{ use: files.write('plugin.mjs', source) }])).toEqual([expect.stringMatching(/^tenants\.acme\.plugins\[0\]\.use: PLUGIN_UNUSABLE: ./)]);
  });

  it('with a plugin that never finishes loading', async () => {
    expect(await problems([{ use: files.write('loop.mjs', 'while (true);') }], { loadMs: 500 })).toEqual([expect.stringContaining('PLUGIN_UNUSABLE: it could not be loaded: It was stopped after 500 ms.')]);
  });

  it.each(['', 'api: 2,', `api: '1',`])('with a plugin that says "%s" about its hooks', async (api) => {
    expect(await problems([{ use: files.write('plugin.mjs', `export default { name: 'a', ${api} ${hook} };`) }])).toEqual([expect.stringMatching(/\[0\]\.use: PLUGIN_API_UNSUPPORTED: /)]);
  });

  it('with a hook that does not exist, and says which do', async () => {
    const [problem] = await problems([{ use: files.plugin(`${hook}, mapProfil: () => ({})`) }]);
    expect(problem).toMatch(/PLUGIN_HOOK_UNKNOWN: there is no hook `mapProfil`; there are .*mapProfile/);
  });

  it('with two plugins of one name, but two tenants may have the same', async () => {
    const [one, other] = [files.plugin(hook), files.plugin(hook)];
    expect(await problems([{ use: one }, { use: other }])).toEqual([expect.stringMatching(/^tenants\.acme\.plugins\[1\]\.use: PLUGIN_NAME_TAKEN: /)]);
    expect(await problems({ one: [{ use: one }], two: [{ use: other }] })).toEqual([]);
  });

  it('with settings that break the plugin\'s own rules: each is listed by its path, and no value is shown', async () => {
    const use = files.plugin(`settings: Rules, ${hook}`, { before: rules });
    const found = await problems([{ use, settings: { most: 'TOP-SECRET-1', token: ['TOP-SECRET-2'], shops: [{ city: 'Paris' }, { city: 7, zip: 'TOP-SECRET-3' }], tokn: 'TOP-SECRET-4' } }]);
    const at = 'tenants.acme.plugins[0].settings';
    expect(new Set(found.map((problem) => problem.split(': PLUGIN_SETTINGS_INVALID: ')[0]))).toEqual(new Set([`${at}.most`, `${at}.token`, `${at}.shops[1].city`, `${at}.shops[1].zip`, `${at}.tokn`]));
    expect(found.join()).not.toContain('SECRET');
  });

  it('with a message of the plugin\'s own rules that would show a value', async () => {
    const use = files.plugin(`settings: Rules, ${hook}`, { before: `import { MinLength } from 'class-validator'; class Rules {} MinLength(99, { message: 'too short: $value' })(Rules.prototype, 'token');` });
    expect(await problems([{ use, settings: { token: 'TOP-SECRET' } }])).toEqual(['tenants.acme.plugins[0].settings.token: PLUGIN_SETTINGS_INVALID: breaks the rule minLength']);
  });

  it('with settings for a plugin that takes none', async () => {
    expect(await problems([{ use: files.plugin(hook), settings: { list: 'A' } }])).toEqual([expect.stringMatching(/\[0\]\.settings: PLUGIN_SETTINGS_INVALID: the plugin takes no settings$/)]);
  });

  it.each([
    ['multi-list-routing', { routes: [{ consent: 'a', list: 'L', when: { storeId: 5 } }] }, '.routes[0].when'],
    ['multi-list-routing', {}, '.routes'],
    ['profile-mapper', { attributes: { phone_number: 'account.phoneNumber' } }, '.attributes'],
    ['profile-mapper', { properties: { tier: 'loyaltyTier' } }, '.properties'],
    ['phone-numbers', { otherwise: 'France' }, '.otherwise'],
    ['phone-numbers', { from: 'account.phone' }, '.from'],
    ['quiet-hours', { quiet: [{ from: '9pm', to: '08:00' }], zone: 'Europe/Paris' }, '.quiet[0].from'],
    ['quiet-hours', { quiet: [{ from: '21:00', to: '08:00', days: ['someday'] }], zone: 'Europe/Paris' }, '.quiet[0].days'],
    ['quiet-hours', { quiet: [{ from: '21:00', to: '08:00' }], zone: 'Mars' }, '.zone'],
  ])('with settings %s cannot use: %j', async (use, settings, path) => {
    const found = await problems([{ use, settings }]);
    expect(found.length).toBeGreaterThan(0);
    for (const problem of found) expect(problem).toContain(`tenants.acme.plugins[0].settings${path}: PLUGIN_SETTINGS_INVALID`);
  });

  it('before it has named all problems of all tenants, each with its code', async () => {
    const good = files.plugin(hook);
    const found = await problems({ one: [{ use: 'no-such' }, { use: good }, { use: files.plugin(hook) }], two: [{ use: good, settings: { a: 1 } }, { use: files.plugin(`${hook}, mapp() {}`) }] });
    expect(found.map((problem) => problem.split(': ').slice(0, 2))).toEqual([
      ['tenants.one.plugins[0].use', 'PLUGIN_NOT_FOUND'],
      ['tenants.one.plugins[2].use', 'PLUGIN_NAME_TAKEN'],
      ['tenants.two.plugins[0].settings', 'PLUGIN_SETTINGS_INVALID'],
      ['tenants.two.plugins[1].use', 'PLUGIN_HOOK_UNKNOWN'],
    ]);
  });

  it('and nothing of a plugin has run in the connector\'s own process by then', async () => {
    await files.load([{ use: files.plugin(hook, { before: 'globalThis.wasHere = true; process.wasHere = true;' }) }]);
    expect(globalThis).not.toHaveProperty('wasHere');
    expect(process).not.toHaveProperty('wasHere');
  });
});
