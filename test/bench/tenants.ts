import { setTimeout as wait } from 'node:timers/promises';
import { startKlaviyo, type KlaviyoEmulator } from '#emulators';
import type { Bench } from './bench.ts';
import { rush } from './load.ts';
import { startConnector, type Running } from './processes.ts';
import { expect, quantile, report, round, tell } from './report.ts';
import { klaviyoKey, newcomer, requestsFor, tenantSettings, writeSettings } from './tenant.ts';

const tenants = ['calm', 'noisy', 'broken'] as const;
type Tenant = (typeof tenants)[number];
const keyOf = (tenant: Tenant) => `${klaviyoKey}_${tenant}`;
const hookOf = (tenant: Tenant) => `/api/${tenant}/webhooks/listeners/wallet-crew`;
/** A neighbour may take its share of the cores; it may not make others wait for its own troubles. */
const mostWithBroken = 1.5;
const mostWithNoisy = 5;

/**
 * Whether one tenant slows another: a calm tenant's webhooks are followed to Klaviyo while it is alone, while the Klaviyo account of another
 * hangs, and while a third sends more than can be worked off.
 */
export const tenantsBench: Bench = async ({ server, quick }) => {
  const webhooks = quick ? 20 : 80;
  const database = await server.fresh();
  const accounts = Object.fromEntries(tenants.map((tenant) => [keyOf(tenant), { id: tenant, lists: [{ id: 'NEWS01', name: 'Newsletter' }] }]));
  const klaviyo = await startKlaviyo({ accounts, keepRequests: 200_000 });
  const hanging = await startKlaviyo({ accounts });
  hanging.faults.set([{ kind: 'hang' }]);
  const [, settings] = Object.entries(tenantSettings(klaviyo.url).tenants)[0]!;
  const own = (tenant: Tenant) => ({ ...settings, klaviyo: { ...settings.klaviyo, apiKey: keyOf(tenant), baseUrl: tenant === 'broken' ? hanging.url : klaviyo.url } });
  const ours = await startConnector({ databaseUrl: database.url, configFile: writeSettings({ tenants: Object.fromEntries(tenants.map((tenant) => [tenant, own(tenant)])) }), workers: true });

  await follow(ours, klaviyo, 5);
  tell(`tenants: ${webhooks} webhooks of a calm tenant, alone`);
  const alone = await follow(ours, klaviyo, webhooks);
  tell('tenants: … while the Klaviyo account of another hangs');
  const troubled = requestsFor(ours.url, 500, hookOf('broken'));
  await rush(ours.url, troubled, 8, 60);
  const withBroken = await follow(ours, klaviyo, webhooks);
  tell('tenants: … and a third sends all it can');
  const backlog = requestsFor(ours.url, quick ? 5_000 : 60_000, hookOf('noisy'));
  const noise = rush(ours.url, backlog, 16, 600);
  const withNoisy = await follow(ours, klaviyo, webhooks);
  const { answered, perSecond } = await noise;

  const ratio = (to: Followed) => round(to.p50Ms / alone.p50Ms, 2);
  report('tenants', { alone: alone.p50Ms, aloneP99Ms: alone.p99Ms, withBroken: withBroken.p50Ms, withBrokenP99Ms: withBroken.p99Ms, withNoisy: withNoisy.p50Ms, withNoisyP99Ms: withNoisy.p99Ms, ratioBroken: ratio(withBroken), ratioNoisy: ratio(withNoisy), noisyWebhooks: answered, noisyPerSecond: perSecond });
  if (!quick) {
    expect(ratio(withBroken) <= mostWithBroken, `tenants: beside a broken tenant ${ratio(withBroken)} times as long, at most ${mostWithBroken}`);
    expect(ratio(withNoisy) <= mostWithNoisy, `tenants: beside a noisy tenant ${ratio(withNoisy)} times as long, at most ${mostWithNoisy}`);
  }
  await ours.stop();
  await klaviyo.close();
  await hanging.close();
  await database.drop();
};

interface Followed {
  p50Ms: number;
  p99Ms: number;
}

/** From each webhook of the calm tenant until Klaviyo has its event. */
async function follow(ours: Running, klaviyo: KlaviyoEmulator, webhooks: number): Promise<Followed> {
  const times: number[] = [];
  const arrived = () => klaviyo.requests('create_event').filter(({ account }) => account === 'calm');
  for (let n = 0; n < webhooks; n++) {
    const before = arrived().length;
    const { body, signature } = newcomer();
    const sent = Date.now();
    const response = await fetch(`${ours.url}${hookOf('calm')}`, { method: 'POST', body, headers: { 'content-type': 'application/json', 'x-neostore-signature': signature } });
    if (response.status !== 202) throw new Error(`A webhook was answered ${response.status}.`);
    while (arrived().length <= before) {
      if (Date.now() - sent > 60_000) throw new Error('An event did not come to Klaviyo within 60 s.');
      await wait(5);
    }
    times.push(arrived()[before]!.at - sent);
    await wait(60);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { p50Ms: round(quantile(sorted, 0.5)), p99Ms: round(quantile(sorted, 0.99)) };
}
