import { goes } from '../person/identity.js';
import type { Person } from '../person/person.js';
import type { Records } from '../ports/records.js';
import type { Clock } from '../ports/system.js';
import { missingProfile } from '../reconciliation/compare-profiles.js';
import type { Drift } from '../reconciliation/repair.js';
import type { RunInHand } from './run-in-hand.js';

const personsAtOnce = 5_000;

/** Finds persons of whom Klaviyo has no profile, when all its profiles have been seen. */
export class FindMissingProfiles {
  constructor(
    private readonly records: Records,
    private readonly clock: Clock,
    private readonly graceMs: number,
  ) {}

  async run(hand: RunInHand): Promise<void> {
    const { checkpoint } = hand;
    const { id, tenant, startedAt } = hand.run;
    for (;;) {
      const { persons, walked, last } = await this.records.unseenPersons(tenant, id, checkpoint.persons.after, personsAtOnce);
      const isReachable = ({ identity }: Person) => goes(identity) !== 'when-reachable';
      const reachable = persons.filter(isReachable);
      const at = this.clock.now();
      // Whoever was told about since the run began has a profile by now, or soon: it may have been made behind the readers' backs.
      const told = await this.records.toldSince(tenant, reachable.map((person) => person.id), startedAt - this.graceMs);
      await hand.take([
        ...persons.filter((person) => !isReachable(person)).map(({ id: personId }): Drift => ({ kinds: ['person-unreachable'], sample: { personId }, repairs: [] })),
        ...reachable.filter((person) => !told.lately.has(person.id)).map((person) => missingProfile(person, at, told)),
      ]);
      if (last !== undefined) checkpoint.persons = { after: last, read: checkpoint.persons.read + walked };
      hand.save();
      await hand.saved();
      if (walked < personsAtOnce) return;
    }
  }
}
