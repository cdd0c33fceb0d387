import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { klaviyoLimits, type StoryEvent } from '#emulators';
import { buildConnector } from '../support/connector-process.js';
import { PluginFiles } from '../support/plugin-files.js';
import { configFor, keys, lists, startWorld, tenant, type World } from '../support/running-connector.js';

const url = 'https://connector.shop.example';
const narrowKey = 'pk_narrow_0123456789abcdef';
const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * 60_000).toISOString();

const about = (name: string) => ({ identifiers: { customerId: `C-${name}`, email: `${name}@mail.example` } });
const pass = (name: string, passType = 'loyalty') => ({ ...about(name), passId: `pass-${passType}-${name}`, passType });
/** Ana has the card, Ben has removed it, Chloe never had one, Dora has a gift card alone. */
const day: StoryEvent[] = [
  ...['ana', 'ben', 'chloe', 'dora'].map((name): StoryEvent => ({ kind: 'Customer:Upserted', at: at(60), ...about(name), account: { email: `${name}@mail.example` } })),
  { kind: 'Pass:Installed', at: at(50), ...pass('ana'), device: 'apple' },
  { kind: 'Pass:Installed', at: at(50), ...pass('ben'), device: 'google' },
  { kind: 'Pass:Uninstalled', at: at(40), ...pass('ben'), device: 'google' },
  { kind: 'Pass:Created', at: at(50), ...pass('chloe') },
  { kind: 'Pass:Installed', at: at(50), ...pass('dora', 'gift-card'), device: 'apple' },
];

interface Printed {
  good: boolean;
  findings: { at: string; what: string; state: string; says: string; fix?: string }[];
  segments: { name: string; state: string; id?: string; request: object }[];
  flow: { state: string; id?: string; words?: string; request: object };
}

