import type { Command, UpsertProfile } from '../command.js';
import type { Note } from '../decide.js';
import type { ErrorCode } from '../errors.js';
import { iso } from '../marketing/profile.js';
import type { Person } from '../person/person.js';
import { PersonIndex } from '../person/person-index.js';
import type { ListRoute } from '../plugin/hooks.js';
import type { ListedPass } from '../ports/passes.js';
import type { HeldEvent, HeldProfile } from '../ports/profiles.js';
import type { OptIn } from '../ports/setup.js';
import { isOpen, type CommandRecord, type DeliveryRecord, type LedgerEntry } from '../ports/store.js';
import { ownersOf } from '../reconciliation/compare-passes.js';
import { isMain, personOf } from '../reconciliation/compare-profiles.js';
import type { Rules } from '../rules.js';

/** A vendor could not be asked, and why. */
export interface NotAsked {
  words: string;
  code?: ErrorCode;
}

export interface SeenProfile extends HeldProfile {
  /** Its newest events, of all metrics. */
  events: HeldEvent[] | NotAsked;
}

/** Somebody else whom the name may mean. */
export interface NearMiss {
  personId: string;
  /** By which of their identifiers. */
  by: string;
}

/** All that was gathered about one question; what it means is decided from this alone. */
export interface Evidence {
  rules: Rules;
  now: number;
  /** What was asked. */
  text: string;
  /** The delivery that was asked about, where it was one. */
  delivery?: DeliveryRecord;
  person?: Person;
  nearMisses: NearMiss[];
  /** Everybody we know by a name that stands on one of the profiles or passes. */
  known: Person[];
  /** The newest deliveries about the person, the newest first; the one that was asked about is among them. */
  deliveries: DeliveryRecord[];
  /** Parked deliveries that name them and were never decided. */
  parked: DeliveryRecord[];
  /** What should stand on the profile; absent: a plugin that must not be passed over fails, or nobody's profile is to be kept right. */
  expected?: UpsertProfile;
  /** What should stand there without any plugin. */
  plain?: UpsertProfile;
  /** What plugins say about the profile and the lists now. */
  pluginNotes: Note[];
  /** To which lists consents lead now. */
  routes: ListRoute[];
  /** By list id, whether Klaviyo asks for a confirmation (double opt-in), of lists for which a subscription is not held; one is missing where it does not say. */
  optIns: Record<string, OptIn>;
  profiles: SeenProfile[] | NotAsked;
  /** By unique id, events older than all that their profile shows, which Klaviyo was asked for and does not have. */
  missingEvents: string[];
  passes: ListedPass[] | NotAsked;
  /** The newest token, opened. It never leaves. */
  token?: string;
  lastWebhookAt?: number;
  /** Deliveries not yet decided, of all tenants. */
  undecided: number;
}

export const isAsked = <T>(answer: T[] | NotAsked): answer is T[] => Array.isArray(answer);

/** So long Klaviyo may take to show what it accepted ("within minutes"). */
export const settlesMs = 10 * 60_000;

/** A command with the delivery that asked for it. */
export interface Sent<C extends Command = Command> extends CommandRecord {
  command: C;
  delivery: DeliveryRecord;
}

/** All commands of one kind, the newest first: their ids are in order of time. */
export function sentOf<D extends Command['do']>({ deliveries }: Pick<Evidence, 'deliveries'>, what: D): Sent<Extract<Command, { do: D }>>[] {
  const all = deliveries.flatMap((delivery) => delivery.commands.map((record) => ({ ...record, delivery })));
  return all.filter((record): record is Sent<Extract<Command, { do: D }>> => record.command.do === what).toSorted((a, b) => (a.id < b.id ? 1 : -1));
}

/** The profile update that counts: a superseded one was replaced by a newer. */
export function lastUpdate(evidence: Evidence): Sent<UpsertProfile> | undefined {
  return sentOf(evidence, 'upsert-profile').find(({ status }) => status !== 'superseded');
}

export const isTaken = ({ status }: Pick<CommandRecord, 'status'>) => status === 'accepted' || status === 'seen';

/** When the vendor took it, as far as the ledger says. */
export function takenAt({ ledger, status }: CommandRecord): number | undefined {
  return isTaken({ status }) ? ledger.findLast(({ outcome }) => outcome === 'accepted' || outcome === 'importing')?.at : undefined;
}

/** The vendor's last word on it. */
export function lastWord({ ledger }: CommandRecord): LedgerEntry | undefined {
  return ledger.toReversed().find(({ code, words }) => code !== undefined || words !== undefined);
}

/** A command that waits for its turn, for an answer, for an identifier, or for people. */
export const isPending = (command: Pick<CommandRecord, 'status'>) => isOpen(command) || command.status === 'waiting' || command.status === 'refused';

/** Parked deliveries about this person, the one that was asked about among them. */
export function parkedOf({ parked, deliveries }: Pick<Evidence, 'parked' | 'deliveries'>): DeliveryRecord[] {
  return [...parked, ...deliveries.filter(({ id, status }) => status === 'parked' && !parked.some((one) => one.id === id))];
}

type Held = Pick<Evidence, 'profiles' | 'person' | 'known' | 'rules'>;

/** By the rules of a reconciliation it is decided from here whose a profile or a pass is. */
export const knownIn = ({ person, known }: Pick<Evidence, 'person' | 'known'>) => new PersonIndex([...known, ...(person ? [person] : [])]);

/** The profiles that are this person's; others merely share a phone with them, as families do. */
export function ownProfiles(evidence: Held): SeenProfile[] {
  const { profiles, person, rules } = evidence;
  if (!isAsked(profiles)) return [];
  const known = knownIn(evidence);
  return profiles.filter((profile) => personOf(profile, known, rules)?.id === person?.id);
}

/** The profile that we write to. */
export function mainProfile(evidence: Held): SeenProfile | undefined {
  const { person } = evidence;
  return ownProfiles(evidence).find(({ name }) => !person || isMain(name, person));
}

/** Passes of somebody of whom nobody ever told us. */
export function unheardPasses(evidence: Pick<Evidence, 'passes' | 'person' | 'known' | 'rules'>): ListedPass[] {
  const { passes, rules } = evidence;
  const known = knownIn(evidence);
  return isAsked(passes) ? passes.filter((pass) => ownersOf(pass, known, rules).length === 0) : [];
}

/** How long ago, for people. */
export function ago(at: number, now: number): string {
  const minutes = Math.max(0, Math.round((now - at) / 60_000));
  if (minutes < 60) return `${minutes} min ago`;
  return minutes < 2_880 ? `${Math.round(minutes / 60)} h ago` : `${Math.round(minutes / 1_440)} days ago`;
}

export const since = (at: number, now: number) => `${iso(at)}, ${ago(at, now)}`;

export function quoted(words: string | undefined): string {
  return words === undefined ? '' : ` "${words}"`;
}
