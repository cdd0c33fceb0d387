import { sampleDay } from '#emulators';
import { startWorld } from '../support/running-connector.js';
it('debug', async () => {
  const t0 = Date.now();
  const say = (s: string) => process.stderr.write(`${((Date.now() - t0) / 1000).toFixed(1)} ${s}\n`);
  const tenants = ['a', 'b', 'c'];
  const day = sampleDay({ customers: 25, seed: 7, start: new Date(Date.now() - 30 * 3_600_000).toISOString() });
  const world = await startWorld({ tenants });
  say(`up`);
  for (const [tenant, concurrency] of [['a', 1], ['b', 4], ['c', 16]] as const) {
    const cpu = process.cpuUsage();
    const r = await world.tell(day, { tenant, concurrency, reorder: true });
    const ms = r.deliveries.map((d) => d.ms).toSorted((a, b) => a - b);
    const used = process.cpuUsage(cpu);
    say(`told ${tenant} median ${ms[45]} p90 ${ms[80]} max ${ms.at(-1)} cpu ${((used.user + used.system) / 1e6).toFixed(1)}`);
  }
  await world.quiet();
  say('quiet');
  await world.stop();
}, 90_000);
