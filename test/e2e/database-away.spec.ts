import type { StoryEvent } from '#emulators';
import { buildConnector, ConnectorProcess } from '../support/connector-process.js';
import { DatabaseLine } from '../support/database-line.js';
import { Reconciler } from '../support/reconciler-process.js';
import { configFor, startWorld, until, type World } from '../support/running-connector.js';
import { operate } from '../support/webhooks.js';

const at = new Date(Date.now() - 60 * 3_600_000).toISOString();
const people = Array.from({ length: 3 }, (_, n): StoryEvent => ({ kind: 'Customer:Upserted', at, identifiers: { customerId: `C-${n}`, email: `person-${n}@mail.example` }, account: { email: `person-${n}@mail.example` } }));

describe('while the database is away', () => {
  const options = { tenant: { reconciliation: { cron: 'off', graceSeconds: 0 } } };
  let world: World;
  let line: DatabaseLine;

  beforeAll(async () => {
    buildConnector();
    world = await startWorld(options);
    line = await DatabaseLine.to(world.databaseUrl);
    await world.tell(people);
    await world.quiet();
  }, 240_000);
  afterEach(() => (line.state = 'up'));
  afterAll(async () => {
    await line?.close();
    await world?.stop();
  });

  it.each([
    ['before it has begun', 'about 3 profiles', 0],
    ['half-way', 'reading profiles', 1],
  ])('a run waits, and is gone on with when it is back: %s', async (_when, sign, resumed) => {
    const reconciler = new Reconciler(configFor(world.klaviyo.url, world.walletCrew.url, options), { DATABASE_URL: line.url });
    world.klaviyo.faults.set([{ kind: 'slow', ms: 2_000, operation: 'get_profiles' }]);
    const ended = await reconciler.run(['--once', '--json'], (said) => {
      if (line.state !== 'up' || !said.includes(sign)) return;
      line.cut();
      setTimeout(() => (line.state = 'up'), 4_000);
      sign = 'never again';
    });
    reconciler.dispose();
    world.klaviyo.faults.set([]);
    expect(ended.stderr).toContain('the database is away');
    expect(ended).toMatchObject({ code: 0 });
    const { json } = await operate(world.url, 'runs');
    expect((json as unknown as unknown[])[0]).toMatchObject({ status: 'done', resumed });
  }, 180_000);

  it.each(['cut', 'hangs'] as const)('the metrics that do not need it are served as ever (the line is, or does: %s)', async (state) => {
    const connector = new ConnectorProcess(configFor(world.klaviyo.url, world.walletCrew.url, options), { DATABASE_URL: line.url });
    await connector.start();
    const metrics = async () => (await fetch(`${connector.url}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
    await until(async () => (await metrics()).includes('connector_backlog 0'));
    if (state === 'cut') line.cut();
    else line.state = state;
    const away = await metrics();
    expect(away).toContain('process_cpu_seconds_total');
    expect(away).not.toMatch(/^connector_(backlog|jobs)\b/m);
    if (state === 'hangs') line.cut();
    line.state = 'up';
    await until(async () => (await metrics()).includes('connector_backlog 0'));
    await connector.dispose();
  }, 60_000);
});
