import { suspicion, type Check, type Suspicion } from './check.js';
import { consentChecks } from './consent-checks.js';
import { eventChecks } from './event-checks.js';
import type { Evidence } from './evidence.js';
import { identityChecks } from './identity-checks.js';
import { notificationChecks } from './notification-checks.js';
import { profileChecks } from './profile-checks.js';
import { tokenChecks } from './token-checks.js';
import { walletChecks } from './wallet-checks.js';

/** Everything that may be suspected, in that order: the first link that is broken explains those after it. */
export const checks: readonly Check[] = [...identityChecks, ...profileChecks, ...walletChecks, ...tokenChecks, ...eventChecks, ...consentChecks, ...notificationChecks];

export function suspicionsOf(evidence: Evidence): Suspicion[] {
  return checks.flatMap((check) => suspicion(check, evidence) ?? []);
}
