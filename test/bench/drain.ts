import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { PluginHost, ProcessEvents } from '#core';
import { klaviyoLimits, type LoggedRequest, type Stats } from '#emulators';
import { readSettings, rulesByTenant, SystemClock } from '#runtime';
import { openStore } from '#store';
import { readDelivery } from '#wallet-crew';
import type { Bench } from './bench.ts';
import { startConnector, startHelper, usage, type Running } from './processes.ts';
import { expect, median, report, round, tell } from './report.ts';
import { silentLog, type FreshDatabase } from './server.ts';
import { storyLength, tenant, tenantSettings, webhookBody, writeConfig } from './tenant.ts';
import { askVendor, earliestMs } from './vendor.ts';

const mostOverMinimum = 1.1;
const minutesOfHistory = 600;
const megabyte = 1_000_000;
const noPlugins = new PluginHost({ installed: () => [], ask: async () => [] }, { stage: async () => 'on' }, { count: () => undefined, observe: () => undefined });

/**
 * A backlog: written to the inbox, decided, and sent to Klaviyo within its true limits. So large that both limits bind: the first
 * 150 requests meet the burst limit, those after them the limit of a minute. Memory is read before and after.
 */
export const drain: Bench = async ({ server, quick, profile, events: wanted }) => {
  const events = wanted ?? (quick ? 20_000 : 200_000);
  const database = await server.fresh();
  const klaviyo = await startHelper('klaviyo-process.ts', {});
  await fillAndDecide(database, Math.min(events, quick ? 10_000 : 50_000), events, profile);
  // A backlog that an outage left has been vacuumed long before the outage ends; ours is a minute old.
  await database.query('vacuum analyze');

  const empty = await server.fresh();
  const idle = await startConnector({ databaseUrl: empty.url, configFile: writeConfig(klaviyo.url), workers: true });
  await wait(quick ? 2_000 : 5_000);
  const { rssBytes: idleBytes } = await usage(idle.url);
  await idle.stop();
  await empty.drop();

  tell(`drain: ${events} commands in the track lane`);
  const begun = Date.now();
  const mayTakeMs = 2 * leastMs(events) + 30_000;
  const ours = await startConnector({ databaseUrl: database.url, configFile: writeConfig(klaviyo.url), workers: true, ...(profile ? { profile } : {}) });
  if (profile) process.kill(ours.pid, 'SIGUSR2');
  const left = await drained(klaviyo, database, events, begun + mayTakeMs);
  if (profile) process.kill(ours.pid, 'SIGUSR2');

  const stats = await askVendor<Stats>(klaviyo, 'stats');
  const log = await askVendor<LoggedRequest[]>(klaviyo, 'requests');
  // While the minute is used up for bulk, single calls carry on.
  const taken = log.filter(({ operation, status }) => (operation === 'bulk_create_events' || operation === 'create_event') && status === 202).sort((a, b) => a.at - b.at);
  const requestMs = median(taken.filter(({ operation }) => operation === 'bulk_create_events').map(({ ms }) => ms));
  const firstAt = Math.min(...taken.map(({ at, ms }) => at - ms));
  /** How long the first so many events took, beside the least that the limits allow bulk requests alone. */
  const upTo = (count: number) => {
    let sent = 0;
    const used = taken.slice(0, 1 + taken.findIndex(({ items }) => (sent += items) >= count));
    const bulkRequests = used.filter(({ operation }) => operation === 'bulk_create_events').length;
    const ms = used.at(-1)!.at - firstAt;
    const minimumMs = leastMs(count) + requestMs;
    return { events: count, seconds: round(ms / 1000, 2), minimumSeconds: round(minimumMs / 1000, 2), ratio: round(ms / minimumMs, 2), bulkRequests, singleCalls: used.length - bulkRequests, eventsPerSecond: round(count / (ms / 1000), 0) };
  };
  for (const count of [events / 2, events]) report('drain', { ...upTo(count), left, requestP50Ms: round(requestMs), throttled: stats.throttled });
  expect(left === 0, `${left} events were left when the time was up`);
  expect(stats.throttled === 0, `${stats.throttled} requests were refused for their rate`);
  // The start, when code is cold and profiles go out beside the events, weighs less the longer the backlog is.
  const { ratio } = upTo(events);
  if (!quick && !wanted) expect(ratio <= mostOverMinimum, `drain: ${ratio} of the least possible time, at most ${mostOverMinimum}`);

  const after = await usage(ours.url);
  report('memory', { idleMegabytes: round(idleBytes / megabyte, 0), afterDrainMegabytes: round(after.rssBytes / megabyte, 0), drainedEvents: events - left });
  await ours.stop();
  await klaviyo.stop();
  await database.drop();
};

