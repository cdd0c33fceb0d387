import { startKlaviyo } from '#emulators';
import { klaviyoKey } from './tenant.ts';

/** Klaviyo's emulator with its true limits, in a process of its own. */
const klaviyo = await startKlaviyo({
  accounts: { [klaviyoKey]: { lists: [{ id: 'NEWS01', name: 'Newsletter' }] } },
  window: process.env['WINDOW'] === 'sliding' ? 'sliding' : 'fixed',
  keepRequests: 100_000,
});
console.log(JSON.stringify({ url: klaviyo.url }));
process.once('SIGTERM', () => process.exit());
