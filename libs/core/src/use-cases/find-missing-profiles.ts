import { goes } from '../person/identity.js';
import type { Records } from '../ports/records.js';
import type { Runs } from '../ports/runs.js';
import type { Clock } from '../ports/system.js';
import { missingProfile } from '../reconciliation/compare-profiles.js';
import type { RunInHand } from './run-in-hand.js';

const personsAtOnce = 500;

/** Finds persons of whom Klaviyo has no profile, when all its profiles have been seen. */
export class FindMissingProfiles {
  constructor(
    private readonly records: Records,
    private readonly runs: Runs,
    private readonly clock: Clock,
    private readonly graceMs: number,
  ) {}

  async run(hand: RunInHand): Promise<void> {
    const { checkpoint } = hand;
    const { id, tenant } = hand.run;
    for (;;) {
      const persons = await this.records.personsAfter(tenant, checkpoint.persons.after, personsAtOnce);
      const ids = persons.filter(({ identity }) => goes(identity) !== 'when-reachable').map((person) => person.id);
      const at = this.clock.now();
      // One that is being written is not missing.
      const [seen, told] = await Promise.all([this.runs.seen(id, 'person', ids), this.records.toldSince(tenant, ids, at - this.graceMs)]);
      const present = new Set([...seen, ...told.lately]);
      const missing = persons.filter((person) => ids.includes(person.id) && !present.has(person.id));
      await hand.take(missing.map((person) => missingProfile(person, at, told)));
      const last = persons.at(-1);
      if (last) checkpoint.persons = { after: last.id, read: checkpoint.persons.read + persons.length };
      hand.save();
      await hand.saved();
      if (persons.length < personsAtOnce) return;
    }
  }
}
