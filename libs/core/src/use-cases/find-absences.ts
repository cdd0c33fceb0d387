import { lookUpBy } from '../person/look-up.js';
import type { Person } from '../person/person.js';
import type { Passes } from '../ports/passes.js';
import type { Profiles } from '../ports/profiles.js';
import type { Records } from '../ports/records.js';
import type { Runs } from '../ports/runs.js';
import type { Clock } from '../ports/system.js';
import { absencesOf, isPlausible, settledPasses, type Absence } from '../reconciliation/compare-passes.js';
import type { Drift } from '../reconciliation/repair.js';
import type { Rules } from '../rules.js';
import { wallets } from '../wallet/event.js';
import type { RunInHand } from './run-in-hand.js';

const passesAtOnce = 5_000;
/** What is gone is asked for by name, a call or two each; a process that dies must not have asked in vain. */
const askedAtOnce = 1;

interface Held {
  person: Person;
  absences: Absence[];
}

/** Finds passes that are not where we take them to be, when all that is listed has been seen. They are believed together or not at all. */
export class FindAbsences {
  constructor(
    private readonly passes: Passes,
    private readonly records: Records,
    private readonly runs: Runs,
    private readonly profiles: Pick<Profiles, 'byIds'>,
    private readonly clock: Clock,
    private readonly graceMs: number,
  ) {}

  async run(hand: RunInHand, rules: Rules): Promise<void> {
    const { checkpoint } = hand;
    if (checkpoint.persons.after === undefined) {
      let absent = 0;
      for await (const { held } of this.pages(hand, undefined, passesAtOnce)) for (const { absences } of held) absent += absences.length;
      if (absent === 0) return;
      // Of the passes we took for installed: those that are, by the list, and those that are not.
      const sums = { absent, installed: checkpoint.adoption.any + absent };
      if (!hand.run.options.believeAbsences && !isPlausible(sums.absent, sums.installed)) checkpoint.implausible = sums;
    }
    const at = this.clock.now();
    for await (const { held, walked, last } of this.pages(hand, checkpoint.persons.after, checkpoint.implausible ? passesAtOnce : askedAtOnce)) {
      const drifts: Drift[] = [];
      for (const { person, absences } of held) {
        const confirmed = checkpoint.implausible ? absences : await this.confirmed(hand, rules, person, absences);
        drifts.push(...absencesOf(person, confirmed, at, !checkpoint.implausible && (await this.isForgotten(hand, person, confirmed))));
      }
      await hand.take(checkpoint.implausible ? drifts.map((drift): Drift => ({ ...drift, repairs: [] })) : drifts);
      checkpoint.persons = { after: last, read: checkpoint.persons.read + walked };
      hand.save();
    }
    checkpoint.persons = { read: 0 };
  }

  /** The list moves while it is read, so a pass that was not on it may be there all the same: what is gone is asked for by name. */
  private async confirmed(hand: RunInHand, rules: Rules, person: Person, absences: readonly Absence[]): Promise<Absence[]> {
    const gone = new Set(absences.flatMap(({ pass, wallets: left }) => (left ? [] : [pass.id])));
    for (const { key, value } of gone.size > 0 ? lookUpBy([person], {}, rules) : []) {
      const found = await hand.asked(() => this.passes.find(hand.run.tenant, key, value));
      hand.checkpoint.calls.passes += 1;
      hand.save();
      for (const { id } of found) gone.delete(id);
      if (found.length > 0) break;
    }
    return absences.filter(({ pass, wallets: left }) => left || gone.has(pass.id));
  }

  /** Who has no pass any more, and whose profile was deleted too. Written once more, it would be there again. */
  private async isForgotten(hand: RunInHand, { passes, identity: { klaviyoId } }: Person, absences: readonly Absence[]): Promise<boolean> {
    const gone = new Set(absences.flatMap(({ pass, wallets: left }) => (left ? [] : [pass.id])));
    if (gone.size === 0 || klaviyoId === undefined) return false;
    const listed = await this.runs.seen(hand.run.id, 'pass', Object.keys(passes).filter((id) => !gone.has(id)));
    if (listed.length > 0) return false;
    const held = await hand.asked(() => this.profiles.byIds(hand.run.tenant, [klaviyoId]));
    hand.checkpoint.calls.profiles += 1;
    return held.length === 0;
  }

  /** `atOnce`: so many unseen passes together at the most. */
  private async *pages(hand: RunInHand, from: string | undefined, atOnce: number): AsyncGenerator<{ held: Held[]; walked: number; last: string }> {
    const { id, tenant, options } = hand.run;
    for (let after = from; ; ) {
      // A run over what changed lately was not shown the others.
      const { passes, walked, last } = await (options.since === undefined ? this.records.unseenPasses(tenant, id, after, passesAtOnce) : this.records.gonePasses(id, after, passesAtOnce));
      let rest = passes;
      for (; rest.length > atOnce; rest = rest.slice(atOnce)) yield { held: await this.compared(hand, rest.slice(0, atOnce)), walked: atOnce, last: rest[atOnce - 1]! };
      if (last !== undefined) yield { held: await this.compared(hand, rest), walked: walked - (passes.length - rest.length), last };
      hand.save();
      await hand.saved();
      if (walked < passesAtOnce) return;
      after = last;
    }
  }

  private async compared({ run: { id, tenant, options, startedAt } }: RunInHand, unseen: readonly string[]): Promise<Held[]> {
    if (unseen.length === 0) return [];
    const isUnseen = new Set(unseen);
    const persons = await this.records.personsBy(tenant, unseen.map((pass) => `pass:${pass}`));
    const settled = persons.map((person) => ({ person, passes: settledPasses(person, startedAt - this.graceMs).filter((pass) => isUnseen.has(pass.id)) }));
    const ids = settled.flatMap(({ passes }) => passes.map((pass) => pass.id));
    const listed = new Set(await this.runs.seen(id, 'pass', ids));
    const absent = new Set(await this.runs.seen(id, 'absent', ids.flatMap((pass) => wallets.map((wallet) => `${pass} ${wallet}`))));
    return settled.map(({ person, passes }) => {
      const absences = passes.flatMap((pass): Absence[] => {
        if (!listed.has(pass.id)) return options.since === undefined ? [{ pass }] : [];
        const gone = wallets.filter((wallet) => absent.has(`${pass.id} ${wallet}`));
        return gone.length > 0 ? [{ pass, wallets: gone }] : [];
      });
      return { person, absences };
    });
  }
}
