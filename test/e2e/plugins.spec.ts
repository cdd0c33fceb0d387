import { buildConnector } from '../support/connector-process.js';
import { PluginFiles } from '../support/plugin-files.js';
import { keys, lists, startWorld, tenant, type World } from '../support/running-connector.js';
import { operate } from '../support/webhooks.js';

/** What each customer's pass says decides which plugin misbehaves. */
const plugins = (files: PluginFiles) => [
  { use: 'multi-list-routing', settings: { routes: [{ consent: 'consents_email', list: 'PARIS1', when: { 'metadata.storeId': [12] } }] } },
  { use: files.plugin('routeLists: ({ lists }) => [...lists, { consent: "consents_email", list: "PARIS1" }, { consent: "consents_sms", list: "SMS001" }]', { name: 'greedy' }) },
  { use: files.plugin('mapProfile: ({ person, profile }) => { while (person.metadata.trap === "loop"); return profile; }', { name: 'hangs' }) },
  { use: files.plugin('mapProfile: ({ person, profile }) => { const all = []; while (person.metadata.trap === "memory") all.push(new Array(1e6)); return profile; }', { name: 'hungry' }), timeoutMs: 10_000 },
  { use: files.plugin('mapProfile: ({ person, profile }) => { if (person.metadata.trap === "throw") throw new Error(person.email); return { ...profile, properties: { ...profile.properties, strict: "passed" } }; }', { name: 'strict' }), onError: 'hold' },
];

describe('a connector with plugins that go wrong', () => {
  const files = new PluginFiles();
  let world: World;

  beforeAll(async () => {
    buildConnector();
    const accountLists = [...Object.values(lists), 'PARIS1'].map((id) => ({ id, name: id }));
    world = await startWorld({ configFile: files.configFile, klaviyo: { accounts: { [keys.klaviyo]: { lists: accountLists } } }, tenant: { plugins: plugins(files) } });
  }, 200_000);
  afterAll(async () => {
    await world.stop();
    await files.remove();
  });

  const registers = async (name: string, metadata: Record<string, string | number>, account: object = {}) => {
    const email = `${name}@mail.example`;
    await world.tell([{ kind: 'Customer:Registered', at: new Date().toISOString(), identifiers: { customerId: name, email }, metadata, account: { email, ...account } }]);
    await world.quiet();
    return world.klaviyo.profile({ email });
  };
  const parked = async () => (await operate(world.url, 'parked')).json as unknown as { id: string; what: string; code: string }[];

  it('routes a consent to the list of the store, and nobody who gave none', async () => {
    const yes = await registers('yes', { storeId: 12 }, { consents_email: true });
    const no = await registers('no', { storeId: 12 }, { consents_email: false });
    expect(yes!.lists.map(({ id }) => id)).toEqual(['PARIS1']);
    expect(yes!.subscriptions.sms.consent).toBe('NEVER_SUBSCRIBED');
    expect(no!.lists).toEqual([]);
    expect(no!.subscriptions.email.consent).toBe('NEVER_SUBSCRIBED');
  });

  it.each(['loop', 'memory'])('goes on without one that fails by %s; the others have their say', async (trap) => {
    expect(await registers(trap, { trap })).toMatchObject({ properties: { 'strict': 'passed', 'neostore.wallet.Any': 'NotInstalled' } });
  });

  it('parks what one that must not be passed over fails at, and says nothing personal about it', async () => {
    expect(await registers('throw', { trap: 'throw' })).toBeUndefined();
    const [item, ...others] = await parked();
    expect(others).toEqual([]);
    expect(item).toMatchObject({ what: 'delivery', code: 'PLUGIN_FAILED' });
    const { notes } = (await operate(world.url, `deliveries/${item!.id}`)).json as { notes: { by: string; says: string }[] };
    expect(notes).toContainEqual({ by: 'plugin strict', says: expect.stringMatching(/^mapProfile: It threw Error at plugin-\d\.mjs:2\.$/), code: 'PLUGIN_FAILED' });
    expect(JSON.stringify(notes) + world.logs.join('')).not.toContain('throw@mail.example');
  });

  it('is alive and well after all that', async () => {
    expect((await fetch(`${world.url}/health/ready`)).status).toBe(200);
    expect(await registers('after', {})).toMatchObject({ properties: { strict: 'passed' } });
    expect(await (await fetch(`${world.url}/metrics`)).text()).toMatch(new RegExp(`connector_plugin_deaths_total\\{tenant="${tenant}",plugin="hangs",code="PLUGIN_TOO_SLOW"\\} 1`));
  });
});
