import { type Access, isUnanswered, type MarketingSetup, segmentsOf, syncFlow } from '#core';
import { rules } from '../support/stories.js';

export interface SetupWorld {
  setup: MarketingSetup;
  /** The same account by a key that lacks `events:read` and `segments:write`. */
  narrow: MarketingSetup;
  /** It has these lists. */
  lists: [string, string];
  close(): Promise<void>;
}

const tenant = 'shop';
const recipes = segmentsOf(rules({ passKinds: { loyaltyCard: [], giftCard: [] } }));

/** What every place where things are set up must do. */
export function setupSuite(open: () => Promise<SetupWorld>): void {
  let world: SetupWorld;
  beforeEach(async () => void (world = await open()));
  afterEach(() => world.close());

  const states = (access: Awaited<ReturnType<MarketingSetup['access']>>) => Object.fromEntries((access as Access).scopes.map(({ name, state }) => [name, state]));

  it('says whose key it is and what the key may do, and claims nothing that only writing would prove', async () => {
    const access = await world.setup.access(tenant);
    expect(access).toMatchObject({ account: { id: expect.any(String) as unknown, isTest: true } });
    expect(states(access)).toMatchObject({ 'accounts:read': 'granted', 'events:read': 'granted', 'segments:read': 'granted', 'flows:read': 'granted', 'events:write': 'unproven', 'segments:write': 'unproven', 'flows:write': 'unproven' });
  });

  it('names the scope that a key lacks, as often as it is asked', async () => {
    for (let times = 0; times < 2; times++) expect(states(await world.narrow.access(tenant))).toMatchObject({ 'accounts:read': 'granted', 'events:read': 'missing', 'segments:read': 'granted' });
  });

  it('finds the lists that exist', async () => {
    const [one, other] = world.lists;
    expect(await world.setup.lists(tenant, [one, 'NONE01', other])).toMatchObject([{ id: one }, { id: other }]);
    expect(await world.setup.lists(tenant, ['NONE01'])).toEqual([]);
  });

  it('creates segments and finds them again by name, with their conditions', async () => {
    const ids: string[] = [];
    for (const recipe of recipes) {
      const created = await world.setup.createSegment(tenant, recipe);
      if (isUnanswered(created)) throw new Error(created.words);
      ids.push(created.id);
    }
    const found = await world.setup.segments(tenant, recipes.map(({ name }) => name));
    expect(found).toEqual(recipes.map(({ name, groups }, i) => ({ id: ids[i], name, groups })));
    expect(await world.setup.segments(tenant, ['Another'])).toEqual([]);
  });

  it('says why it creates nothing, and creates nothing', async () => {
    expect(await world.narrow.createSegment(tenant, recipes[0]!)).toMatchObject({ code: 'KLAVIYO_SCOPE_MISSING', words: expect.any(String) as unknown });
    expect(await world.setup.segments(tenant, [recipes[0]!.name])).toEqual([]);
  });

  it('creates a flow as a draft, and finds it by its name', async () => {
    const segment = await world.setup.createSegment(tenant, recipes.at(-1)!);
    const recipe = syncFlow(tenant, { url: 'https://connector.shop.example' });
    const created = await world.setup.createFlow(tenant, recipe, 'id' in segment ? segment.id : '');
    expect(created).toMatchObject({ name: recipe.name, status: 'draft' });
    expect(await world.setup.flows(tenant, recipe.name)).toEqual([created]);
    expect(await world.setup.flows(tenant, 'Another')).toEqual([]);
  });
}