/** The least time that the limits allow for so many events. */
const leastMs = (events: number) => earliestMs(requestsFor(events), { burst: klaviyoLimits.bulk_create_events.burstPerSecond, steady: klaviyoLimits.bulk_create_events.steadyPerMinute });

/** The fewest bulk requests that carry so many events. */
const requestsFor = (events: number) => Math.ceil(events / klaviyoLimits.bulk_create_events.maxItems!);

/**
 * Persons' stories run side by side, as they do in life: a batch holds about as many persons as events, the dearest case. Deciding
 * is measured on `events`; commands as they come out of it make up the `backlog`.
 */
async function fillAndDecide(database: FreshDatabase, events: number, backlog: number, profile: string | undefined): Promise<void> {
  const { store, queue, close } = await openStore({ url: database.url, log: silentLog });
  const people = Math.ceil(events / storyLength);
  const now = Date.now();
  tell(`drain: ${events} webhooks of ${people} persons into the inbox`);
  let begun = performance.now();
  const batch = 1_000;
  for (let from = 0; from < events; from += batch) {
    const deliveries = Array.from({ length: Math.min(batch, events - from) }, (_, i) => {
      const n = from + i;
      const step = Math.floor(n / people);
      const body = webhookBody(`p${n % people}`, step, now - (minutesOfHistory - step) * 60_000 + (n % people));
      return { tenant, receivedAt: now, body, ...readDelivery(body, now) };
    });
    await store.receive(deliveries);
  }
  const filled = (performance.now() - begun) / 1000;
  report('fill', { events, perSecond: round(events / filled, 0), seconds: round(filled) });

  tell('drain: deciding them');
  const rules = rulesByTenant(readSettings(tenantSettings('http://127.0.0.1:9'), [])).get(tenant)!;
  const quiet = { count: () => undefined, observe: () => undefined };
  const processEvents = new ProcessEvents(store, queue, { calm: async () => undefined }, () => rules, noPlugins, (body, receivedAt) => readDelivery(body, receivedAt).event, new SystemClock(), silentLog, quiet);
  const stopProfile = profile ? await ownProfile(profile) : undefined;
  const cpu = process.cpuUsage();
  begun = performance.now();
  // A run is one turn of a tenant; the queue would give it the next one.
  do await processEvents.run(tenant);
  while (await store.alone(tenant, async (unit) => (await unit.undecided(1)).length > 0));
  const decided = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await stopProfile?.();
  report('process', { events, perSecond: round(events / decided, 0), seconds: round(decided), cpuMicrosPerEvent: round((user + system) / events, 0) });

  tell(`drain: ${backlog - events} more commands`);
  const at = now - minutesOfHistory * 60_000;
  const persons = await store.alone(tenant, (unit) => unit.persons(Array.from({ length: people }, (_, n) => `customerId:p${n}`)));
  for (let from = events; from < backlog; from += batch) {
    const commands = Array.from({ length: Math.min(batch, backlog - from) }, (_, i) => ({
      deliveryId: randomUUID(),
      personId: persons[i % persons.length]!.id,
      goes: 'at-once' as const,
      command: { do: 'track' as const, uniqueId: `backlog-${from + i}`, metric: 'Wallet Pass Updated', at: at + from + i, properties: { passId: `pass-${from + i}`, passKind: 'loyaltyCard', storeId: 'Paris-Rivoli', tier: 'Gold' }, backfill: false },
    }));
    await store.alone(tenant, (unit) => unit.save({ persons: [], absorbed: [], commands, outcomes: [] }));
  }
  await close();
}

/** Watches Klaviyo, which costs nobody anything; counting our own table would take its share of the cores. */
async function drained(klaviyo: Running, database: FreshDatabase, events: number, until: number): Promise<number> {
  for (let shown = Date.now(); ; ) {
    const { operations } = await askVendor<Stats>(klaviyo, 'stats');
    const taken = (['bulk_create_events', 'create_event'] as const).reduce((sum, operation) => sum + (operations[operation]?.items ?? 0), 0);
    if (taken >= events || Date.now() > until) break;
    if (Date.now() - shown > 5_000) {
      shown = Date.now();
      tell(`  ${taken} of ${events}`);
    }
    await wait(250);
  }
  for (let tries = 0; ; tries++) {
    const [row] = await database.query<{ n: number }>(`select count(*)::int as n from connector.outbox where lane = 'track'`);
    if (row?.n === 0 || tries === 10) return row?.n ?? events;
    await wait(500);
  }
}

async function ownProfile(folder: string): Promise<() => Promise<void>> {
  const { Session } = await import('node:inspector/promises');
  const { writeFileSync } = await import('node:fs');
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    writeFileSync(`${folder}/process-events.cpuprofile`, JSON.stringify(profile));
    session.disconnect();
  };
}
