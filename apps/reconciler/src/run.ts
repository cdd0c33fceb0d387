import { ConnectorError } from '#core';
import { complain, Environment, loadSettings, openPlugins, outliveReaders, PinoLog, PromMeter, SystemClock } from '#runtime';
import { openDatabase, openStore } from '#store';
import { readArguments, usage, type Arguments } from './arguments.js';
import { giveWay } from './give-way.js';
import { runOnce } from './once.js';
import { startReconciler } from './reconciler.js';

/** Beside the connector on one machine. */
const defaultPort = 3001;
/** So many tenants have a connection of their own when the same hour begins the runs of all. */
const mostTenantsAtOnce = 8;

outliveReaders();

try {
  const clock = new SystemClock();
  const wish = readArguments(process.argv.slice(2), clock.now());
  if (wish) process.exitCode = await run(wish, clock);
  else process.stdout.write(usage);
  if (wish?.once) process.exit();
} catch (error) {
  complain(error, 'The reconciler could not start');
  process.exit(error instanceof ConnectorError && error.retry === 'later' ? 1 : 2);
}

async function run(wish: Arguments, clock: SystemClock): Promise<number> {
  const environment = new Environment(undefined, defaultPort);
  const settings = loadSettings(environment);
  if (wish.tenant !== undefined && !settings.tenants.has(wish.tenant)) throw new ConnectorError('TENANT_UNKNOWN');
  // The report goes to standard output alone.
  const log = new PinoLog(environment.logLevel, { write: (line) => void process.stderr.write(line) });
  const meter = new PromMeter();
  const database = await openDatabase({ ...(environment.databaseUrl ? { url: environment.databaseUrl } : {}), dataDir: environment.dataDir, log });
  // At the latest now: a database server that this process has started is there for all others too, and stays as it is.
  giveWay();
  const plugins = await openPlugins(settings, environment, { clock, log, meter });
  // One to read and look with, and one to keep the lease meanwhile: more statements at once would only make those of live traffic wait for the database.
  const poolSize = 1 + Math.min(wish.once ? 1 : settings.tenants.size, mostTenantsAtOnce);
  const opened = await openStore({ url: database.url, log, poolSize });
  const ready = { settings, opened, clock, log, meter, plugins };
  if (wish.once) return runOnce(ready, environment.graceMs, wish);
  await startReconciler(ready, environment);
  return 0;
}
