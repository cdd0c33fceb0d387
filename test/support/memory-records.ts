import { identifierKeys, isOpen, Records, type Clock, type Command, type CommandRecord, type DeliveryRecord, type LedgerEntry, type Person, type Refused, type Updates, type UnseenEvent, type UnseenEvents, type Walked, type WalletEvent } from '#core';
import type { MemoryRuns } from './memory-runs.js';

/** What a test says has happened. */
export interface Happened {
  event: WalletEvent;
  receivedAt?: number;
  /** A repair of a run. */
  repair?: true;
  undecided?: true;
  /** Whom it turned out to be about. */
  personId?: string;
  persons?: Person[];
  absorbed?: { from: string; into: string }[];
  commands?: Command[];
  /** Nobody at Klaviyo can be addressed yet. */
  waiting?: true;
}

interface Kept {
  record: DeliveryRecord;
  personId?: string;
  repair: boolean;
}

export const refusalWords = 'Invalid phone number format.';
const dayMs = 86_400_000;

/** The promises of the port in memory, about what a test says has happened. */
export class MemoryRecords extends Records {
  readonly deliveries: Kept[] = [];
  readonly #persons = new Map<string, Map<string, Person>>();
  #serial = 0;

  constructor(private readonly clock: Pick<Clock, 'now'>, private readonly runs: Pick<MemoryRuns, 'seen' | 'allSeen'>) {
    super();
  }

