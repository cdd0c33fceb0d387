import { Explain, type Explanation } from '#core';
import { MemoryAccount, MemoryMarketingSetup } from '../../support/memory-setup.js';
import { noPlugins } from './fakes.js';
import { tenant, type World } from './reconcile-world.js';

/** Explains over the very ports that a run reads. */
export function explainer({ records, passes, profiles, vault, clock, rules, strangers, optIn }: World): Explain {
  const store = { delivery: async () => undefined, parked: async () => [], backlog: async () => 0 };
  const account = new MemoryAccount();
  if (optIn) account.lists.push({ id: 'NEWS', name: 'Newsletter', optIn });
  return new Explain({ store, records, passes, profiles, lists: new MemoryMarketingSetup(account), plugins: noPlugins, vaultOf: () => vault, rulesOf: (id) => (id === tenant ? rules : undefined), reconcileRulesOf: () => ({ strangers }), clock });
}

export const brokenIn = ({ suspicions }: Explanation) => suspicions.flatMap(({ name, weight }) => (weight === 'broken' ? [name] : []));
