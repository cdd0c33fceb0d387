import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ConnectorError, Explain, type Explanation } from '#core';
import { complain, ConnectorModule, Environment, faint, fitted, loadSettings, Opened, openPlugins, outliveReaders, PinoLog, PromMeter, say, strong, SystemClock, table } from '#runtime';
import { openDatabase, openStore } from '#store';
import { readArguments, usage, type Arguments } from './arguments.js';
import { sectionsOf, verdictOf } from './text.js';

const couldNotBeAsked = 2;
outliveReaders();
const opened = new Opened();
try {
  const wish = readArguments(process.argv.slice(2));
  if (wish) tell(await explain(wish), wish);
  else process.stdout.write(usage);
} catch (error) {
  complain(error, 'It could not be explained');
  process.exitCode = couldNotBeAsked;
} finally {
  await opened.close();
}

/** Takes leave to call from the same table as the connector at work, so both together keep to the vendors' limits. */
async function explain({ tenant, who }: Arguments): Promise<Explanation> {
  const environment = new Environment();
  const settings = loadSettings(environment);
  if (!settings.tenants.has(tenant)) throw new ConnectorError('TENANT_UNKNOWN');
  environment.mustHaveDatabase();
  // What is read goes to standard output alone.
  const around = { clock: new SystemClock(), log: new PinoLog('error', { write: (line) => void process.stderr.write(line) }), meter: new PromMeter() };
  const plugins = opened.keep(await openPlugins(settings, environment, around));
  const database = opened.keep(await openDatabase({ url: environment.databaseUrl, dataDir: environment.dataDir, log: around.log }));
  const store = opened.keep(await openStore({ url: database.url, log: around.log }));
  const app = opened.keep(await NestFactory.createApplicationContext(ConnectorModule.of({ settings, opened: store, plugins, ...around }), { logger: false, abortOnError: false }));
  return app.get(Explain).run(tenant, who);
}

function tell(explanation: Explanation, { json }: Arguments): void {
  if (explanation.firstBroken) process.exitCode = 1;
  if (json) return void process.stdout.write(`${JSON.stringify(explanation, null, 2)}\n`);
  say(verdictOf(explanation));
  for (const { title, head, rows, otherwise } of sectionsOf(explanation)) {
    say(`\n${strong(title)}`);
    if (rows.length > 0) table(head, fitted(head, rows));
    else say(faint(otherwise));
  }
}
