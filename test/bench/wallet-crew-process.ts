import { startWalletCrew, type StoryEvent } from '#emulators';
import { crowdFrom, passesOf } from './crowd.ts';
import { syncedPerson, tenant, walletCrewKey } from './tenant.ts';

/** The Wallet Crew's emulator, in a process of its own, with customers who installed their passes before anybody listened. */
const walletCrew = await startWalletCrew({ tenants: { [tenant]: { apiKeys: { [walletCrewKey]: ['*'] } } }, keepRequests: 1 });
const people = Number(process.env['PEOPLE'] ?? 0);
for (let n = 0; n < people; n++) {
  const { email, customerId } = syncedPerson(n);
  const pass = { identifiers: { email, customerId }, passId: `pass-of-${customerId}`, passType: 'loyalty' };
  walletCrew.hold([
    { kind: 'Customer:Upserted', at: '2026-01-05T09:00:00Z', identifiers: pass.identifiers, account: { email } },
    { kind: 'Pass:Created', at: '2026-01-05T09:01:00Z', ...pass },
    { kind: 'Pass:Installed', at: '2026-01-05T09:02:00Z', ...pass, device: n % 2 ? 'apple' : 'google' },
  ] satisfies StoryEvent[]);
}
const crowd = crowdFrom(process.env);
if (crowd) walletCrew.holdPasses(passesOf(crowd));
console.log(JSON.stringify({ url: walletCrew.url }));
process.once('SIGTERM', () => process.exit());
