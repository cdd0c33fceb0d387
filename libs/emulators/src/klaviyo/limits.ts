/** What Klaviyo publishes per operation (OpenAPI extensions `x-klaviyo-ratelimit` and `x-klaviyo-scopes`, revision 2026-07-15). */
export interface OperationLimit {
  burstPerSecond: number;
  steadyPerMinute: number;
  perDay?: number;
  scopes: readonly string[];
  /** Resources per request, or the largest page. */
  maxItems?: number;
  pageSize?: number;
  /** Bytes of the decompressed body; the conservative reading, 5 MB = 5 000 000. */
  maxBytes?: number;
  /** Asking for these costs a second, narrower bucket on top of the operation's own. `parameter=value`. */
  conditional?: Readonly<Record<string, { burstPerSecond: number; steadyPerMinute: number }>>;
}

const body = 5_000_000;
const small = { burstPerSecond: 10, steadyPerMinute: 150 };
const medium = { burstPerSecond: 75, steadyPerMinute: 750 };
const large = { burstPerSecond: 350, steadyPerMinute: 3500 };
const rare = { burstPerSecond: 1, steadyPerMinute: 15 };
const few = { burstPerSecond: 3, steadyPerMinute: 60 };
const analytics = { 'additional-fields[profile]=predictive_analytics': small };
const consent = ['lists:write', 'profiles:write', 'subscriptions:write'];

export const klaviyoLimits = {
  create_event: { ...large, scopes: ['events:write'], maxItems: 1, maxBytes: body },
  bulk_create_events: { ...small, scopes: ['events:write'], maxItems: 1000, maxBytes: body },
  get_events: { ...large, scopes: ['events:read'], maxItems: 1000, pageSize: 200 },
  get_event: { ...small, scopes: ['events:read'] },
  get_metrics: { ...small, scopes: ['metrics:read'], maxItems: 200, pageSize: 200 },
  create_or_update_profile: { ...medium, scopes: ['profiles:write'], maxItems: 1, maxBytes: 100_000 },
  create_profile: { ...medium, scopes: ['profiles:write'], maxItems: 1, maxBytes: 100_000 },
  update_profile: { ...medium, scopes: ['profiles:write'], maxItems: 1, maxBytes: 100_000 },
  get_profiles: { ...medium, scopes: ['profiles:read'], maxItems: 100, pageSize: 20, conditional: analytics },
  get_profile: { ...medium, scopes: ['profiles:read'], conditional: { 'include=lists': rare, 'include=segments': rare, ...analytics } },
  bulk_import_profiles: { ...small, scopes: ['lists:write', 'profiles:write'], maxItems: 10_000, maxBytes: body },
  get_bulk_import_profiles_job: { ...small, scopes: ['lists:read', 'profiles:read'] },
  get_bulk_import_profiles_jobs: { ...small, scopes: ['lists:read', 'profiles:read'], maxItems: 100, pageSize: 20 },
  get_errors_for_bulk_import_profiles_job: { ...small, scopes: ['profiles:read'], maxItems: 100, pageSize: 20 },
  bulk_subscribe_profiles: { ...medium, scopes: consent, maxItems: 1000, maxBytes: body },
  bulk_unsubscribe_profiles: { ...medium, scopes: consent, maxItems: 100, maxBytes: body },
  bulk_suppress_profiles: { ...medium, scopes: ['profiles:write', 'subscriptions:write'], maxItems: 100, maxBytes: body },
  bulk_unsuppress_profiles: { ...medium, scopes: ['subscriptions:write'], maxItems: 100, maxBytes: body },
  get_lists: { ...medium, scopes: ['lists:read'], maxItems: 10, pageSize: 10 },
  get_list: { ...medium, scopes: ['lists:read'], conditional: { 'additional-fields[list]=profile_count': rare } },
  create_list: { ...small, perDay: 150, scopes: ['lists:write'], maxItems: 1, maxBytes: body },
  add_profiles_to_list: { ...small, scopes: ['lists:write', 'profiles:write'], maxItems: 1000, maxBytes: body },
  remove_profiles_from_list: { ...small, scopes: ['lists:write', 'profiles:write'], maxItems: 1000, maxBytes: body },
  get_profiles_for_list: { ...medium, scopes: ['lists:read', 'profiles:read'], maxItems: 100, pageSize: 20, conditional: analytics },
  get_lists_for_profile: { ...few, scopes: ['lists:read', 'profiles:read'] },
  get_segments: { ...medium, scopes: ['segments:read'], maxItems: 10, pageSize: 10 },
  create_segment: { ...rare, perDay: 100, scopes: ['segments:write'], maxItems: 1, maxBytes: body },
  get_flows: { ...few, scopes: ['flows:read'], maxItems: 50, pageSize: 50 },
  create_flow: { ...rare, perDay: 100, scopes: ['flows:write'], maxItems: 1, maxBytes: body },
  request_profile_deletion: { ...few, scopes: ['data-privacy:write'], maxItems: 1, maxBytes: body },
  merge_profiles: { ...small, scopes: ['profiles:write'], maxItems: 1, maxBytes: body },
  get_accounts: { ...rare, scopes: ['accounts:read'], maxItems: 1 },
  get_account: { ...rare, scopes: ['accounts:read'], maxItems: 1 },
  get_webhooks: { ...rare, scopes: ['webhooks:read'] },
  get_webhook: { ...rare, scopes: ['webhooks:read'] },
  create_webhook: { ...rare, scopes: ['webhooks:write'], maxBytes: body },
  update_webhook: { ...rare, scopes: ['webhooks:write'], maxBytes: body },
  delete_webhook: { ...rare, scopes: ['webhooks:write'] },
  get_webhook_topics: { ...rare, scopes: ['webhooks:read'] },
  get_webhook_topic: { ...rare, scopes: ['webhooks:read'] },
} satisfies Record<string, OperationLimit>;

export type OperationId = keyof typeof klaviyoLimits;

export type LimitTable = Record<OperationId, OperationLimit>;

/** A fresh copy to change for a test. */
export const defaultLimits = (): LimitTable => structuredClone(klaviyoLimits) as LimitTable;

export const everyScope: readonly string[] = [...new Set(Object.values(klaviyoLimits).flatMap((limit): readonly string[] => limit.scopes))];
