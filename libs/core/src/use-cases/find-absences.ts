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
import { goneIds, idsAtOnce } from './gone-ids.js';
import { walkedAtOnce, type RunInHand } from './run-in-hand.js';

/** More are walked over once more, instead of being kept in memory. */
const mostSuspects = 10_000;

interface Held {
  person: Person;
  absences: Absence[];
  /** The first of their passes that are walked over. */
  pass: string;
}

interface Portion {
  unseen: string[];
  held: Held[];
  /** How many passes were walked over, up to the last. */
  walked: number;
  last: string;
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
    /** In the order of the walk. Nearly always they are few, and all that is known need not be walked over twice for them. */
    let suspects: string[] | undefined;
    if (checkpoint.persons.after === undefined) {
      suspects = [];
      let absent = 0;
      for await (const { held, unseen } of this.portions(hand, undefined, walkedAtOnce)) {
        const ids = new Set(held.flatMap(({ absences }) => absences.map(({ pass }) => pass.id)));
        absent += held.reduce((sum, { absences }) => sum + absences.length, 0);
        suspects = suspects && suspects.length + ids.size <= mostSuspects ? [...suspects, ...unseen.filter((id) => ids.has(id))] : undefined;
      }
      if (absent === 0) return;
      // Of the passes we took for installed: those that are, by the list, and those that are not.
      const sums = { absent, installed: checkpoint.adoption.any + absent };
      if (!hand.run.options.believeAbsences && !isPlausible(sums.absent, sums.installed)) checkpoint.implausible = sums;
    }
    const at = this.clock.now();
    const atOnce = checkpoint.implausible ? walkedAtOnce : idsAtOnce;
    for await (const { held, walked, last } of suspects ? this.among(hand, suspects, atOnce) : this.portions(hand, checkpoint.persons.after, atOnce)) {
      if (checkpoint.implausible) await hand.take(held.flatMap(({ person, absences }) => absencesOf(person, absences, at).map((drift): Drift => ({ ...drift, repairs: [] }))));
      else await this.judge(hand, rules, held, at);
      checkpoint.persons = { after: last, read: checkpoint.persons.read + walked };
      hand.save();
    }
    checkpoint.persons = { read: 0 };
  }

  /** One by one: what is gone is asked for by name, and a process that dies must not have asked in vain. */
  private async judge(hand: RunInHand, rules: Rules, held: readonly Held[], at: number): Promise<void> {
    const forgotten = await this.forgotten(hand, held);
    for (const { person, absences, pass } of held) {
      await hand.take(absencesOf(person, await this.confirmed(hand, rules, person, absences), at, forgotten.has(person.id)));
      hand.checkpoint.persons.after = pass;
      hand.save();
    }
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
  private async forgotten(hand: RunInHand, held: readonly Held[]): Promise<Set<string>> {
    const gone = held.filter(({ absences }) => absences.some(({ wallets: left }) => !left));
    const listed = new Set(gone.length === 0 ? [] : await this.runs.seen(hand.run.id, 'pass', gone.flatMap(({ person }) => Object.keys(person.passes))));
    const without = gone.flatMap(({ person: { id, passes, identity: { klaviyoId } } }) => (klaviyoId !== undefined && !Object.keys(passes).some((pass) => listed.has(pass)) ? [{ id, klaviyoId }] : []));
    const deleted = await goneIds(hand, this.profiles, without.map(({ klaviyoId }) => klaviyoId));
    return new Set(without.flatMap(({ id, klaviyoId }) => (deleted.has(klaviyoId) ? [id] : [])));
  }

  /** `atOnce`: so many unseen passes together at the most. */
  private async *portions(hand: RunInHand, from: string | undefined, atOnce: number): AsyncGenerator<Portion> {
    const { id, tenant, options } = hand.run;
    for (let after = from; ; ) {
      const begunAt = this.clock.now();
      // A run over what changed lately was not shown the others.
      const { passes, walked, last } = await (options.since === undefined ? this.records.unseenPasses(tenant, id, after, walkedAtOnce) : this.records.gonePasses(id, after, walkedAtOnce));
      await hand.rest(begunAt);
      let rest = passes;
      for (; rest.length > atOnce; rest = rest.slice(atOnce)) yield this.portion(hand, rest.slice(0, atOnce), atOnce);
      if (last !== undefined) yield { ...(await this.portion(hand, rest, walked - (passes.length - rest.length))), last };
      hand.save();
      await hand.saved();
      if (walked < walkedAtOnce) return;
      after = last;
    }
  }

  /** The same, of these passes alone. */
  private async *among(hand: RunInHand, passes: readonly string[], atOnce: number): AsyncGenerator<Portion> {
    for (let next = 0; next < passes.length; next += atOnce) {
      yield this.portion(hand, passes.slice(next, next + atOnce), atOnce);
      await hand.saved();
    }
  }

  private async portion(hand: RunInHand, unseen: string[], walked: number): Promise<Portion> {
    return { unseen, held: await this.compared(hand, unseen), walked, last: unseen.at(-1)! };
  }

  private async compared({ run: { id, tenant, options, startedAt } }: RunInHand, unseen: readonly string[]): Promise<Held[]> {
    if (unseen.length === 0) return [];
    const place = new Map(unseen.map((id, i) => [id, i]));
    const persons = await this.records.personsBy(tenant, unseen.map((pass) => `pass:${pass}`));
    const settled = persons.map((person) => ({ person, passes: settledPasses(person, startedAt - this.graceMs).filter((pass) => place.has(pass.id)) }));
    const ids = settled.flatMap(({ passes }) => passes.map((pass) => pass.id));
    const listed = new Set(await this.runs.seen(id, 'pass', ids));
    const absent = new Set(await this.runs.seen(id, 'absent', ids.flatMap((pass) => wallets.map((wallet) => `${pass} ${wallet}`))));
    const held = settled.map(({ person, passes }) => {
      const absences = passes.flatMap((pass): Absence[] => {
        if (!listed.has(pass.id)) return options.since === undefined ? [{ pass }] : [];
        const gone = wallets.filter((wallet) => absent.has(`${pass.id} ${wallet}`));
        return gone.length > 0 ? [{ pass, wallets: gone }] : [];
      });
      return { person, absences, pass: unseen[Math.min(...Object.keys(person.passes).flatMap((id) => place.get(id) ?? []))]! };
    });
    return held.toSorted((a, b) => place.get(a.pass)! - place.get(b.pass)!);
  }
}
