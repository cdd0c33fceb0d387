import { ulid } from './ids.js';
import type { Profile } from './profile.js';
import { GrowingSequence } from './sequence.js';

export interface Identifiers {
  id?: string | undefined;
  externalId?: string | undefined;
  email?: string | undefined;
  phone?: string | undefined;
}

/** Klaviyo compares addresses without regard to case. */
const emailKey = (email: string) => email.trim().toLowerCase();

/** All profiles of an account, found by any identifier and readable in order of creation and of change. */
export class ProfileStore {
  private readonly byId = new Map<string, Profile>();
  private readonly byEmail = new Map<string, Profile>();
  private readonly byPhone = new Map<string, Profile>();
  private readonly byExternalId = new Map<string, Profile>();
  /** A merged profile's id still resolves, to the one it went into. */
  private readonly aliases = new Map<string, string>();
  private serial = 0;
  /** Changes with every write; sorted copies are valid for one version. */
  version = 0;

  readonly inOrderOfCreation = new GrowingSequence<Profile>((profile) => this.byId.get(profile.id) === profile);
  readonly inOrderOfChange = new GrowingSequence<Profile>((profile, at) => profile.updated === at && this.byId.get(profile.id) === profile);

  constructor(private readonly tick: () => number) {}

  get size(): number {
    return this.byId.size;
  }

  all(): IterableIterator<Profile> {
    return this.byId.values();
  }

  get(id: string): Profile | undefined {
    const profile = this.byId.get(id);
    if (profile) return profile;
    const alias = this.aliases.get(id);
    return alias === undefined ? undefined : this.get(alias);
  }

  withEmail = (email: string): Profile | undefined => this.byEmail.get(emailKey(email));
  withPhone = (phone: string): Profile | undefined => this.byPhone.get(phone);
  withExternalId = (externalId: string): Profile | undefined => this.byExternalId.get(externalId);

  /** The different profiles these identifiers point at, strongest identifier first: id, external id, email, phone. */
  matches({ id, externalId, email, phone }: Identifiers): Profile[] {
    const found = [
      id === undefined ? undefined : this.get(id),
      externalId === undefined ? undefined : this.withExternalId(externalId),
      email === undefined ? undefined : this.withEmail(email),
      phone === undefined ? undefined : this.withPhone(phone),
    ];
    return [...new Set(found.filter((profile) => profile !== undefined))];
  }

  create(): Profile {
    const profile = this.made(this.tick());
    this.inOrderOfCreation.append(profile.created, profile);
    this.inOrderOfChange.append(profile.updated, profile);
    return profile;
  }

  /** Profiles that have been there for long. Times are epoch milliseconds; each gets a fraction of its own, because no two are created at once. */
  hold<T extends { id?: string; created: number; updated?: number }>(seeds: Iterable<T>, fill: (profile: Profile, seed: T) => void): void {
    for (const seed of seeds) {
      const fraction = (this.serial + 1) % 1000;
      const profile = this.made(seed.created * 1000 + fraction, seed.id);
      if (seed.updated !== undefined) profile.updated = seed.updated * 1000 + fraction;
      fill(profile, seed);
    }
    const inOrder = (at: (profile: Profile) => number) => [...this.byId.values()].map((item) => ({ key: at(item), item })).sort((a, b) => a.key - b.key);
    this.inOrderOfCreation.refill(inOrder(({ created }) => created));
    this.inOrderOfChange.refill(inOrder(({ updated }) => updated));
  }

  private made(at: number, id?: string): Profile {
    this.serial++;
    const profile: Profile = {
      id: id ?? ulid(at, this.serial),
      email: undefined,
      phone: undefined,
      externalId: undefined,
      names: undefined,
      location: undefined,
      properties: {},
      created: at,
      updated: at,
      lastEvent: undefined,
      consents: undefined,
    };
    this.byId.set(profile.id, profile);
    this.version++;
    return profile;
  }

  touch(profile: Profile): void {
    profile.updated = this.tick();
    this.inOrderOfChange.append(profile.updated, profile);
    this.version++;
  }

  setEmail(profile: Profile, email: string | undefined): void {
    move(this.byEmail, profile, profile.email && emailKey(profile.email), email && emailKey(email));
    profile.email = email;
  }

  setPhone(profile: Profile, phone: string | undefined): void {
    move(this.byPhone, profile, profile.phone, phone);
    profile.phone = phone;
  }

  setExternalId(profile: Profile, externalId: string | undefined): void {
    move(this.byExternalId, profile, profile.externalId, externalId);
    profile.externalId = externalId;
  }

  remove(profile: Profile, mergedInto?: Profile): void {
    this.setEmail(profile, undefined);
    this.setPhone(profile, undefined);
    this.setExternalId(profile, undefined);
    this.byId.delete(profile.id);
    if (mergedInto) this.aliases.set(profile.id, mergedInto.id);
    this.version++;
  }
}

function move(index: Map<string, Profile>, profile: Profile, from: string | undefined, to: string | undefined): void {
  if (from === to) return;
  if (from !== undefined && index.get(from) === profile) index.delete(from);
  if (to !== undefined) index.set(to, profile);
}