describe('npm run setup', () => {
  const files = new PluginFiles();
  let world: World;

  beforeAll(async () => {
    buildConnector();
    const fast = { burstPerSecond: 100, steadyPerMinute: 1000 };
    const account = { id: 'ACC001', lists: [{ id: lists.newsletter, name: 'Newsletter', opt_in_process: 'double_opt_in' as const }, { id: lists.sms, name: 'SMS' }] };
    const everything = [...new Set(Object.values(klaviyoLimits).flatMap(({ scopes }): readonly string[] => scopes))];
    world = await startWorld({
      klaviyo: {
        accounts: { [keys.klaviyo]: account, [narrowKey]: { ...account, scopes: everything.filter((scope) => scope !== 'events:read' && scope !== 'flows:read') } },
        // Fifteen a minute, as it is, would make this test take one.
        limits: { create_segment: { ...klaviyoLimits.create_segment, ...fast } },
      },
    });
    await world.tell(day);
    await world.quiet();
  }, 200_000);
  afterAll(async () => {
    await world?.stop();
    await files.remove();
  });

  async function setup(given: string[], { apiKey = keys.klaviyo, tenant: own = {} }: { apiKey?: string; tenant?: object } = {}): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const config = configFor(world.klaviyo.url, world.walletCrew.url, { klaviyoSettings: { apiKey }, tenant: { walletCrew: { baseUrl: world.walletCrew.url, apiKey: keys.walletCrew, flowKey: keys.walletCrew, webhookSecret: keys.webhookSecret }, ...own } });
    writeFileSync(files.configFile, stringify(config));
    const main = join(import.meta.dirname, '../../dist/apps/setup/src/main.js');
    const child = spawn(process.execPath, [main, ...given], { cwd: files.folder, env: { PATH: process.env['PATH'] ?? '', CONFIG_FILE: files.configFile, DATABASE_URL: world.databaseUrl } });
    const written = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => (written[name] += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    for (const secret of [keys.walletCrew, keys.webhookSecret, keys.klaviyo, narrowKey]) expect(written.stdout + written.stderr).not.toContain(secret);
    return { code, ...written };
  }

  async function json(given: string[], options?: Parameters<typeof setup>[1]): Promise<Printed & { code: number | null }> {
    const { code, stdout, stderr } = await setup([...given, '--json'], options);
    if (stderr !== '') throw new Error(stderr);
    return { code, ...(JSON.parse(stdout) as Printed) };
  }

  const stateOf = ({ findings }: Printed, what: string) => findings.find((finding) => finding.what === what)?.state;
  const created = () => ['create_segment', 'create_flow'].map((operation) => world.klaviyo.requests(operation).length);
  const members = (name: string) => world.klaviyo.segmentMembers(name).map(({ email }) => email?.split('@')[0]).sort();

  it('names the scope that a key lacks, the webhook that nobody made and the list that does not exist, and writes nothing', async () => {
    const printed = await json([tenant, '--url', url], { apiKey: narrowKey, tenant: { consents: { consents_sms: { channel: 'sms', listId: 'GONE01' } } } });
    expect(printed).toMatchObject({ code: 1, good: false });
    expect(printed.findings.filter(({ state }) => state === 'missing').map(({ what }) => what)).toEqual(['scope events:read', 'list GONE01', 'webhook']);
    expect(printed.findings.find(({ what }) => what === 'scope events:read')!.fix).toContain('events:read');
    expect(stateOf(printed, `list ${lists.newsletter}`)).toBe('good');
    // Nobody can tell without writing, and only this command needs flows:read.
    expect(['scope events:write', 'scope flows:read'].map((what) => stateOf(printed, what))).toEqual(['unproven', 'unproven']);
    expect(created()).toEqual([0, 0]);
  });

  it('asks the same again at once: that a scope is missing holds nobody up', async () => {
    const printed = await json([tenant], { apiKey: narrowKey });
    expect(stateOf(printed, 'scope events:read')).toBe('missing');
  });

  it('says that a key is refused, and nothing that would follow from it', async () => {
    const printed = await json([tenant], { apiKey: 'pk_of_nobody_0123456789' });
    expect(printed.code).toBe(1);
    expect(printed.findings.filter((finding) => finding.at === 'klaviyo')).toMatchObject([{ what: 'API key', state: 'missing', says: expect.stringMatching(/^KLAVIYO_KEY_REFUSED/) as unknown }]);
    expect(printed.segments.every(({ state }) => state === 'unknown')).toBe(true);
  });

  it('tells a key of The Wallet Crew that lacks a scope from one that is wrong, and whose keys are wrong', async () => {
    world.walletCrew.faults.set([{ kind: 'status', status: 403, operation: 'list_passes' }]);
    const lacking = await json([tenant]);
    expect(lacking.findings.filter((finding) => finding.at === 'wallet-crew' && finding.state === 'missing')[0]).toMatchObject({ what: 'scope Pass.Read', fix: expect.stringContaining('Pass.Read') as unknown });
    world.walletCrew.faults.set([{ kind: 'status', status: 401, operation: 'list_passes' }]);
    const { stdout } = await setup([tenant], { apiKey: 'pk_of_nobody_0123456789' });
    expect(stdout).toMatch(/lacks: Klaviyo API key, The Wallet Crew API key/);
    world.walletCrew.faults.set([]);
  });

  it('prints tables for people who build it by hand', async () => {
    world.walletCrew.subscribe({ endpoint: `${url}/api/${tenant}/webhooks/listeners/wallet-crew`, events: ['Customer:*', 'Pass:*'], signatureSecret: keys.webhookSecret });
    const { code, stdout, stderr } = await setup([tenant, '--url', url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/ACC001, a test account/);
    expect(stdout).toMatch(/metrics +with events: Wallet Registered, /);
    expect(stdout).toMatch(new RegExp(`✓ ${tenant}: nothing is missing\\.\\n$`));
    expect(stdout).toMatch(/Wallet loyaltyCard: not installed +not there yet .*neostore\.wallet\.loyaltyCard\.Any equals NotInstalled/);
    expect(stdout).toContain(`URL: ${url}/api/${tenant}/webhooks/listeners/klaviyo/profiles/sync`);
    expect(stdout).toContain('"profileId": "{{ person.KlaviyoID }}"');
    expect(created()).toEqual([0, 0]);
  });

  it('creates what is not there, once, and the flow as a draft', async () => {
    const first = await json([tenant, '--apply', '--url', url]);
    expect(first).toMatchObject({ code: 0, good: true, flow: { state: 'created', words: 'draft' } });
    expect(new Set(first.segments.map(({ state }) => state))).toEqual(new Set(['created']));
    expect(created()).toEqual([first.segments.length, 1]);
    expect(world.klaviyo.segments().map(({ name }) => name)).toEqual(first.segments.map(({ name }) => name));
    const [flow] = world.klaviyo.flows();
    expect(flow).toMatchObject({ status: 'draft', definition: { triggers: [{ type: 'segment', id: first.segments.at(-1)!.id }], actions: [{ type: 'send-webhook', data: { status: 'draft' } }] } });

    const second = await json([tenant, '--apply', '--url', url]);
    expect(second).toMatchObject({ code: 0, flow: { state: 'there', id: flow!.id } });
    expect(second.segments.map(({ id, state }) => ({ id, state }))).toEqual(first.segments.map(({ id }) => ({ id, state: 'there' })));
    expect(created()).toEqual([first.segments.length, 1]);
  });

  it('and the segments hold the right people after a day of wallet life', async () => {
    await fetch(`${world.klaviyo.url}/api/profile-import`, {
      method: 'POST', headers: { authorization: `Klaviyo-API-Key ${keys.klaviyo}`, revision: '2026-07-15', 'content-type': 'application/json' },
      body: JSON.stringify({ data: { type: 'profile', attributes: { email: 'emil@mail.example' } } }),
    });
    expect(Object.fromEntries(['Wallet', 'Wallet loyaltyCard', 'Wallet giftCard'].map((title) => [title, ['installed', 'uninstalled', 'not installed'].map((name) => members(`${title}: ${name}`))]))).toEqual({
      'Wallet': [['ana', 'dora'], ['ben'], ['chloe']],
      'Wallet loyaltyCard': [['ana'], ['ben'], ['chloe', 'dora']],
      'Wallet giftCard': [['dora'], [], ['ana', 'ben', 'chloe']],
    });
    expect(members('Wallet: not synced yet')).toEqual(['emil']);
    expect(members('Wallet: can be invited')).toEqual([]);
  });

  it('and the flow, set live, brings those who are not synced yet to where they belong', async () => {
    const { message } = world.klaviyo.flows()[0]!.definition.actions[0]!['data'] as { message: { url: string; headers: Record<string, string>; body: string } };
    const outcome = await world.klaviyo.sendFlowWebhook({ ...message, url: message.url.replace(url, world.url), profile: { email: 'emil@mail.example' } });
    expect(outcome).toMatchObject({ outcome: 'delivered', statuses: [202] });
    await world.quiet();
    expect(members('Wallet: not synced yet')).toEqual([]);
    expect(members('Wallet: not installed')).toEqual(['chloe', 'emil']);
  });

  it('refuses a tenant that is not configured before anything is asked', async () => {
    const { code, stdout, stderr } = await setup(['nobody']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^TENANT_UNKNOWN: /);
  });
});
