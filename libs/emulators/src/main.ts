import { parseArgs } from 'node:util';
import { startKlaviyo, startWalletCrew } from './index.js';

/** Both emulators on their own, for a person or another process: `node dist/libs/emulators/src/main.js --klaviyo-port 4010`. */
const { values: ports } = parseArgs({ options: { 'klaviyo-port': { type: 'string', default: '4010' }, 'wallet-crew-port': { type: 'string', default: '4020' } } });

const klaviyo = await startKlaviyo({
  port: Number(ports['klaviyo-port']),
  accounts: { pk_sandbox: { id: 'SbxAcc', name: 'Sandbox', lists: [{ id: 'NewsLt', name: 'Newsletter' }, { id: 'VipSms', name: 'VIP SMS' }] } },
});
const walletCrew = await startWalletCrew({ port: Number(ports['wallet-crew-port']), tenants: { sandbox: { apiKeys: { wc_sandbox: ['*'] } } } });
walletCrew.hold(walletCrew.sampleDay({ customers: 25 }));

console.table({
  Klaviyo: { url: klaviyo.url, account: 'SbxAcc', key: 'pk_sandbox' },
  'The Wallet Crew': { url: walletCrew.url, account: 'tenant sandbox', key: 'wc_sandbox' },
});
console.log('Open either URL in a browser to see what it holds. Ctrl+C ends both.');

const stop = () => {
  void Promise.all([klaviyo.close(), walletCrew.close()]).then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
