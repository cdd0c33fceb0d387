import type { Marketing } from '../ports/marketing.js';
import type { Passes } from '../ports/passes.js';
import type { Profiles } from '../ports/profiles.js';
import type { Pace } from '../reconciliation/report.js';

/** How much a minute allows a run of the tenant. */
export function paceOf(tenant: string, passes: Passes, profiles: Profiles, marketing: Pick<Marketing, 'pace'>): Pace {
  return { walletCrewCalls: passes.callsPerMinute(tenant), profilePages: profiles.pagesPerMinute(tenant), ...marketing.pace(tenant) };
}
