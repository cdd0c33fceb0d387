import type { AccountsApi, EventsApi, ListsApi, MetricsApi, ProfilesApi } from 'klaviyo-api';
import type { KlaviyoSession } from './session.js';

/** The parts of the SDK that are used, for one account. */
export interface Sdk {
  accounts: AccountsApi;
  events: EventsApi;
  lists: ListsApi;
  metrics: MetricsApi;
  profiles: ProfilesApi;
}

let loading: Promise<typeof import('klaviyo-api')> | undefined;

/**
 * The SDK is two thousand modules: it costs a second and 70 MB, so it is loaded when it is first needed and never at start.
 * Only its root can be imported; its parts import each other in circles.
 */
export function loadSdk(): Promise<typeof import('klaviyo-api')> {
  loading ??= import('klaviyo-api').catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

export async function sdkFor(session: KlaviyoSession, baseUrl: string): Promise<Sdk> {
  const { AccountsApi, EventsApi, ListsApi, MetricsApi, ProfilesApi } = await loadSdk();
  const sdk = {
    accounts: new AccountsApi(session),
    events: new EventsApi(session),
    lists: new ListsApi(session),
    metrics: new MetricsApi(session),
    profiles: new ProfilesApi(session),
  };
  for (const api of Object.values(sdk)) api.basePath = baseUrl.replace(/\/+$/, '');
  return sdk;
}
