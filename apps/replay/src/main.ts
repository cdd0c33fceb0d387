import { ConnectorError, things } from '#core';
import { changePlugin, complain, Environment, loadSettings, Opened, openPlugins, outliveReaders, PinoLog, PromMeter, rulesByTenant, SystemClock, tellProgress } from '#runtime';
import { openDatabase, openRecorded } from '#store';
import { readArguments, usage, type Arguments } from './arguments.js';
import { replay } from './replay.js';
import { reportOf, textOf, type Report } from './report.js';

outliveReaders();
const opened = new Opened();
try {
  const clock = new SystemClock();
  const wish = readArguments(process.argv.slice(2), clock.now());
  if (wish) await run(wish, clock);
  else process.stdout.write(usage);
} catch (error) {
  complain(error, 'The replay failed');
  process.exitCode = error instanceof ConnectorError && error.retry !== 'later' ? 2 : 1;
} finally {
  await opened.close();
}

async function run(wish: Arguments, clock: SystemClock): Promise<void> {
  const environment = new Environment();
  const settings = loadSettings(environment);
  const rules = rulesByTenant(settings);
  const tenants = wish.tenant === undefined ? [...rules.keys()] : [wish.tenant];
  if (tenants.some((tenant) => !rules.has(tenant))) throw new ConnectorError('TENANT_UNKNOWN');
  environment.mustHaveDatabase();

  // What is read goes to standard output alone.
  const log = new PinoLog('error', { write: (line) => void process.stderr.write(line) });
  const around = { settings, configFile: environment.configFile, clock, log, meter: new PromMeter() };
  const now = opened.keep(await openPlugins(settings, environment, around));
  const change = await changePlugin(wish, tenants, now, around);
  opened.keep(change.plugins);
  const database = opened.keep(await openDatabase({ url: environment.databaseUrl, dataDir: environment.dataDir, log }));
  const recorded = opened.keep(await openRecorded(database.url));
  const reports: Report[] = [];
  for (const tenant of change.tenants) {
    const differences = await replay(recorded.since(tenant, wish.since), rules.get(tenant)!, now, change.plugins, (count) => tellProgress(`${tenant}: ${things(count, 'delivery', 'deliveries')} decided twice`));
    reports.push(reportOf(tenant, differences));
  }
  tellProgress('');

  const { name, version } = change;
  const since = new Date(wish.since).toISOString();
  if (wish.json) process.stdout.write(`${JSON.stringify({ since, with: { name, version }, tenants: reports }, null, 2)}\n`);
  else process.stdout.write(`Since ${since}, as it is now and with ${name} (${version}) on for everybody. Nothing was sent, nothing was written.\n${reports.map((report) => textOf(report, name, wish.diff)).join('')}`);
}