  happened(tenant: string, { event, receivedAt = this.clock.now(), repair, undecided, personId, persons = [], absorbed = [], commands = [], waiting }: Happened): DeliveryRecord {
    const known = this.#of(tenant);
    for (const person of persons) known.set(person.id, structuredClone(person));
    for (const { from, into } of absorbed) {
      known.delete(from);
      for (const kept of this.deliveries) if (kept.record.tenant === tenant && kept.personId === from) kept.personId = into;
    }
    const asked = commands.map((command): CommandRecord => ({ id: this.#id(), lane: command.do, status: waiting ? 'waiting' : 'pending', command, ledger: [] }));
    const record: DeliveryRecord = { id: this.#id(), tenant, receivedAt, event, status: undecided ? 'undecided' : 'processed', redeliveries: 0, notes: [], commands: asked };
    this.deliveries.push({ record, repair: repair ?? false, ...(personId === undefined ? {} : { personId }) });
    return structuredClone(record);
  }

  override async learnIds(tenant: string, ids: ReadonlyMap<string, string>): Promise<void> {
    for (const [id, klaviyoId] of ids) {
      const person = this.#of(tenant).get(id);
      if (person) person.identity.klaviyoId ??= klaviyoId;
    }
  }

  /** In the order of their ids. */
  persons(tenant: string): Person[] {
    return structuredClone([...this.#of(tenant).values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
  }

  /** Answers all commands that wait in a lane. */
  answer(tenant: string, lane: Command['do'], outcome: 'accepted' | 'refused' | 'importing'): void {
    for (const { command } of this.#commands(tenant)) if (command.lane === lane && command.status === 'pending') this.#note(command, outcome, outcome);
  }

  async personsBy(tenant: string, identifiers: readonly string[]): Promise<Person[]> {
    return this.persons(tenant).filter((person) => identifierKeys(person).some((key) => identifiers.includes(key)));
  }

  async person(tenant: string, id: string): Promise<Person | undefined> {
    return structuredClone(this.#of(tenant).get(id));
  }

  async unseenPersons(tenant: string, runId: string, after: string | undefined, walk: number): Promise<Walked & { persons: Person[] }> {
    const persons = this.persons(tenant);
    const { ids, ...walked } = onwards(persons.map(({ id }) => id), after, walk);
    const seen = await this.runs.seen(runId, 'person', ids);
    return { persons: persons.filter(({ id }) => ids.includes(id) && !seen.includes(id)), ...walked };
  }

  async unseenPasses(tenant: string, runId: string, after: string | undefined, walk: number): Promise<Walked & { passes: string[] }> {
    const { ids, ...walked } = onwards(this.persons(tenant).flatMap(({ passes }) => Object.keys(passes)), after, walk);
    const [seen, gone] = [await this.runs.seen(runId, 'pass', ids), await this.runs.seen(runId, 'gone', ids)];
    return { passes: ids.filter((id) => !seen.includes(id) || gone.includes(id)), ...walked };
  }

  async gonePasses(runId: string, after: string | undefined, walk: number): Promise<Walked & { passes: string[] }> {
    const { ids, ...walked } = onwards(this.runs.allSeen(runId, 'gone'), after, walk);
    return { passes: ids, ...walked };
  }

  async toldSince(tenant: string, personIds: readonly string[], since: number): Promise<Updates> {
    const mine = this.#commands(tenant).filter(({ personId, command }) => command.lane === 'upsert-profile' && personId !== undefined && personIds.includes(personId));
    const idsOf = (which: (command: CommandRecord) => boolean) => new Set(mine.flatMap(({ personId, command }) => (which(command) ? [personId!] : [])));
    const lately = idsOf((command) => isOpen(command) || command.status === 'waiting' || acceptedAt(command) >= since);
    // The oldest first: what was accepted after a refusal holds all that the refused update held.
    const refused = new Map<string, Refused>();
    for (const { personId, deliveryId, command: { status, ledger } } of mine) {
      const { code, words } = ledger.at(-1) ?? {};
      if (status === 'accepted') refused.delete(personId!);
      else if (status === 'refused' && code !== undefined && !lately.has(personId!)) refused.set(personId!, { code, ...(words === undefined ? {} : { words }), deliveryId });
    }
    return { lately, parked: refused };
  }

  async deliveriesOf(tenant: string, personId: string, limit: number): Promise<DeliveryRecord[]> {
    return this.deliveries.filter((kept) => kept.record.tenant === tenant && kept.personId === personId).toReversed().slice(0, limit).map(({ record }) => structuredClone(record));
  }

  async lastWebhook(tenant: string): Promise<number | undefined> {
    const told = this.deliveries.filter(({ record: { tenant: of, event }, repair }) => of === tenant && !repair && (/^(registered|customer-updated|pass-.*|unknown)$/.test(event.kind) || 'carried' in event));
    return told.at(-1)?.record.receivedAt;
  }

  async unseenEvents(tenant: string, acceptedBefore: number): Promise<UnseenEvents[]> {
    const found = new Map<string, UnseenEvents>();
    for (const { track } of this.#unseen(tenant, acceptedBefore)) {
      const from = Math.floor(track.at / dayMs) * dayMs;
      const key = `${track.metric} ${from}`;
      found.set(key, { metric: track.metric, from, to: from + dayMs, count: (found.get(key)?.count ?? 0) + 1 });
    }
    return [...found.values()].sort((a, b) => a.from - b.from || (a.metric < b.metric ? -1 : 1));
  }

  async markEventsSeen(tenant: string, uniqueIds: readonly string[]): Promise<number> {
    const shown = this.#commands(tenant).filter(({ command }) => command.status === 'accepted' && command.command.do === 'track' && uniqueIds.includes(command.command.uniqueId));
    for (const { command } of shown) {
      command.status = 'seen';
      if (command.ledger.some(({ outcome }) => outcome === 'not-seen')) this.#note(command, 'seen', 'seen');
    }
    return shown.length;
  }

  async stillUnseen(tenant: string, { metric, from, to }: Pick<UnseenEvents, 'metric' | 'from' | 'to'>, acceptedBefore: number, limit: number): Promise<UnseenEvent[]> {
    const found = this.#unseen(tenant, acceptedBefore).filter(({ track }) => track.metric === metric && track.at >= from && track.at < to);
    return found.sort((a, b) => a.track.at - b.track.at).slice(0, limit).map(({ command, personId, track }) => ({ commandId: command.id, personId: personId!, uniqueId: track.uniqueId }));
  }

  async sendEventsAgain(tenant: string, commandIds: readonly string[]): Promise<number> {
    const missing = this.#commands(tenant).filter(({ command }) => command.lane === 'track' && command.status === 'accepted' && commandIds.includes(command.id));
    const going = missing.filter(({ command }) => !wasSentAgain(command));
    for (const one of missing) {
      if (going.includes(one)) {
        this.#note(one.command, 'pending', 'sent-again');
        Object.assign(one.command.command, { backfill: true });
      } else this.#note(one.command, 'accepted', 'not-seen');
    }
    return going.length;
  }

  #note(command: CommandRecord, status: string, outcome: string): void {
    const entry: LedgerEntry = { at: this.clock.now(), outcome, ...(outcome === 'not-seen' ? { code: 'KLAVIYO_NOT_SEEN' } : outcome === 'refused' ? { code: 'KLAVIYO_REFUSED_ITEM', words: refusalWords } : {}) };
    command.status = status;
    command.ledger.push(entry);
  }

  #unseen(tenant: string, acceptedBefore: number) {
    return this.#commands(tenant).flatMap(({ command, personId }) => {
      const track = command.command.do === 'track' ? command.command : undefined;
      const givenUp = wasSentAgain(command) && command.ledger.at(-1)!.outcome === 'not-seen';
      return track && command.status === 'accepted' && acceptedAt(command) < acceptedBefore && !givenUp ? [{ command, personId, track }] : [];
    });
  }

  #commands(tenant: string): { command: CommandRecord; deliveryId: string; personId?: string | undefined }[] {
    return this.deliveries.filter(({ record }) => record.tenant === tenant).flatMap(({ record, personId }) => record.commands.map((command) => ({ command, deliveryId: record.id, personId })));
  }

  #of(tenant: string): Map<string, Person> {
    const persons = this.#persons.get(tenant) ?? new Map<string, Person>();
    this.#persons.set(tenant, persons);
    return persons;
  }

  #id(): string {
    return `${String(++this.#serial).padStart(8, '0')}-0000-7000-8000-000000000000`;
  }
}

function onwards(all: readonly string[], after: string | undefined, walk: number): Walked & { ids: string[] } {
  const ids = [...new Set(all)].sort().filter((id) => after === undefined || id > after).slice(0, walk);
  const last = ids.at(-1);
  return { ids, walked: ids.length, ...(last === undefined ? {} : { last }) };
}

const wasSentAgain = ({ ledger }: CommandRecord) => ledger.some(({ outcome }) => outcome === 'sent-again');

/** Never, as long as it was not. */
function acceptedAt({ status, ledger }: CommandRecord): number {
  return status === 'accepted' || status === 'seen' ? ledger.findLast(({ outcome }) => outcome === 'accepted')!.at : Number.NEGATIVE_INFINITY;
}
