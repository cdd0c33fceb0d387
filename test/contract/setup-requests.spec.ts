import { type FlowRecipe, segmentsOf, syncFlow } from '#core';
import { asSent, flowQuery, KlaviyoAccounts, KlaviyoSetup, segmentQuery } from '#klaviyo';
import { rules } from '../support/stories.js';
import { adapter, answer, type Received, vendor } from '../unit/klaviyo/fakes.js';
import { conforming } from './support/conforming.js';
import { describeContract } from './support/openapi.js';

/** Answers as much as the adapter needs to go on. */
function reply({ method, path }: Received): [number, unknown?] {
  const type = path === '/api/segments' ? 'segment' : 'flow';
  if (method === 'POST') return [201, { data: { type, id: 'NEW001', attributes: { name: 'x', status: 'draft' } } }];
  return [200, { data: [], links: { next: null } }];
}

describeContract('Every request of the setup is one that Klaviyo documents', () => {
  let server: Awaited<ReturnType<typeof vendor>>;
  let setup: KlaviyoSetup;

  beforeEach(async () => {
    server = await vendor((request, response) => answer(response, ...reply(request)));
    const { settings, permits, clock, log, meter } = adapter(server.url);
    setup = new KlaviyoSetup(new KlaviyoAccounts({ settingsOf: () => settings, permits, vaultOf: () => ({}) as never, clock, log, meter }));
  });
  afterEach(async () => {
    setup.close();
    await server.close();
  });

  test('for finding out what the key may do: one small read for each scope that has one', async () => {
    await setup.access('shop');
    const asked = ['get_accounts', 'get_events', 'get_metrics', 'get_profiles', 'get_lists', 'get_segments', 'get_flows'];
    for (const operationId of asked) conforming(server.received, operationId);
    expect(server.received).toHaveLength(asked.length);
    expect(server.received.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('for what is there already, by exact names', async () => {
    await setup.lists('shop', ['NEWS01', 'SMS001']);
    await setup.segments('shop', ['Wallet: installed', 'It"s']);
    await setup.flows('shop', 'Wallet: sync profiles');
    await setup.metrics('shop');
    expect(conforming(server.received, 'get_lists')[0]!.query.get('filter')).toBe('any(id,["NEWS01","SMS001"])');
    expect(conforming(server.received, 'get_segments')[0]!.query.get('filter')).toBe('any(name,["Wallet: installed","It\\"s"])');
    expect(conforming(server.received, 'get_flows')[0]!.query.get('filter')).toBe('equals(name,"Wallet: sync profiles")');
    conforming(server.received, 'get_metrics');
  });

  test('for segments, and what is printed is what is sent', async () => {
    const recipes = segmentsOf(rules());
    for (const recipe of recipes) expect(await setup.createSegment('shop', recipe)).toMatchObject({ id: 'NEW001' });
    expect(conforming(server.received, 'create_segment', recipes.length).map(({ body }) => body)).toEqual(recipes.map((recipe) => asSent(segmentQuery(recipe))));
  });

  test('for the flow, whose only step is a draft with our webhook', async () => {
    const recipe: FlowRecipe = syncFlow('acme', { url: 'https://connector.shop.example', key: 'a-key-of-flows' });
    expect(await setup.createFlow('shop', recipe, 'SEGM01')).toEqual({ id: 'NEW001', name: 'x', status: 'draft' });
    const [{ body }] = conforming(server.received, 'create_flow') as [Received];
    expect(body).toEqual(asSent(flowQuery(recipe, 'SEGM01')));
    expect(body).toMatchObject({
      data: {
        attributes: {
          definition: {
            triggers: [{ type: 'segment', id: 'SEGM01' }],
            actions: [{ type: 'send-webhook', data: { status: 'draft', message: { url: 'https://connector.shop.example/api/acme/webhooks/listeners/klaviyo/profiles/sync', headers: { 'X-API-KEY': 'a-key-of-flows' } } } }],
          },
        },
      },
    });
  });
});
