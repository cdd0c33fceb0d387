import { klaviyoLimits, startKlaviyo, type KlaviyoOptions } from '#emulators';
import { crowdFrom, profilesOf } from './crowd.ts';
import { klaviyoKey } from './tenant.ts';

/** Klaviyo's emulator with its true limits, or so many times as much, in a process of its own. */
const times = Number(process.env['LIMITS_TIMES'] ?? 1);
const limits = Object.fromEntries(Object.entries(klaviyoLimits).map(([operation, limit]) => [operation, { ...limit, burstPerSecond: limit.burstPerSecond * times, steadyPerMinute: limit.steadyPerMinute * times }]));
const klaviyo = await startKlaviyo({
  accounts: { [klaviyoKey]: { lists: [{ id: 'NEWS01', name: 'Newsletter' }] } },
  window: process.env['WINDOW'] === 'sliding' ? 'sliding' : 'fixed',
  limits: limits as NonNullable<KlaviyoOptions['limits']>,
  keepRequests: 100_000,
});
const crowd = crowdFrom(process.env);
if (crowd) klaviyo.holdProfiles(profilesOf(crowd));
console.log(JSON.stringify({ url: klaviyo.url }));
process.once('SIGTERM', () => process.exit());
