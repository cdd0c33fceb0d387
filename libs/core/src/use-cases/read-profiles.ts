import type { Person } from '../person/person.js';
import { PersonIndex } from '../person/person-index.js';
import type { PluginHost } from '../plugin/host.js';
import type { HeldProfile, ProfileRange, Profiles } from '../ports/profiles.js';
import type { Records } from '../ports/records.js';
import type { Runs } from '../ports/runs.js';
import { isUnanswered, type MarketingSetup, type OptIn } from '../ports/setup.js';
import type { Clock, Vault } from '../ports/system.js';
import type { Stretch } from '../reconciliation/checkpoint.js';
import { listsUnheld } from '../reconciliation/compare-consents.js';
import { compareProfile, couldReplace, duplicate, keysOfProfiles, personOf } from '../reconciliation/compare-profiles.js';
import { expectedProfiles } from '../reconciliation/expected-profile.js';
import { nextStretch, readersFor, worthAReader } from '../reconciliation/stretches.js';
import type { Rules } from '../rules.js';
import { goneIds } from './gone-ids.js';
import type { RunInHand } from './run-in-hand.js';

const pageSize = 100;
/** More are not looked at again: they are most likely all about to be written. */
const mostFresh = 500;
/** A stretch of no length would hold nobody. */
const shortestMs = 1;

/** Reads what Klaviyo holds, and finds what differs from what we know. */
export class ReadProfiles {
  private readonly optIns = new Map<string, OptIn | undefined>();

  constructor(
    private readonly profiles: Profiles,
    private readonly records: Records,
    private readonly runs: Runs,
    private readonly plugins: PluginHost,
    private readonly vault: Pick<Vault, 'open'>,
    private readonly clock: Clock,
    private readonly graceMs: number,
    /** Whether profiles of nobody we know get the explicit status too. */
    private readonly strangers: boolean,
    private readonly lists: Pick<MarketingSetup, 'lists'>,
  ) {}

  async read(hand: RunInHand, rules: Rules): Promise<void> {
    const { passes, profiles } = hand.checkpoint;
    if (profiles.stretches.length === 0) profiles.stretches = await this.whole(hand);
    const busy = new Map<Stretch, number>();
    const readers = new Set<Promise<void>>();
    const read = { pages: 0, ms: 0 };
    const failures: unknown[] = [];
    const join = () => {
      // Whoever has a pass has a profile.
      const expected = (passes.total ?? 0) / pageSize;
      const worthMs = worthAReader(profiles.stretches, read, expected);
      const most = hand.run.options.since === undefined ? readersFor(Math.max(expected, hand.checkpoint.calls.profiles)) : 1;
      while (failures.length === 0 && readers.size < most) {
        const stretch = nextStretch(profiles.stretches, busy, worthMs);
        if (!stretch) return;
        busy.set(stretch, stretch.at);
        const reader = this.stretch(hand, rules, stretch, busy, goesOn)
          .catch((error: unknown) => void failures.push(error))
          .finally(() => {
            busy.delete(stretch);
            readers.delete(reader);
            join();
          });
        readers.add(reader);
      }
    };
    /** With each page it shows better how much there is to read, and how many readers that is worth. */
    const goesOn = (ms: number) => {
      read.pages += 1;
      read.ms += ms;
      join();
      return failures.length === 0;
    };
    join();
    while (readers.size > 0) await Promise.race(readers);
    if (failures.length > 0) throw failures[0];
    await hand.saved();
  }

  /** From the oldest profile until now. What is created meanwhile is left to the next run. */
  private async whole(hand: RunInHand): Promise<Stretch[]> {
    const { options, startedAt, tenant } = hand.run;
    if (options.since !== undefined) return [{ from: options.since, to: startedAt, at: options.since, done: false }];
    const { profiles: [oldest] } = await hand.asked(() => this.profiles.page(tenant, {}));
    hand.checkpoint.calls.profiles += 1;
    return oldest ? [{ from: oldest.createdAt, to: Math.max(startedAt, oldest.createdAt + shortestMs), at: oldest.createdAt, done: false }] : [];
  }

  private async stretch(hand: RunInHand, rules: Rules, stretch: Stretch, busy: Map<Stretch, number>, goesOn: (ms: number) => boolean): Promise<void> {
    const { options, tenant } = hand.run;
    // Both ends are exclusive at Klaviyo; a profile is in the stretch in whose time it was created.
    const range: ProfileRange = options.since === undefined ? { createdAfter: stretch.at - 1, createdBefore: stretch.to } : { changedAfter: stretch.at - 1 };
    let next: string | undefined;
    do {
      hand.goOn();
      const cursor = next;
      const page = await hand.asked(() => this.profiles.page(tenant, range, cursor));
      hand.checkpoint.calls.profiles += 1;
      const timeOf = (profile: HeldProfile) => (options.since === undefined ? profile.createdAt : profile.updatedAt);
      // What came after the end belongs to whoever took the other half meanwhile.
      const own = page.profiles.filter((profile) => timeOf(profile) < stretch.to);
      const last = page.profiles.at(-1);
      next = last === undefined || own.length < page.profiles.length ? undefined : page.next;
      const lastAt = last === undefined ? stretch.at : Math.max(stretch.at, Math.min(timeOf(last), stretch.to));
      const readUntil = next === undefined ? stretch.to : lastAt;
      busy.set(stretch, readUntil);
      // Who goes on with a stretch begins with those with whom another process ended.
      const before = stretch.readAt ?? [];
      const unread = own.filter((profile) => timeOf(profile) !== stretch.at || !before.includes(profile.name.klaviyoId));
      await this.look(hand, rules, unread);
      hand.checkpoint.profiles.read += unread.length;
      const readMs = lastAt - stretch.at;
      stretch.readAt = [...(readMs === 0 ? before : []), ...unread.flatMap((profile) => (timeOf(profile) === readUntil ? [profile.name.klaviyoId] : []))];
      stretch.at = readUntil;
      stretch.done = next === undefined;
      hand.save();
      // A process that dies during the next call has lost that one, and not this page as well.
      await hand.saved();
      if (!goesOn(readMs)) return;
    } while (next !== undefined);
  }

