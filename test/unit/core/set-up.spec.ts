import { segmentsOf, SetUp, type SetUpWish, type Unanswered } from '#core';
import { MemoryAccount, MemoryMarketingSetup, MemoryWalletSetup } from '../../support/memory-setup.js';
import { rules } from '../../support/stories.js';
import { ManualClock } from '../../support/system-fakes.js';

const url = 'https://connector.shop.example';
const hook = { endpoint: `${url}/api/acme/webhooks/listeners/wallet-crew`, events: ['*'], enabled: true, hasOurSecret: true };

function world({ lacks = [] as string[], hooks = [hook] as MemoryWalletSetup['hooks'] } = {}) {
  const account = new MemoryAccount();
  account.lists.push({ id: 'NEWS', name: 'Newsletter', optIn: 'single' });
  const run = (wish: Partial<SetUpWish> = {}, missing = lacks) => new SetUp(new MemoryMarketingSetup(account, missing), new MemoryWalletSetup(['loyalty'], hooks), new ManualClock()).run({ rules: rules(), creates: false, url, ...wish });
  return { account, run };
}
const recipes = segmentsOf(rules());

describe('setting a tenant up', () => {
  it('creates nothing unless it is told to, and what it offers is not missed', async () => {
    const { account, run } = world();
    const report = await run();
    expect(report.isGood).toBe(true);
    expect([...report.segments, report.flow].every(({ state }) => state === 'absent')).toBe(true);
    expect([account.segments, account.flows]).toEqual([[], []]);
  });

  it('creates segments and flow once, whatever was there before', async () => {
    const { account, run } = world();
    account.segments.push({ id: 'OLD', name: recipes[1]!.name, groups: recipes[1]!.groups });
    const told: string[] = [];
    const first = await run({ creates: true, flowKey: 'a-key-of-flows', progress: (done, total) => told.push(`${done}/${total}`) });
    expect(first.segments.map(({ state }) => state)).toEqual(recipes.map((_, i) => (i === 1 ? 'there' : 'created')));
    expect(told).toHaveLength(recipes.length - 1);
    expect(account.flows).toMatchObject([{ status: 'draft', segmentId: first.segments.at(-1)!.id, recipe: { webhook: { headers: { 'X-API-KEY': 'a-key-of-flows' } } } }]);
    expect(JSON.stringify(first)).not.toContain('a-key-of-flows');

    const second = await run({ creates: true, flowKey: 'a-key-of-flows' });
    expect([...second.segments, second.flow].every(({ state }) => state === 'there')).toBe(true);
    expect([account.segments.length, account.flows.length]).toEqual([recipes.length, 1]);
  });

  it('leaves the key of The Wallet Crew itself to people', async () => {
    const { account, run } = world();
    const { flow } = await run({ creates: true });
    expect(account.flows[0]!.recipe.webhook.headers).toEqual({ 'X-API-KEY': '<flowKey>' });
    expect(flow.words).toMatch(/placeholder/);
  });

  it('touches no segment that has the name and other conditions, and says so', async () => {
    const { account, run } = world();
    account.segments.push({ id: 'OTHER', name: recipes.at(-1)!.name });
    const report = await run({ creates: true });
    expect(report.segments.at(-1)).toMatchObject({ state: 'differs', id: 'OTHER' });
    // A flow on it would call for other people than its name says.
    expect(report.flow).toMatchObject({ state: 'refused', words: expect.stringContaining('not synced yet') as unknown });
    expect([report.isGood, account.flows]).toEqual([false, []]);
  });

  it('creates no flow without knowing where it leads', async () => {
    const { account, run } = world();
    const report = await new SetUp(new MemoryMarketingSetup(account), new MemoryWalletSetup(), new ManualClock()).run({ rules: rules(), creates: true });
    expect(report.flow).toMatchObject({ state: 'refused', words: expect.stringContaining('--url') as unknown });
    expect(account.segments).toHaveLength(recipes.length);
    expect((await run({ creates: true })).flow.state).toBe('created');
  });

  it('creates nothing where it cannot see what is there: it might be there twice', async () => {
    const { account, run } = world({ lacks: ['segments:read', 'flows:read'] });
    expect((await run()).segments.every(({ state }) => state === 'unknown')).toBe(true);
    const report = await run({ creates: true });
    expect([...report.segments, report.flow].every(({ state }) => state === 'refused')).toBe(true);
    expect(report.isGood).toBe(false);
    expect([account.segments, account.flows]).toEqual([[], []]);
  });

  it('says what is wrong with every call once', async () => {
    const refused: Unanswered = { code: 'WALLET_CREW_KEY_REFUSED', words: '401' };
    const wallet = new MemoryWalletSetup([], refused);
    wallet.passTypes = async () => refused;
    const { findings, isGood } = await new SetUp(new MemoryMarketingSetup(world().account), wallet, new ManualClock()).run({ rules: rules(), creates: false });
    expect([findings.filter(({ at }) => at === 'wallet-crew').length, isGood]).toEqual([1, false]);
  });

  it('ends well only where nothing is missing', async () => {
    expect((await world({ hooks: [] }).run()).isGood).toBe(false);
    expect((await world({ lacks: ['events:read'] }).run()).isGood).toBe(false);
    expect((await world({ lacks: ['flows:read'] }).run()).isGood).toBe(true);
  });
});
