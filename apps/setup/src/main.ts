import { ConnectorError, SetUp } from '#core';
import { KlaviyoAccounts, KlaviyoSetup } from '#klaviyo';
import { complain, Environment, loadSettings, Opened, outliveReaders, PinoLog, PromMeter, rulesByTenant, SealedVault, SystemClock, tellProgress, vaultKeys } from '#runtime';
import { openDatabase, openStore } from '#store';
import { WalletCrewSetup } from '#wallet-crew';
import { readArguments, usage, type Arguments } from './arguments.js';
import { inJson, print } from './text.js';

outliveReaders();
const opened = new Opened();
try {
  const wish = readArguments(process.argv.slice(2));
  if (wish) process.exitCode = (await run(wish)) ? 0 : 1;
  else process.stdout.write(usage);
} catch (error) {
  complain(error, 'The setup failed');
  process.exitCode = 2;
} finally {
  await opened.close();
}

/** True: nothing is missing. */
async function run({ tenant, apply, url, json }: Arguments): Promise<boolean> {
  const environment = new Environment();
  const settings = loadSettings(environment);
  const rules = rulesByTenant(settings).get(tenant);
  const own = settings.tenants.get(tenant);
  if (!rules || !own) throw new ConnectorError('TENANT_UNKNOWN');

  // What is read goes to standard output alone.
  const log = new PinoLog('error', { write: (line) => void process.stderr.write(line) });
  const database = opened.keep(await openDatabase({ ...(environment.databaseUrl ? { url: environment.databaseUrl } : {}), dataDir: environment.dataDir, log }));
  // A running connector calls the same accounts: leave to call comes from where it takes its own.
  const { permits } = opened.keep(await openStore({ url: database.url, log }));
  const around = { permits, clock: new SystemClock(), log, meter: new PromMeter() };
  const marketing = new KlaviyoSetup(opened.keep(new KlaviyoAccounts({ ...around, settingsOf: () => own.klaviyo, vaultOf: () => new SealedVault(vaultKeys(settings.vault, own.walletCrew)) })));
  const wallet = new WalletCrewSetup({ ...around, settingsOf: () => own.walletCrew });
  const report = await new SetUp(marketing, wallet, around.clock).run({
    rules, creates: apply,
    ...(url === undefined ? {} : { url }),
    ...(own.walletCrew.flowKey === undefined ? {} : { flowKey: own.walletCrew.flowKey }),
    progress: (done, total) => tellProgress(`${done} of ${total} created; Klaviyo lets fifteen be created in a minute`),
  });
  tellProgress('');
  if (json) process.stdout.write(`${JSON.stringify(inJson(tenant, report), null, 2)}\n`);
  else print(tenant, report);
  return report.isGood;
}
