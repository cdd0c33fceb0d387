import type { Profile } from './profile.js';
import { GrowingSequence } from './sequence.js';

export type OptInProcess = 'single_opt_in' | 'double_opt_in';

export class List {
  updated: number;
  private readonly joinedAt = new Map<string, number>();
  readonly inOrderOfJoining = new GrowingSequence<Profile>((profile, at) => this.joinedAt.get(profile.id) === at);

  constructor(
    readonly id: string,
    public name: string,
    readonly optIn: OptInProcess,
    readonly created: number,
  ) {
    this.updated = created;
  }

  get size(): number {
    return this.joinedAt.size;
  }

  has = (profileId: string): boolean => this.joinedAt.has(profileId);

  joined = (profileId: string): number | undefined => this.joinedAt.get(profileId);

  memberIds = (): string[] => [...this.joinedAt.keys()];

  /** Whether the profile is new to the list. */
  add(profile: Profile, at: number): boolean {
    if (this.joinedAt.has(profile.id)) return false;
    this.joinedAt.set(profile.id, at);
    this.inOrderOfJoining.append(at, profile);
    return true;
  }

  remove = (profileId: string): boolean => this.joinedAt.delete(profileId);
}
