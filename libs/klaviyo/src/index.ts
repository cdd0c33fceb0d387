export { accountOf } from './account.js';
export { asSent, flowQuery, segmentQuery } from './definitions.js';
export { KlaviyoMarketing, type KlaviyoParts } from './klaviyo-marketing.js';
export { KlaviyoSetup } from './klaviyo-setup.js';
export { limits, type Operation, type OperationLimit } from './limits.js';
export { daysUntilRetirement, retirementOf, retirementWarningDays, revision } from './revision.js';
export { loadSdk } from './sdk.js';
export { asksForOptOuts, KlaviyoSettings } from './settings.js';
export { isSystemWebhook, readSystemWebhook, type SystemWebhookProof, type TakenEvents } from './system-webhook.js';
