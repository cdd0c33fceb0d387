import { setTimeout as wait } from 'node:timers/promises';
import { startKlaviyo } from '#emulators';
import type { Bench } from './bench.ts';
import { startConnector } from './processes.ts';
import { quantile, report, round, tell } from './report.ts';
import { hookPath, klaviyoKey, newcomer, writeConfig } from './tenant.ts';

/** From the webhook's first byte until Klaviyo has answered the event, one at a time, with nothing else to do. */
export const latency: Bench = async ({ server, quick }) => {
  const database = await server.fresh();
  // In this process, which does nothing meanwhile: its log is read without asking over HTTP.
  const klaviyo = await startKlaviyo({ accounts: { [klaviyoKey]: { lists: [{ id: 'NEWS01', name: 'Newsletter' }] } } });
  const ours = await startConnector({ databaseUrl: database.url, configFile: writeConfig(klaviyo.url), workers: true });
  const webhooks = quick ? 30 : 100;
  tell(`latency: ${webhooks} webhooks, one at a time`);
  const times: number[] = [];
  const accepted: number[] = [];
  let firstMs = 0;
  for (let n = 0; n <= webhooks; n++) {
    const { body, signature } = newcomer();
    const sent = Date.now();
    const response = await fetch(`${ours.url}${hookPath}`, { method: 'POST', body, headers: { 'content-type': 'application/json', 'x-neostore-signature': signature } });
    const answered = Date.now();
    if (response.status !== 202) throw new Error(`A webhook was answered ${response.status}.`);
    while (klaviyo.requests('create_event').length <= n) {
      if (Date.now() - sent > 30_000) throw new Error('An event did not come to Klaviyo within 30 s.');
      await wait(2);
    }
    const took = klaviyo.requests('create_event')[n]!.at - sent;
    // The first one also loads the SDK.
    if (n === 0) firstMs = took;
    else {
      times.push(took);
      accepted.push(answered - sent);
    }
    await wait(60);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const taken = accepted.toSorted((a, b) => a - b);
  report('latency', {
    webhooks, p50Ms: round(quantile(sorted, 0.5)), p99Ms: round(quantile(sorted, 0.99)), firstMs,
    acceptP50Ms: quantile(taken, 0.5), acceptP99Ms: quantile(taken, 0.99), throttled: klaviyo.stats().throttled,
  });
  await ours.stop();
  await klaviyo.close();
  await database.drop();
};
