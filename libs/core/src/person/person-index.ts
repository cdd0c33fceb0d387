import { identifierKeys } from './identity.js';
import type { Person } from './person.js';

/** Persons by id, and by every key under which they are found. */
export class PersonIndex {
  private readonly persons = new Map<string, Person>();
  private readonly ownersOf = new Map<string, Set<string>>();

  constructor(persons: readonly Person[] = []) {
    for (const person of persons) this.put(person);
  }

  get(id: string): Person | undefined {
    return this.persons.get(id);
  }

  owners(keys: readonly string[]): Person[] {
    const ids = new Set(keys.flatMap((key) => [...(this.ownersOf.get(key) ?? [])]));
    return [...ids].flatMap((id) => this.persons.get(id) ?? []);
  }

  put(person: Person): void {
    this.persons.set(person.id, person);
    for (const key of identifierKeys(person)) this.ownersOf.set(key, (this.ownersOf.get(key) ?? new Set()).add(person.id));
  }

  remove(id: string): void {
    this.persons.delete(id);
  }
}
