import type { Changes, Command, DeliveryOutcome } from '#core';

export interface CommandCount {
  kind: string;
  before: number;
  after: number;
  added: number;
  removed: number;
  changed: number;
}

/** One way in which the two decisions differ, by name and number; never by value, which may be personal. */
export interface Difference {
  kind: string;
  what: string;
  count: number;
  /** Ids of a few deliveries in which it is so. */
  deliveries: string[];
}

type Decided = Changes['commands'][number];

const mostSamples = 3;

/** Everything in which two ways of deciding the same deliveries differ. */
export class Differences {
  deliveries = 0;
  private readonly byKind = new Map<string, CommandCount>();
  private readonly found = new Map<string, Difference>();

  get commands(): CommandCount[] {
    return [...this.byKind.values()].toSorted((a, b) => byText(a.kind, b.kind));
  }

  get all(): Difference[] {
    return [...this.found.values()].toSorted((a, b) => byText(a.kind, b.kind) || b.count - a.count || byText(a.what, b.what));
  }

  add(before: Changes, after: Changes): void {
    this.deliveries += before.outcomes.length;
    this.compareOutcomes(before.outcomes, after.outcomes);
    const [was, is] = [byKey(before.commands), byKey(after.commands)];
    for (const [key, one] of was) {
      const count = this.count(one.command.do);
      const other = is.get(key);
      count.before++;
      if (!other) {
        count.removed++;
        this.note(one.command.do, `removed: ${subjectOf(one.command)}`, one.deliveryId);
        continue;
      }
      const changes = changesOf(one.command, other.command);
      if (changes.length > 0) count.changed++;
      for (const what of changes) this.note(one.command.do, `changed: ${what}`, other.deliveryId);
    }
    for (const [key, one] of is) {
      const count = this.count(one.command.do);
      count.after++;
      if (was.has(key)) continue;
      count.added++;
      this.note(one.command.do, `added: ${subjectOf(one.command)}`, one.deliveryId);
    }
  }

  private compareOutcomes(before: readonly DeliveryOutcome[], after: readonly DeliveryOutcome[]): void {
    const was = new Map(before.map((outcome) => [outcome.id, outcome]));
    for (const outcome of after) {
      const [then, now] = [endOf(was.get(outcome.id)!), endOf(outcome)];
      if (then !== now) this.note('delivery', `${then} → ${now}`, outcome.id);
      for (const { by, code } of outcome.notes) if (code?.startsWith('PLUGIN_')) this.note('plugin failure', `${by}: ${code}`, outcome.id);
    }
  }

  private count(kind: string): CommandCount {
    const count = this.byKind.get(kind) ?? { kind, before: 0, after: 0, added: 0, removed: 0, changed: 0 };
    this.byKind.set(kind, count);
    return count;
  }

  private note(kind: string, what: string, delivery: string): void {
    const key = `${kind} ${what}`;
    const difference = this.found.get(key) ?? { kind, what, count: 0, deliveries: [] };
    difference.count++;
    if (difference.deliveries.length < mostSamples && !difference.deliveries.includes(delivery)) difference.deliveries.push(delivery);
    this.found.set(key, difference);
  }
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function endOf(outcome: DeliveryOutcome): string {
  return outcome.status === 'parked' ? `parked ${outcome.code}` : outcome.status;
}

/** What stands for the same thing in both decisions. A profile update moves on to the last delivery of a batch that changes it, so it goes by its person. */
function byKey(commands: readonly Decided[]): Map<string, Decided> {
  const found = new Map<string, Decided>();
  for (const one of commands) {
    const { command } = one;
    const subject = command.do === 'subscribe' || command.do === 'unsubscribe' ? `${one.personId} ${command.field} ${command.listId ?? ''}` : command.do === 'upsert-profile' ? one.personId : one.deliveryId;
    let key = `${command.do} ${subject}`;
    while (found.has(key)) key += '+';
    found.set(key, one);
  }
  return found;
}

function subjectOf(command: Command): string {
  if (command.do === 'track') return `event ${command.metric}`;
  if (command.do === 'subscribe' || command.do === 'unsubscribe') return `list ${command.listId ?? '(default)'} by ${command.field}`;
  return command.do === 'upsert-profile' ? 'profile update' : 'call';
}

/** By name, whatever the order: what comes back from a plugin may be in another. */
function changesOf(before: Command, after: Command): string[] {
  if (before.do === 'upsert-profile' && after.do === 'upsert-profile') {
    return [...differing(before.attributes, after.attributes, 'attribute'), ...differing(before.properties, after.properties, 'property'), ...differing(before.links ?? {}, after.links ?? {}, 'link')];
  }
  if (before.do === 'track' && after.do === 'track') return [...(before.metric === after.metric ? [] : ['name']), ...differing(before.properties, after.properties, 'property'), ...differing({ backfill: before.backfill }, { backfill: after.backfill }, 'whether it fires flows:')];
  return differing({ ...before }, { ...after }, 'field');
}

function differing(before: object, after: object, word: string): string[] {
  const [a, b] = [before as Record<string, unknown>, after as Record<string, unknown>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name])).map((name) => `${word} ${name}`);
}
