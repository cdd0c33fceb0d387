import { CommandLine, complain, Environment, loadSettings, openPlugins, outliveReaders, PinoLog, PromMeter, settingsInvalid, SystemClock } from '#runtime';
import { openDatabase, openStore } from '#store';
import { startConnector } from './connector.js';

const usage = `npm start

With config/connector.yaml, or the file that CONFIG_FILE names, this is the connector; without one it is the sandbox, with both vendors as emulators.
config/connector.example.yaml holds all settings, config/secrets.md the environment variables.
`;

outliveReaders();
try {
  const environment = new Environment();
  if (!new CommandLine(usage).read(process.argv.slice(2), {})) {
    process.stdout.write(usage);
  } else if (!environment.isConfigured) {
    const problems = environment.problems();
    if (problems.length > 0) throw settingsInvalid(problems);
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
  complain(error, 'The connector could not start');
  process.exit(1);
}
