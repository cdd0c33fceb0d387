import { ConnectorError } from '#core';
import { Environment, loadSettings, openPlugins, outliveReaders, PinoLog, PromMeter, SystemClock } from '#runtime';
import { openDatabase, openStore } from '#store';
import { startConnector } from './connector.js';

outliveReaders();
try {
  const environment = new Environment();
  if (!environment.isConfigured) {
    const { runSandbox } = await import('./sandbox/sandbox.js');
    await runSandbox(environment);
  } else {
    const settings = loadSettings(environment);
    const log = new PinoLog(environment.logLevel);
    const clock = new SystemClock();
    const meter = new PromMeter();
    const plugins = await openPlugins(settings, environment, { clock, log, meter });
    const database = await openDatabase({ ...(environment.databaseUrl ? { url: environment.databaseUrl } : {}), dataDir: environment.dataDir, log });
    const opened = await openStore({ url: database.url, log });
    await startConnector({ settings, opened, clock, log, meter, plugins }, environment);
  }
} catch (error) {
  // No stack trace: what is wrong and what to do about it.
  process.stderr.write(error instanceof ConnectorError ? `${error.code}: ${error.message}\n` : `The connector could not start: ${error instanceof Error ? error.name : typeof error}\n`);
  process.exit(1);
}
