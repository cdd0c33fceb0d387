import { setTimeout as wait } from 'node:timers/promises';
import { klaviyoLimits, type Stats } from '#emulators';
import type { Bench } from './bench.ts';
import { rush } from './load.ts';
import { startConnector, startHelper, type Running } from './processes.ts';
import { expect, report, round, tell } from './report.ts';
import { syncRequests, tenantSettings, walletCrewKey, writeSettings } from './tenant.ts';
import { askVendor, earliestMs } from './vendor.ts';

const mostOverMinimum = 1.2;
/** A look-up asks for the passes and for the token. */
const callsPerPerson = 2;

/**
 * A flow back-populates a whole list: one call per profile, a look-up of each at The Wallet Crew, and the answers in bulk imports to
 * Klaviyo. The least possible time is what the limits on both sides allow, `requestsPerMinute` of the tenant being the closer one.
 */
export const sync: Bench = async ({ server, quick, events }) => {
  const people = events ?? (quick ? 1_000 : 5_000);
  const requestsPerMinute = Number(process.env['BENCH_REQUESTS_PER_MINUTE'] ?? 6_000);
  const database = await server.fresh();
  const klaviyo = await startHelper('klaviyo-process.ts', {});
  const walletCrew = await startHelper('wallet-crew-process.ts', { PEOPLE: String(people) });
  const settings = tenantSettings(klaviyo.url, { baseUrl: walletCrew.url, apiKey: walletCrewKey, requestsPerMinute });
  const ours = await startConnector({ databaseUrl: database.url, configFile: writeSettings(settings), workers: true });
  const requests = syncRequests(ours.url, people);
  const minimumMs = earliestMs(callsPerPerson * people, { burst: Math.ceil(requestsPerMinute / 10), steady: requestsPerMinute });

  tell(`sync: ${people} profiles through one flow, ${requestsPerMinute} requests a minute to The Wallet Crew: at least ${round(minimumMs / 1000)} s`);
  const begun = Date.now();
  const load = await rush(ours.url, requests, 32, 3_600);
  const acceptedMs = Date.now() - begun;
  const left = await written(klaviyo, walletCrew, people, begun + 2 * minimumMs + 60_000);
  const tookMs = Date.now() - begun;

  const { operations, throttled } = await askVendor<Stats>(klaviyo, 'stats');
  const imports = operations['bulk_import_profiles'] ?? { requests: 0, items: 0 };
  report('sync', {
    profiles: people, seconds: round(tookMs / 1000), minimumSeconds: round(minimumMs / 1000), ratio: round(tookMs / minimumMs, 2), acceptedSeconds: round(acceptedMs / 1000), failed: load.failed, left, throttled,
    walletCrewCalls: (await askVendor<Stats>(walletCrew, 'stats')).requests, imports: imports.requests, importedProfiles: imports.items, singleUpdates: operations['create_or_update_profile']?.requests ?? 0, leastImports: Math.ceil(people / klaviyoLimits.bulk_import_profiles.maxItems!),
  });
  expect(left === 0 && load.failed === 0, `sync: ${left} profiles were not written, ${load.failed} calls of the flow failed`);
  expect(throttled === 0, `sync: ${throttled} requests to Klaviyo were refused for their rate`);
  if (!quick) expect(tookMs <= mostOverMinimum * minimumMs, `sync: ${round(tookMs / minimumMs, 2)} of the least possible time, at most ${mostOverMinimum}`);
  await ours.stop();
  await klaviyo.stop();
  await walletCrew.stop();
  await database.drop();
};

async function written(klaviyo: Running, walletCrew: Running, people: number, until: number): Promise<number> {
  for (let shown = Date.now(); ; ) {
    const { operations } = await askVendor<Stats>(klaviyo, 'stats');
    const done = (['bulk_import_profiles', 'create_or_update_profile'] as const).reduce((sum, operation) => sum + (operations[operation]?.items ?? 0), 0);
    if (done >= people || Date.now() > until) return Math.max(0, people - done);
    if (Date.now() - shown > 5_000) {
      shown = Date.now();
      tell(`  ${done} of ${people}, ${(await askVendor<Stats>(walletCrew, 'stats')).requests} calls to The Wallet Crew`);
    }
    await wait(250);
  }
}
