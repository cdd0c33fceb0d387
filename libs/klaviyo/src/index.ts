export { accountOf } from './account.js';
export { KlaviyoAccounts, type KlaviyoParts } from './accounts.js';
export { KlaviyoMarketing } from './klaviyo-marketing.js';
export { KlaviyoProfiles } from './klaviyo-profiles.js';
export { limits, type Operation, type OperationLimit } from './limits.js';
export { daysUntilRetirement, retirementOf, retirementWarningDays, revision } from './revision.js';
export { loadSdk } from './sdk.js';
export { asksForOptOuts, KlaviyoSettings } from './settings.js';
export { isSystemWebhook, readSystemWebhook, type SystemWebhookProof, type TakenEvents } from './system-webhook.js';
