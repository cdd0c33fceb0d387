import { isWalletLane, type Command } from '../command.js';
import { toldOf, type Decision, type Draft, type Note, type Told } from '../decide.js';
import { goes } from '../person/identity.js';
import type { Person } from '../person/person.js';
import { PersonIndex } from '../person/person-index.js';
import type { Changes, DeliveryOutcome } from '../ports/store.js';

/** The persons of a batch as they change while it is decided. */
export class Known {
  private readonly persons: PersonIndex;
  private readonly touched = new Set<string>();
  private readonly absorbed = new Map<string, string>();
  /** As it stands while the batch is concluded. */
  private readonly told = new Map<string, Told>();
  private commands: { deliveryId: string; personId: string; command: Command }[] = [];

  constructor(persons: readonly Person[]) {
    this.persons = new PersonIndex(persons);
  }

  owners(keys: readonly string[]): Person[] {
    return this.persons.owners(keys);
  }

  learn({ person, absorbed }: Draft): void {
    for (const from of absorbed) {
      this.persons.remove(from);
      this.touched.delete(from);
      this.absorbed.set(from, person.id);
    }
    this.persons.put(person);
    this.touched.add(person.id);
  }

  /** What was asked for about whoever the person of a draft has turned out to be. */
  was({ person }: Draft): Told {
    const id = this.now(person.id);
    return this.told.get(id) ?? toldOf(this.persons.get(id)!);
  }

  conclude(deliveryId: string, { person, commands }: Decision): Note[] {
    const personId = this.now(person.id);
    this.told.set(personId, toldOf(person));
    // Only the last profile of a batch is worth sending; it holds all that the earlier ones held.
    const folds = commands.some((command) => command.do === 'upsert-profile');
    const kept = this.commands.filter((known) => !(folds && known.personId === personId && known.command.do === 'upsert-profile'));
    const folded = kept.length < this.commands.length;
    this.commands = [...kept, ...commands.map((command) => ({ deliveryId, personId, command }))];
    return folded ? [{ by: 'profile', says: 'An earlier profile update of the same batch was folded into this one.' }] : [];
  }

  ask(deliveryId: string, personId: string, command: Command): void {
    this.commands.push({ deliveryId, personId, command });
  }

  changes(outcomes: DeliveryOutcome[]): Changes {
    return {
      persons: [...this.touched].map((id) => ({ ...this.persons.get(id)!, ...this.told.get(id) })),
      absorbed: [...this.absorbed].map(([from, into]) => ({ from, into })),
      // What is known at the end of the batch counts: an identifier learned last serves the first command too.
      commands: this.commands.map((one) => ({ ...one, goes: isWalletLane(one.command.do) ? 'at-once' : goes(this.persons.get(one.personId)!.identity) })),
      outcomes: outcomes.map((outcome) => ('personId' in outcome ? { ...outcome, personId: this.now(outcome.personId!) } : outcome)),
    };
  }

  /** The id of a person after all that were absorbed. */
  private now(id: string): string {
    const into = this.absorbed.get(id);
    return into === undefined ? id : this.now(into);
  }
}
