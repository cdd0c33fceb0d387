import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { StoryEvent } from '#emulators';
import { buildConnector } from '../support/connector-process.js';
import { inDatabase } from '../support/database.js';
import { PluginFiles } from '../support/plugin-files.js';
import { configFor, lists, startWorld, tenant, type World } from '../support/running-connector.js';

const hourMs = 3_600_000;
const at = (hoursAgo: number) => new Date(Date.now() - hoursAgo * hourMs).toISOString();
const emails = ['ana.lopez@mail.example', 'ben.klein@mail.example', 'chloe.petit@mail.example'];
const story = emails.flatMap((email, i): StoryEvent[] => {
  const about = { identifiers: { customerId: `C-${i}`, email } };
  const pass = { ...about, passId: `pass-of-C-${i}`, passType: 'loyalty' };
  return [
    { kind: 'Customer:Upserted', at: at(5), ...about, account: { email, firstName: 'Ana', consents_email: i < 2 } },
    { kind: 'Pass:Created', at: at(4), ...pass, metadata: { storeId: 'Paris' } },
    { kind: 'Pass:Installed', at: at(3), ...pass, device: 'apple' },
  ];
});

describe('what a plugin would have changed is found out from what happened', () => {
  const files = new PluginFiles();
  let world: World;

  beforeAll(async () => {
    buildConnector();
    const coffee = files.plugin(`mapProfile: ({ profile }) => ({ ...profile, properties: { ...profile.properties, favourite: 'espresso' } })`, { name: 'coffee' });
    const tea = files.plugin(`mapProfile: ({ profile }) => ({ ...profile, properties: { ...profile.properties, tea: true } })`, { name: 'tea' });
    const plugins = [{ use: coffee, rollout: 'off' }, { use: tea }];
    world = await startWorld({ configFile: files.configFile, tenant: { plugins } });
    writeFileSync(files.configFile, stringify(configFor(world.klaviyo.url, world.walletCrew.url, { tenant: { plugins } })));
    await world.tell(story);
    await world.quiet();
  }, 200_000);
  afterAll(async () => {
    await world?.stop();
    await files.remove();
  });

  function replay(...given: string[]) {
    const main = join(import.meta.dirname, '../../dist/apps/replay/src/main.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...given], { cwd: files.folder, encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', CONFIG_FILE: files.configFile, DATABASE_URL: world.databaseUrl } });
    return { status, stdout, stderr };
  }
  function json(...given: string[]) {
    const { stdout, stderr } = replay('--json', ...given);
    if (stderr !== '') throw new Error(stderr);
    return JSON.parse(stdout) as { with: object; tenants: { deliveries: number; commands: { kind: string }[]; differences: { kind: string; what: string; count: number; deliveries: string[] }[] }[] };
  }

  it('turns on a plugin that is off, and compares with what is in force', () => {
    const { with: plugin, tenants } = json('--with', 'coffee', '--since', '7d');
    expect(plugin).toEqual({ name: 'coffee', version: expect.stringMatching(/^file /) });
    expect(tenants).toMatchObject([{ tenant, deliveries: story.length }]);
    const [{ commands, differences }] = tenants as [(typeof tenants)[number]];
    expect(commands.find(({ kind }) => kind === 'track')).toMatchObject({ before: 9, after: 9, changed: 0 });
    expect(commands.find(({ kind }) => kind === 'subscribe')).toMatchObject({ before: 2, after: 2, changed: 0 });
    expect(differences).toEqual([{ kind: 'upsert-profile', what: 'changed: property favourite', count: expect.any(Number), deliveries: expect.any(Array) }]);
    expect(differences[0]!.count).toBeGreaterThanOrEqual(emails.length);
  });

  it('reports in tables, shows nobody\'s data, and changes nothing anywhere', async () => {
    const everything = () => inDatabase(world.databaseUrl, `select (select json_agg(d order by d.id) from connector.delivery d) as d, (select json_agg(c order by c.id) from connector.command c) as c, (select json_agg(p order by p.id) from connector.person p) as p`);
    const asked = () => JSON.stringify([world.klaviyo.stats().operations, world.klaviyo.events({})]);
    const before = [await everything(), asked()];
    const { status, stdout, stderr } = replay('--with', 'coffee', '--diff');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(`${tenant}: ${story.length} deliveries`);
    expect(stdout).toMatch(/upsert-profile +changed: property favourite +\d+ +[\da-f-]{36}/);
    expect(stdout).not.toMatch(/mail\.example|Ana|C-\d|espresso/);
    expect([await everything(), asked()]).toEqual(before);
  });

  it('tries a file that no tenant has yet, with settings of its own', () => {
    writeFileSync(join(files.folder, 'vip.mjs'), `import { IsString } from 'class-validator';\nclass Rules {}\nIsString()(Rules.prototype, 'list');\nexport default { name: 'vip', api: 1, settings: Rules, routeLists: ({ lists }, { list }) => lists.map((route) => ({ ...route, list })) };`);
    expect(json('--with', './vip.mjs', '--settings', '{ list: VIP1 }').tenants[0]!.differences).toMatchObject([
      { kind: 'subscribe', what: 'added: list VIP1 by consents_email', count: 2 },
      { kind: 'subscribe', what: `removed: list ${lists.newsletter} by consents_email`, count: 2 },
    ]);
  });

  it('tries another version of a plugin in the place of the one that a tenant has', () => {
    writeFileSync(join(files.folder, 'tea-2.mjs'), `export default { name: 'tea', api: 1, mapProfile: ({ profile }) => ({ ...profile, properties: { ...profile.properties, tea: false } }), acceptEvent: ({ event }) => event.kind !== 'pass-created' || { skip: 'no passes' } };`);
    const found = json('--with', './tea-2.mjs').tenants[0]!.differences.map(({ kind, what, count }) => (kind === 'upsert-profile' ? `${kind}: ${what}` : `${kind}: ${what} ${count}`));
    expect(found).toEqual(expect.arrayContaining(['delivery: processed → ignored 3', 'track: removed: event Wallet Pass Created 3', 'upsert-profile: changed: property tea']));
  });

  it('tries a package in the version that is installed', () => {
    files.write('node_modules/@acme/cocoa/package.json', JSON.stringify({ name: '@acme/cocoa', version: '2.0.0', type: 'module', exports: './index.js' }));
    files.write('node_modules/@acme/cocoa/index.js', `export default { name: 'cocoa', api: 1, mapMetric: ({ metric }) => ({ ...metric, name: 'Cocoa' }) };`);
    const { with: plugin, tenants } = json('--with', '@acme/cocoa@2.0.0');
    expect(plugin).toEqual({ name: 'cocoa', version: '@acme/cocoa 2.0.0' });
    expect(tenants[0]!.differences).toMatchObject([{ kind: 'track', what: 'changed: name', count: 9 }]);
  });

  it('knows only what came since then', () => {
    const { tenants } = json('--with', 'coffee', '--since', new Date(Date.now() - 1).toISOString());
    expect(tenants).toMatchObject([{ deliveries: 0 }]);
  });

  it.each([
    [['--with', 'no-such-plugin'], /^PLUGIN_NOT_FOUND: /],
    [['--with', './nowhere.mjs'], /^PLUGIN_NOT_FOUND: /],
    [['--with', 'coffee', '--tenant', 'nobody'], /^TENANT_UNKNOWN: /],
    [['--with', './vip.mjs'], /\n {2}--with\.settings\.list: PLUGIN_SETTINGS_INVALID: /],
    [[], /--with is missing/],
  ])('%j is refused with a code and what to do', (given, words) => {
    const { status, stdout, stderr } = replay(...given);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(words);
  });
});
