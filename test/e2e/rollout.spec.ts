import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildConnector } from '../support/connector-process.js';
import { PluginFiles } from '../support/plugin-files.js';
import { startWorld, tenant, until, type World } from '../support/running-connector.js';
import { operate } from '../support/webhooks.js';

const customers = { paris: 'ana.lopez@mail.example', nice: 'ben.klein@mail.example' };

describe('a plugin is rolled out in stages while the connector runs', () => {
  const files = new PluginFiles();
  const file = join(files.folder, 'rollout.yaml');
  let world: World;
  let hours = 100;

  beforeAll(async () => {
    buildConnector();
    const use = files.plugin(`mapProfile: ({ profile }) => ({ ...profile, properties: { ...profile.properties, favourite: 'espresso' } })`, { name: 'coffee' });
    world = await startWorld({ configFile: files.configFile, tenant: { plugins: [{ use, rollout: 'off' }] } });
  }, 200_000);
  afterAll(async () => {
    await world.stop();
    await files.remove();
  });

  const state = async () => (await operate(world.url, 'rollout')).json as { problem?: string; plugins: Record<string, unknown>[] };
  const metrics = async () => (await fetch(`${world.url}/metrics`)).text();
  /** Something new is heard of both customers, so that their profiles are written again. */
  const news = async () => {
    const at = new Date(Date.now() - hours-- * 3_600_000).toISOString();
    await world.tell(Object.entries(customers).map(([store, email]) => ({ kind: 'Pass:Updated', at, passId: `pass-${store}`, passType: 'loyalty', identifiers: { customerId: store, email }, metadata: { storeId: store, visits: 100 - hours } })));
    await world.quiet();
  };
  const rollTo = async (rollout: string, words: string) => {
    writeFileSync(file, `tenants: { ${tenant}: { coffee: ${rollout} } }`);
    await until(async () => (await state()).plugins[0]!['stage'] === words);
    await news();
  };
  const favourites = () => Object.values(customers).map((email) => world.klaviyo.profile({ email })?.properties['favourite']);

  it('off, in shadow, for a shop, for everybody, and off again', async () => {
    await news();
    expect(favourites()).toEqual([undefined, undefined]);
    expect(await state()).toMatchObject({ plugins: [{ name: 'coffee', version: expect.stringMatching(/^file /), hooks: ['mapProfile'], stage: 'off for everybody', from: 'configuration' }] });

    await rollTo('shadow', 'shadow for everybody');
    expect(favourites()).toEqual([undefined, undefined]);
    expect(await metrics()).toContain(`connector_plugin_answers_total{tenant="${tenant}",plugin="coffee",hook="mapProfile",outcome="shadow-differs"} 2`);

    await rollTo('{ cohort: { metadata.storeId: [paris] }, shadow: true }', 'on for everybody with metadata.storeId paris; shadow for the rest');
    expect(favourites()).toEqual(['espresso', undefined]);

    await rollTo('on', 'on for everybody');
    expect(favourites()).toEqual(['espresso', 'espresso']);

    rmSync(file);
    await until(async () => (await state()).problem !== undefined);
    expect((await state()).plugins).toMatchObject([{ stage: 'on for everybody', from: 'rollout file', answers: { on: expect.any(Number), off: expect.any(Number), shadow: expect.any(Number) } }]);

    await rollTo('off', 'off for everybody');
    const before = await metrics();
    await news();
    expect((await metrics()).match(/connector_plugin_answers_total.*/g)).toEqual(before.match(/connector_plugin_answers_total.*/g));
  }, 100_000);
});
