import type { ListedPass } from '#core';
import { type PassSeed, startWalletCrew } from '#emulators';
import { WalletCrewAccounts, WalletCrewPasses, WalletCrewSettings } from '#wallet-crew';
import { MemoryPasses } from '../support/memory-passes.js';
import { MemoryPermits } from '../support/memory-permits.js';
import { KeptLog, KeptMeter, ManualClock } from '../support/system-fakes.js';
import { passesSuite } from './passes.suite.js';

passesSuite('memory', async () => {
  const passes = new MemoryPasses();
  return {
    passes,
    tenant: 'acme',
    hold: (held) => held.forEach((pass) => passes.put(pass)),
    delete: (id) => passes.delete(id),
    failsOnce: () => passes.faults.failNext(1000),
    refusesKey: () => passes.faults.refuse('WALLET_CREW_KEY_REFUSED'),
    unsettled: () => 0,
    close: async () => {},
  };
});

const iso = (at: number) => new Date(at).toISOString();
const seed = ({ id, type, createdAt, changedAt, installed: { Apple, Google }, identifiers }: ListedPass): PassSeed => ({
  id, passType: type!, creationDate: iso(createdAt!), lastUpdateDate: iso(changedAt!), identifiers,
  providers: { ...(Apple ? { apple: iso(Apple) } : {}), ...(Google ? { google: iso(Google) } : {}) },
});

passesSuite('The Wallet Crew', async () => {
  const clock = new ManualClock();
  const vendor = await startWalletCrew({ tenants: { acme: { apiKeys: { wc_test: ['Pass.Read'] } } }, now: () => clock.now() });
  const settings = Object.assign(new WalletCrewSettings(), { baseUrl: vendor.url, apiKey: 'wc_test', webhookSecret: 'secret-secret' });
  const permits = new MemoryPermits(clock);
  const log = new KeptLog();
  const accounts = new WalletCrewAccounts({ settingsOf: () => settings, permits, clock, log });
  return {
    passes: new WalletCrewPasses({ accounts, clock, meter: new KeptMeter() }),
    tenant: 'acme',
    hold: (held) => vendor.holdPasses(held.map(seed)),
    delete: (id) => vendor.deletePass(id),
    failsOnce: () => vendor.faults.add({ kind: 'status', status: 503, times: 1 }),
    refusesKey: () => vendor.faults.add({ kind: 'status', status: 403 }),
    unsettled: () => permits.open,
    close: () => vendor.close(),
  };
});
