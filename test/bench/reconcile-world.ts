import { fill, type Crowd } from './crowd.ts';
import { startConnector, startHelper, type Running } from './processes.ts';
import { tell } from './report.ts';
import type { FreshDatabase, Server } from './server.ts';
import { tenantSettings, walletCrewKey, writeSettings } from './tenant.ts';

/** The default of the settings: of the two vendors The Wallet Crew publishes no limit. */
export const walletCrewPerMinute = 3_000;
const emulatorOptions = ['--max-old-space-size=6000'];

export interface ReconcileWorld {
  database: FreshDatabase;
  klaviyo: Running;
  walletCrew: Running;
  connector: Running;
  configFile: string;
  close(): Promise<void>;
}

/** Both emulators and a database full of the same people, and a connector that decides and sends, as where it runs all day. */
export async function openWorld(server: Server, crowd: Crowd, compression: number, klaviyoSettings: object = {}): Promise<ReconcileWorld> {
  const CROWD = JSON.stringify(crowd);
  tell(`reconcile: ${crowd.people} people are made`);
  const database = await server.fresh();
  const [klaviyo, walletCrew] = await Promise.all([
    startHelper('klaviyo-process.ts', { CROWD, LIMITS_TIMES: String(compression) }, emulatorOptions),
    startHelper('wallet-crew-process.ts', { CROWD }, emulatorOptions),
  ]);
  const settings = tenantSettings(klaviyo.url, { baseUrl: walletCrew.url, apiKey: walletCrewKey, requestsPerMinute: walletCrewPerMinute * compression });
  // Little time of grace: all of these people came long ago, and a short run would only wait for it.
  const configFile = writeSettings({ tenants: Object.fromEntries(Object.entries(settings.tenants).map(([id, one]) => [id, { ...one, klaviyo: { ...one.klaviyo, ...klaviyoSettings }, reconciliation: { cron: 'off', graceSeconds: 5 } }])) });
  const connector = await startConnector({ databaseUrl: database.url, configFile, workers: true });
  if (crowd.people > 0) await fill(database, crowd, (done) => done % 100_000 === 0 && tell(`  ${done}`));
  // As where a server has run for days: what was written is on disk, and the files of its log are there to be written again.
  await database.query('checkpoint');
  const close = async () => {
    for (const process of [connector, klaviyo, walletCrew]) await process.stop();
    await database.drop();
  };
  return { database, klaviyo, walletCrew, connector, configFile, close };
}
