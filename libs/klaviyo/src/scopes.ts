import type { Scope } from '#core';
import type { Problem } from './errors.js';
import type { Operation } from './limits.js';
import type { Sdk } from './sdk.js';

type Asking = (sdk: Sdk) => ReturnType<Sdk['accounts']['getAccounts']>;

interface NeededScope extends Pick<Scope, 'name' | 'says' | 'needed'> {
  /** A call that reads as little as possible and needs this scope alone. Write scopes have none: Klaviyo does not say that it looks at scopes before it looks at bodies. */
  proof?: { operation: Operation; ask: Asking };
}

const always = 'always';
const setup = 'setup';
const proof = (operation: Operation, ask: (sdk: Sdk) => Promise<{ response: unknown }>) => ({ operation, ask: ask as Asking });

/** Every scope that something here needs (`x-klaviyo-scopes` of the operations in limits.ts). */
export const neededScopes: NeededScope[] = [
  { name: 'accounts:read', needed: always, says: 'health checks', proof: proof('get_accounts', (sdk) => sdk.accounts.getAccounts({ fieldsAccount: ['test_account'] })) },
  { name: 'events:read', needed: always, says: 'reading events back', proof: proof('get_events', (sdk) => sdk.events.getEvents({ pageSize: 1 })) },
  { name: 'events:write', needed: always, says: 'events' },
  { name: 'metrics:read', needed: always, says: 'names of events that are read back', proof: proof('get_metrics', (sdk) => sdk.metrics.getMetrics({ fieldsMetric: ['name'] })) },
  { name: 'profiles:read', needed: always, says: 'consent checks, opt-outs, reconciliation', proof: proof('get_profiles', (sdk) => sdk.profiles.getProfiles({ fieldsProfile: ['id'], pageSize: 1 })) },
  { name: 'profiles:write', needed: always, says: 'profile properties' },
  { name: 'lists:read', needed: always, says: 'membership of lists, bulk imports', proof: proof('get_lists', (sdk) => sdk.lists.getLists({ fieldsList: ['name'], pageSize: 1 })) },
  { name: 'lists:write', needed: always, says: 'subscriptions, bulk imports' },
  { name: 'subscriptions:write', needed: always, says: 'subscriptions' },
  { name: 'segments:read', needed: setup, says: 'finding segments again', proof: proof('get_segments', (sdk) => sdk.segments.getSegments({ fieldsSegment: ['name'], pageSize: 1 })) },
  { name: 'segments:write', needed: setup, says: 'creating segments' },
  { name: 'flows:read', needed: setup, says: 'finding the flow again', proof: proof('get_flows', (sdk) => sdk.flows.getFlows({ fieldsFlow: ['name'], pageSize: 1 })) },
  { name: 'flows:write', needed: setup, says: 'creating the flow' },
];

/** Which scopes a refusal is about: those it names, or else the one the call was about. */
export function namedScopes({ words }: Problem, otherwise: string): string[] {
  const named = words.match(/\b[a-z-]+:(read|write)\b/g);
  return named ?? [otherwise];
}