  /** What was too fresh to be judged when it was read. */
  async readAgain(hand: RunInHand, rules: Rules): Promise<void> {
    const { fresh, calls } = hand.checkpoint;
    while (fresh.profiles.length > 0) {
      const ids = fresh.profiles.slice(0, pageSize);
      const profiles = await hand.asked(() => this.profiles.byIds(hand.run.tenant, ids));
      calls.profiles += 1;
      await this.look(hand, rules, profiles, true);
      fresh.profiles = fresh.profiles.slice(ids.length);
      hand.save();
    }
  }

  private async look(hand: RunInHand, rules: Rules, held: readonly HeldProfile[], isAgain = false): Promise<void> {
    if (held.length === 0) return;
    const { id, tenant, options } = hand.run;
    const at = this.clock.now();
    const keys = keysOfProfiles(held, rules);
    const persons = await this.records.personsBy(tenant, keys);
    const known = new PersonIndex(persons);
    const [expected, told] = await Promise.all([
      expectedProfiles(persons, rules, this.plugins),
      this.records.toldSince(tenant, persons.map((person) => person.id), at - this.graceMs),
    ]);
    // A dry run has told nobody whom it met among the passes.
    const newcomers = new Set(options.dryRun ? await this.runs.seen(id, 'name', keys) : []);
    const owned = held.map((profile) => ({ profile, person: personOf(profile, known, rules) }));
    const optIns = options.only.includes('consent') ? await this.optInsOf(owned.flatMap(({ profile, person }) => (person ? listsUnheld(profile, person, rules) : [])), tenant) : {};
    // Nothing that we write to a profile changes consent: it was judged at once.
    const only = options.only.filter((part) => !isAgain || part !== 'consent');
    const gone = await this.gone(hand, owned);
    const reading = { begunAt: hand.run.startedAt, at, only, rules, vault: this.vault, expected, told, strangers: this.strangers, optIns, gone };
    const compared = owned.flatMap(({ profile, person }) => {
      if (!person && newcomers.size > 0 && keysOfProfiles([profile], rules).some((key) => newcomers.has(key))) return [];
      return [{ profile, comparison: compareProfile(profile, person, reading) }];
    });
    // Two profiles with one address look both like the person's own: it is the one that was met first.
    const first = await this.firstProfiles(id, compared.flatMap(({ profile, comparison: { person } }) => (person ? [[person.id, profile.name.klaviyoId] as const] : [])));
    for (const one of compared) {
      const { person } = one.comparison;
      if (person && first.get(person.id) !== one.profile.name.klaviyoId) one.comparison = duplicate(one.profile, person, reading);
    }
    await hand.take(compared.flatMap(({ comparison: { drift } }) => drift ?? []));
    if (!options.dryRun) await this.learnIds(tenant, compared.flatMap(({ profile, comparison: { person } }) => (person && person.identity.klaviyoId === undefined ? [[person.id, profile.name.klaviyoId] as const] : [])));
    if (isAgain) return;
    const { fresh } = hand.checkpoint;
    const unsettled = compared.flatMap(({ profile, comparison }) => (comparison.is === 'unsettled' ? [profile.name.klaviyoId] : []));
    fresh.profiles = [...new Set([...fresh.profiles, ...unsettled])].slice(0, mostFresh);
  }

  /** Asked when a subscription is missing for the first time; then it says whether somebody must confirm it. */
  private async optInsOf(lists: readonly string[], tenant: string): Promise<Record<string, OptIn>> {
    const unasked = [...new Set(lists)].filter((list) => list !== '' && !this.optIns.has(list));
    for (const list of unasked) this.optIns.set(list, undefined);
    const held = unasked.length === 0 ? [] : await this.lists.lists(tenant, unasked);
    if (!isUnanswered(held)) for (const { id, optIn } of held) this.optIns.set(id, optIn);
    return Object.fromEntries([...this.optIns].flatMap(([list, optIn]) => (optIn ? [[list, optIn]] : [])));
  }

  /** An import does not tell ids; without one, a profile whose address changes would be left behind with what it says. */
  private async learnIds(tenant: string, ids: (readonly [person: string, profile: string])[]): Promise<void> {
    if (ids.length > 0) await this.records.learnIds(tenant, new Map(ids));
  }

  /** Ids by which we know persons and Klaviyo nobody any more: another profile has their address. */
  private async gone(hand: RunInHand, owned: readonly { profile: HeldProfile; person: Person | undefined }[]): Promise<Set<string>> {
    const ids = [...new Set(owned.flatMap(({ profile: { name }, person }) => (person && couldReplace(name, person) ? [person.identity.klaviyoId!] : [])))];
    return goneIds(hand, this.profiles, ids);
  }

  private async firstProfiles(run: string, met: (readonly [person: string, profile: string])[]): Promise<Map<string, string>> {
    // Of two on one page the first stays.
    return met.length === 0 ? new Map() : this.runs.seePersons(run, new Map(met.toReversed()));
  }
}
