import { notSynced } from './segments.js';

/** A flow of one step: a webhook for everybody who comes into a segment. */
export interface FlowRecipe {
  name: string;
  says: string;
  /** Name of the segment. */
  trigger: string;
  webhook: { url: string; headers: Record<string, string>; body: string };
}

/** Where other systems find a tenant of this connector; `url` is its scheme and host. */
export const webhookAddress = (url: string, tenant: string) => `${url.replace(/\/+$/, '')}/api/${tenant}/webhooks/listeners/wallet-crew`;
const syncAddress = (url: string, tenant: string) => `${url.replace(/\/+$/, '')}/api/${tenant}/webhooks/listeners/klaviyo/profiles/sync`;

export const unknownUrl = 'https://<this connector>';

/** As docs/flows.md has it. */
const body = `{
  "profileId": "{{ person.KlaviyoID }}",
  "email": "{{ person.email }}",
  "phone": "{{ person.phone_number|default:'' }}",
  "externalId": "{{ person.external_id|default:'' }}"
}`;

/** The flow that fills profiles. `key`: what it proves itself with; without it a placeholder stands there, for people to replace. */
export function syncFlow(tenant: string, { url = unknownUrl, key = '<flowKey>' }: { url?: string; key?: string } = {}): FlowRecipe {
  return {
    name: 'Wallet: sync profiles',
    says: 'Looks everybody up whose profile has no wallet status yet: status and, with pass links, the token are written to it.',
    trigger: notSynced,
    webhook: { url: syncAddress(url, tenant), headers: { 'X-API-KEY': key }, body },
  };
}
