import { goes } from '../person/identity.js';
import type { Person } from '../person/person.js';
import type { Profiles } from '../ports/profiles.js';
import type { Records, Updates } from '../ports/records.js';
import type { Runs } from '../ports/runs.js';
import type { Clock } from '../ports/system.js';
import { missingProfile } from '../reconciliation/compare-profiles.js';
import type { Drift } from '../reconciliation/repair.js';
import { goneIds } from './gone-ids.js';
import { walkedAtOnce, type RunInHand } from './run-in-hand.js';

/** Finds persons of whom Klaviyo has no profile, when all its profiles have been seen. */
export class FindMissingProfiles {
  constructor(
    private readonly records: Records,
    private readonly runs: Pick<Runs, 'seen'>,
    private readonly profiles: Pick<Profiles, 'byIds'>,
    private readonly clock: Clock,
    private readonly graceMs: number,
  ) {}

  async run(hand: RunInHand): Promise<void> {
    const { checkpoint } = hand;
    const { id, tenant, startedAt } = hand.run;
    for (;;) {
      const begunAt = this.clock.now();
      const { persons: unseen, walked, last } = await this.records.unseenPersons(tenant, id, checkpoint.persons.after, walkedAtOnce);
      await hand.rest(begunAt);
      const persons = await this.withListedPass(unseen, id);
      const isReachable = ({ identity }: Person) => goes(identity) !== 'when-reachable';
      const reachable = persons.filter(isReachable);
      const at = this.clock.now();
      const told = await this.records.toldSince(tenant, reachable.map((person) => person.id), startedAt - this.graceMs);
      const missing = await this.missing(hand, reachable, told);
      await hand.take([
        ...persons.filter((person) => !isReachable(person)).map(({ id: personId }): Drift => ({ kinds: ['person-unreachable'], sample: { personId }, repairs: [] })),
        ...missing.map((person) => missingProfile(person, at, told)),
      ]);
      if (last !== undefined) checkpoint.persons = { after: last, read: checkpoint.persons.read + walked };
      hand.save();
      await hand.saved();
      if (walked < walkedAtOnce) return;
    }
  }

  /** Who has no pass any more and was deleted in Klaviyo wants to be forgotten: written anew, they would come back every night. */
  private async withListedPass(persons: readonly Person[], run: string): Promise<Person[]> {
    const listed = new Set(await this.runs.seen(run, 'pass', persons.flatMap(({ passes }) => Object.keys(passes))));
    return persons.filter(({ passes }) => Object.keys(passes).some((pass) => listed.has(pass)));
  }

  /** Whoever was told about since the run began has a profile by now, or soon, made behind the readers' backs; it was missing all the same where the id we know them by is gone. */
  private async missing(hand: RunInHand, persons: readonly Person[], { lately }: Updates): Promise<Person[]> {
    const doubtful = persons.flatMap(({ id, identity: { klaviyoId } }) => (lately.has(id) && klaviyoId !== undefined ? [klaviyoId] : []));
    const gone = await goneIds(hand, this.profiles, doubtful);
    return persons.filter(({ id, identity: { klaviyoId } }) => !lately.has(id) || (klaviyoId !== undefined && gone.has(klaviyoId)));
  }
}
