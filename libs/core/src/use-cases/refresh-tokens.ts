import { goes, profileName } from '../person/identity.js';
import type { Person } from '../person/person.js';
import type { NewDelivery, Store } from '../ports/store.js';
import type { Clock } from '../ports/system.js';
import type { Rules } from '../rules.js';

const dayMs = 86_400_000;
/** Of one tenant in one run; the others come an hour later. */
const mostAtOnce = 5_000;

/**
 * Asks The Wallet Crew for new tokens of pass links before the old ones can expire, also of people nobody hears of: their links stand
 * in messages that are yet to be sent. It comes to the inbox as if a flow had asked for the profile.
 */
export class RefreshTokens {
  constructor(
    private readonly store: Pick<Store, 'receive' | 'withOldToken'>,
    private readonly rules: ReadonlyMap<string, Rules>,
    private readonly clock: Clock,
  ) {}

  async run(): Promise<void> {
    for (const { tenant, links } of this.rules.values()) {
      if (links?.tokenOn !== 'profile') continue;
      const now = this.clock.now();
      const persons = await this.store.withOldToken(tenant, now - links.refreshAfterMs, mostAtOnce);
      const deliveries = persons.filter(({ identity }) => goes(identity) !== 'when-reachable').map((person) => refreshOf(tenant, person, now));
      if (deliveries.length > 0) await this.store.receive(deliveries);
    }
  }
}

function refreshOf(tenant: string, { id, identity }: Person, now: number): NewDelivery {
  return {
    tenant,
    key: `refresh:${id}:${Math.floor(now / dayMs)}`,
    receivedAt: now,
    event: { kind: 'flow-action', name: 'token refresh', at: now, command: { do: 'look-up', profile: profileName(identity), by: [] } },
    body: '',
  };
}
