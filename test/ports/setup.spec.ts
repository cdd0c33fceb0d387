import { isUnanswered } from '#core';
import { klaviyoLimits, startKlaviyo, startWalletCrew } from '#emulators';
import { KlaviyoAccounts, KlaviyoSetup } from '#klaviyo';
import { WalletCrewSettings, WalletCrewSetup } from '#wallet-crew';
import { MemoryAccount, MemoryMarketingSetup } from '../support/memory-setup.js';
import { MemoryPermits } from '../support/memory-permits.js';
import { GlassVault, KeptLog, KeptMeter, ManualClock, settingsFor } from '../unit/klaviyo/fakes.js';
import { setupSuite } from './setup.suite.js';

describe('setting up in memory, as tests do', () => {
  setupSuite(async () => {
    const account = new MemoryAccount();
    account.lists.push({ id: 'LIST01', name: 'Newsletter', optIn: 'single' }, { id: 'LIST02', name: 'Club', optIn: 'double' });
    return { setup: new MemoryMarketingSetup(account), narrow: new MemoryMarketingSetup(account, ['events:read', 'segments:write']), lists: ['LIST01', 'LIST02'], close: async () => undefined };
  });
});

const key = 'pk_secret0123456789';
const narrowKey = 'pk_narrow0123456789';

async function openKlaviyo() {
  const clock = new ManualClock();
  const account = { id: 'ACC001', lists: [{ id: 'LIST01', name: 'Newsletter' }, { id: 'LIST02', name: 'Club', opt_in_process: 'double_opt_in' as const }] };
  const scopes = [...new Set(Object.values(klaviyoLimits).flatMap((limit): readonly string[] => limit.scopes))].filter((scope) => scope !== 'events:read' && scope !== 'segments:write');
  const klaviyo = await startKlaviyo({ accounts: { [key]: account, [narrowKey]: { ...account, scopes } }, window: 'sliding', now: () => clock.now() });
  const permits = new MemoryPermits(clock);
  const log = new KeptLog();
  const setupBy = (apiKey: string) => new KlaviyoSetup(new KlaviyoAccounts({ settingsOf: () => settingsFor(klaviyo.url, { apiKey }), permits, vaultOf: () => new GlassVault(), clock, log, meter: new KeptMeter() }));
  const [setup, narrow] = [setupBy(key), setupBy(narrowKey)];
  const close = async () => {
    setup.close();
    narrow.close();
    await klaviyo.close();
  };
  return { klaviyo, clock, permits, log, setupBy, setup, narrow, lists: ['LIST01', 'LIST02'] as [string, string], close };
}

describe('setting up at the emulated Klaviyo', () => {
  setupSuite(openKlaviyo);

  it('never calls more often than Klaviyo allows, and holds up no connector for a scope that is missing', async () => {
    const { klaviyo, permits, narrow, close } = await openKlaviyo();
    for (let times = 0; times < 3; times++) await narrow.access('shop');
    expect(klaviyo.stats().throttled).toBe(0);
    expect(permits.open).toBe(0);
    expect(permits.history).toEqual([]);
    await close();
  });

  it('says of a list how one joins it', async () => {
    const { setup, lists, close } = await openKlaviyo();
    expect(await setup.lists('shop', lists)).toEqual([{ id: 'LIST01', name: 'Newsletter', optIn: 'single' }, { id: 'LIST02', name: 'Club', optIn: 'double' }]);
    await close();
  });

  it('asks no further with a key that is refused, and tells conditions of others from ours', async () => {
    const { klaviyo, setupBy, setup, close } = await openKlaviyo();
    const stranger = setupBy('pk_of_nobody012345');
    expect(await stranger.access('shop')).toMatchObject({ code: 'KLAVIYO_KEY_REFUSED' });
    expect(klaviyo.stats().requests).toBe(1);
    stranger.close();
    const conditions = [{ type: 'profile-region', in_region: true, region_id: 'united_states' }];
    await fetch(`${klaviyo.url}/api/segments`, {
      method: 'POST', headers: { authorization: `Klaviyo-API-Key ${key}`, revision: '2026-07-15', 'content-type': 'application/json' },
      body: JSON.stringify({ data: { type: 'segment', attributes: { name: 'Theirs', definition: { condition_groups: [{ conditions }] } } } }),
    });
    const found = await setup.segments('shop', ['Theirs']);
    expect(isUnanswered(found) ? found : found.map(({ name, groups }) => ({ name, groups }))).toEqual([{ name: 'Theirs', groups: undefined }]);
    await close();
  });
});

describe('looking at the emulated Wallet Crew', () => {
  const webhookSecret = 'secret-of-our-webhook';

  async function open(scopes: readonly string[], apiKey = 'wc_key_0123456789') {
    const walletCrew = await startWalletCrew({ tenants: { shop: { apiKeys: { wc_key_0123456789: scopes }, webhooks: [{ endpoint: 'https://a.example', signatureSecret: webhookSecret }, { endpoint: 'https://b.example', events: ['Pass:*'], enabled: false }] } } });
    walletCrew.hold(['loyalty', 'gift', 'loyalty'].map((passType, i) => ({ kind: 'Pass:Created', at: new Date(Date.UTC(2026, 0, 1 + i)).toISOString(), identifiers: { customerId: String(i) }, passId: `pass-${i}`, passType })));
    const settings = Object.assign(new WalletCrewSettings(), { baseUrl: walletCrew.url, apiKey, webhookSecret });
    const clock = new ManualClock();
    const permits = new MemoryPermits(clock);
    return { setup: new WalletCrewSetup({ settingsOf: () => settings, permits, clock, log: new KeptLog(), meter: new KeptMeter() }), permits, walletCrew };
  }

  it('finds the types of passes and the webhooks, and whose secret they have, in one call each', async () => {
    const { setup, walletCrew, permits } = await open(['Pass.Read', 'Webhook.Read']);
    expect(await setup.passTypes('shop')).toEqual({ types: ['gift', 'loyalty'], read: 3 });
    expect(await setup.webhooks('shop')).toEqual([
      { endpoint: 'https://a.example', events: ['*'], enabled: true, hasOurSecret: true },
      { endpoint: 'https://b.example', events: ['Pass:*'], enabled: false, hasOurSecret: false },
    ]);
    expect([walletCrew.stats().requests, permits.open]).toEqual([2, 0]);
    await walletCrew.close();
  });

  it('tells a key that may not ask about webhooks from one that is refused, and pauses nobody', async () => {
    const narrow = await open(['Pass.Read']);
    expect(await narrow.setup.webhooks('shop')).toBe('unknown');
    const wrong = await open(['*'], 'wc_of_nobody');
    for (let times = 0; times < 2; times++) expect(await wrong.setup.passTypes('shop')).toMatchObject({ code: 'WALLET_CREW_KEY_REFUSED' });
    expect(await wrong.setup.webhooks('shop')).toMatchObject({ code: 'WALLET_CREW_KEY_REFUSED' });
    expect([...narrow.permits.history, ...wrong.permits.history]).toEqual([]);
    await narrow.walletCrew.close();
    await wrong.walletCrew.close();
  });
});
