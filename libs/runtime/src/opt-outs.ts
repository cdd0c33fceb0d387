import { channelsOf, type Channel, type Rules } from '#core';
import { asksForOptOuts } from '#klaviyo';
import type { Settings } from './settings.js';

/** Of whom Klaviyo is asked who opted out, and of which channels: nobody needs to know about SMS where no form asks for it. */
export function askedForOptOuts(settings: Settings, rules: ReadonlyMap<string, Rules>): Map<string, Channel[]> {
  const asked = [...settings.tenants].filter(([, { klaviyo }]) => asksForOptOuts(klaviyo));
  return new Map(asked.map(([tenant]) => [tenant, channelsOf(rules.get(tenant)!).sort()]));
}
