import type { Person } from './person.js';

/** Somebody who registered or has a pass. Of the others we know only what Klaviyo holds: a profile, or a choice made there. */
export function isCustomer({ registeredAt, passes }: Pick<Person, 'registeredAt' | 'passes'>): boolean {
  return registeredAt !== undefined || Object.keys(passes).length > 0;
}
