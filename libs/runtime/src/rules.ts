import { defaultConsents, defaultIdentity, defaultMetrics, defaultPassKinds, type Rules } from '#core';
import { linkRulesOf } from './link-settings.js';
import { phoneReader } from './phone-numbers.js';
import type { Settings, TenantSettings } from './settings.js';

const hourMs = 3_600_000;
const defaultLateAfterHours = 24;

/** What `decide` needs to know of each tenant's settings. */
export function rulesByTenant(settings: Settings): Map<string, Rules> {
  return new Map([...settings.tenants].map(([id, tenant]) => [id, rulesOf(id, tenant)]));
}

function rulesOf(tenant: string, settings: TenantSettings): Rules {
  return {
    tenant,
    passKinds: settings.passKinds ?? defaultPassKinds,
    identity: { ...defaultIdentity, ...settings.identity },
    consents: settings.consents ? Object.fromEntries(settings.consents) : defaultConsents,
    ...(settings.klaviyo.listId === undefined ? {} : { listId: settings.klaviyo.listId }),
    metrics: { ...defaultMetrics, ...settings.metrics },
    lateAfterMs: (settings.lateAfterHours ?? defaultLateAfterHours) * hourMs,
    links: linkRulesOf(tenant, settings.links, settings.walletCrew),
    toE164: phoneReader(settings.defaultCountry),
  };
}
