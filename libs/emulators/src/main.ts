import { startKlaviyo, startWalletCrew } from './index.js';

/** Both emulators on their own, for a person or another process: `node dist/libs/emulators/src/main.js`. */
const port = (name: string, fallback: number) => Number(process.env[name] ?? fallback);

const klaviyo = await startKlaviyo({
  port: port('KLAVIYO_EMULATOR_PORT', 4010),
  accounts: { pk_sandbox: { id: 'SbxAcc', name: 'Sandbox', lists: [{ id: 'NewsLt', name: 'Newsletter' }, { id: 'VipSms', name: 'VIP SMS' }] } },
});
const walletCrew = await startWalletCrew({ port: port('WALLET_CREW_EMULATOR_PORT', 4020), tenants: { sandbox: { apiKeys: { wc_sandbox: ['*'] } } } });
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
