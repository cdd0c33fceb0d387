import type { ProfileName } from '../command.js';
import { concernsNobody, conclude, draft, type Draft, type Note } from '../decide.js';
import { ConnectorError } from '../errors.js';
import { identifiersOf, keysOf, personId } from '../person/identity.js';
import { lookUpBy } from '../person/look-up.js';
import { question, type PluginHost, type Question, type Who } from '../plugin/host.js';
import type { HookName } from '../plugin/hooks.js';
import { personView, whoIs } from '../plugin/person-view.js';
import { shapedProfiles } from '../plugin/shaped-profiles.js';
import type { Changes, Delivery, DeliveryOutcome, UnitOfWork } from '../ports/store.js';
import type { Clock } from '../ports/system.js';
import type { Rules } from '../rules.js';
import { bareEvent, type WalletEvent } from '../wallet/event.js';
import { subjectOfAction, type FlowAction } from '../wallet/flow-action.js';
import { Known } from './known.js';

/** A delivery on its way through a batch. */
interface Entry {
  id: string;
  event: WalletEvent | FlowAction;
  keys: string[];
  /** What plugins made of the event's identifiers. */
  identifiers?: Record<string, string>;
  notes: Note[];
  /** How it ended, once that is known. */
  outcome?: DeliveryOutcome;
}

interface Drafted {
  entry: Entry;
  draft: Draft;
}

/** Deciding is computing; after so many deliveries the webhooks that have come meanwhile get their turn. */
const breathEvery = 10;

/**
 * Decides about deliveries in the order they came. Plugins are asked about the whole batch at once, hook by hook: a question to another
 * thread costs more than a decision. What they say never changes who anybody is, so drafting can run ahead of them.
 */
export class DecideBatch {
  constructor(
    private readonly plugins: PluginHost,
    private readonly clock: Clock,
    private readonly parked: (deliveryId: string, tenant: string, error: unknown) => DeliveryOutcome,
  ) {}

  async run(unit: Pick<UnitOfWork, 'persons'>, rules: Rules, deliveries: readonly (Delivery & { unreadable?: unknown })[]): Promise<Changes> {
    const entries = deliveries.map((delivery) => this.entry(delivery, rules));
    const keys = new Set(entries.flatMap((entry) => entry.keys));
    const persons = await unit.persons([...keys]);
    await this.askAboutEvents(entries, new Known(persons), rules);
    const moreKeys = entries.flatMap((entry) => entry.keys).filter((key) => !keys.has(key));
    if (moreKeys.length > 0) for (const person of await unit.persons([...new Set(moreKeys)])) if (!persons.some(({ id }) => id === person.id)) persons.push(person);

    for (;;) {
      const known = new Known(persons);
      const drafts = await this.draftAll(entries, known, rules);
      // Nothing may be learned from a delivery that a plugin holds, or its replay would find nothing new in it: the others start over.
      if (await this.askAboutDrafts(drafts, rules)) continue;
      for (const { entry, draft } of drafts) {
        const decision = conclude(draft, known.was(draft), rules, this.clock.now());
        entry.outcome = { id: entry.id, status: 'processed', personId: draft.person.id, notes: [...entry.notes, ...decision.notes, ...known.conclude(entry.id, decision)] };
      }
      return known.changes(entries.map(({ outcome }) => outcome!));
    }
  }

  private entry({ id, event, unreadable }: Delivery & { unreadable?: unknown }, rules: Rules): Entry {
    const entry: Entry = { id, event, keys: [], notes: [] };
    // Parked again: as "ignored" it would vanish from what the operator has to look after.
    if (unreadable !== undefined) return { ...entry, outcome: this.parked(id, rules.tenant, unreadable) };
    if (event.kind === 'unknown') return { ...entry, outcome: { id, status: 'ignored', notes: [{ by: 'wallet-crew', says: `"${event.name}" is kept, but means nothing to us.` }] } };
    try {
      if (event.kind !== 'flow-action') return { ...entry, keys: keysOf(identifiersOf(event, rules).identifiers, event) };
      return { ...entry, keys: event.command.do === 'look-up' ? keysOf(identifiersOf(asEvent(event.command.profile, event), rules).identifiers, {}) : [] };
    } catch {
      // An event that cannot even be looked up is parked when its turn comes; it must not keep the others from theirs.
      return entry;
    }
  }

  private async askAboutEvents(entries: readonly Entry[], known: Known, rules: Rules): Promise<void> {
    const { tenant } = rules;
    if (!(['acceptEvent', 'matchPerson'] as const).some((hook) => this.plugins.has(tenant, hook))) return;
    const told = entries.flatMap((entry) => (entry.outcome || entry.event.kind === 'flow-action' || entry.keys.length === 0 ? [] : [{ entry, event: entry.event, who: whoOf(entry.event, entry.keys, known, tenant) }]));
    const accepts = told.map(({ event, who }) => question<'acceptEvent'>(who, { event }));
    await this.plugins.ask(tenant, 'acceptEvent', accepts);
    told.forEach(({ entry }, i) => {
      const { output } = accepts[i]!;
      this.noteOrHold(entry, accepts[i]!, tenant);
      if (!entry.outcome && output !== undefined && output !== true) entry.outcome = { id: entry.id, status: 'ignored', notes: [...entry.notes, { by: 'plugin', says: output.skip }] };
    });
    const open = told.filter(({ entry }) => !entry.outcome);
    const matches = open.map(({ event, who }) => question<'matchPerson'>(who, { event, identifiers: identifiersOf(event, rules).identifiers }));
    await this.plugins.ask(tenant, 'matchPerson', matches);
    open.forEach(({ entry, event }, i) => {
      const { output } = matches[i]!;
      this.noteOrHold(entry, matches[i]!, tenant);
      if (!output) return;
      entry.identifiers = output;
      entry.keys = keysOf(output, event);
    });
  }

  private async draftAll(entries: readonly Entry[], known: Known, rules: Rules): Promise<Drafted[]> {
    const drafts: Drafted[] = [];
    for (const [index, entry] of entries.entries()) {
      if (index % breathEvery === 0) await this.clock.nextTurn();
      const { id, event } = entry;
      if (entry.outcome && event.kind !== 'flow-action') continue;
      try {
        if (event.kind === 'flow-action') entry.outcome = this.pass(id, event, entry, known, rules);
        else if (concernsNobody(event, known.owners(entry.keys))) entry.outcome = { id, status: 'ignored', notes: [{ by: 'klaviyo', says: 'It is about somebody we know nothing of.' }] };
        else {
          const drafted = draft(event, known.owners(entry.keys), rules, this.clock.now(), entry.identifiers);
          known.learn(drafted);
          drafts.push({ entry, draft: drafted });
        }
      } catch (error) {
        entry.outcome = this.parked(id, rules.tenant, error);
      }
    }
    return drafts;
  }

  /** What a flow asks goes to The Wallet Crew as it is; a look-up also by what we know about the customer. */
  private pass(id: string, { command }: FlowAction, { keys }: Entry, known: Known, rules: Rules): DeliveryOutcome {
    const owners = known.owners(keys);
    const asked = command.do === 'look-up' ? { ...command, by: lookUpBy(owners, command.profile, rules) } : command;
    known.ask(id, subjectOfAction(command), asked);
    return { id, status: 'processed', ...(owners[0] ? { personId: owners[0].id } : {}), notes: [{ by: 'flow', says: 'Passed on to The Wallet Crew.' }] };
  }

  /** Lets plugins change what was drafted. Answers whether one of them now holds a delivery. */
  private async askAboutDrafts(drafts: readonly Drafted[], rules: Rules): Promise<boolean> {
    const { tenant } = rules;
    if (!(['mapMetric', 'mapProfile', 'routeLists', 'passLink'] as const).some((hook) => this.plugins.has(tenant, hook))) return false;
    const seen = drafts.map(({ entry, draft }) => ({ entry, draft, person: personView(draft.person) })).map((one) => ({ ...one, who: whoIs(one.person) }));

    const metrics = seen.flatMap((one) => (one.draft.track && !one.draft.track.token ? [{ ...one, q: question<'mapMetric'>(one.who, { event: one.entry.event as WalletEvent, person: one.person, metric: { name: one.draft.track.metric, properties: one.draft.track.properties } }) }] : []));
    await this.plugins.ask(tenant, 'mapMetric', metrics.map(({ q }) => q));
    for (const { draft, q } of metrics) if (q.output !== undefined) draft.track = q.output === null ? undefined : { ...draft.track!, metric: q.output.name, properties: q.output.properties };

    const profiled = seen.flatMap((one) => (one.draft.profile ? [{ ...one, profile: one.draft.profile }] : []));
    const shaped = await shapedProfiles(this.plugins, tenant, profiled);
    const profiles = profiled.flatMap((one, i) => shaped[i]!.asked.map((q) => ({ ...one, q })));
    profiled.forEach(({ draft }, i) => (draft.profile = shaped[i]!.profile));

    const lists = seen.flatMap((one) => (one.draft.lists ? [{ ...one, q: question<'routeLists'>(one.who, { person: one.person, lists: one.draft.lists }) }] : []));
    await this.plugins.ask(tenant, 'routeLists', lists.map(({ q }) => q));
    for (const { draft, q, person } of lists) {
      const routes = q.output;
      if (!routes) continue;
      draft.lists = routes.filter(({ consent }) => person.consents[consent] === true && Object.hasOwn(rules.consents, consent));
      const dropped = routes.length - draft.lists.length;
      if (dropped > 0) q.notes.push({ by: `plugin ${q.lastBy}`, says: `Asked for ${dropped} list${dropped > 1 ? 's' : ''} on a consent that was not given.`, code: 'PLUGIN_CONSENT_MISSING' });
    }

    for (const { entry, draft, q } of [...metrics, ...profiles, ...lists]) this.noteOrHold(entry, q, tenant, draft.notes);
    return drafts.some(({ entry }) => entry.outcome !== undefined);
  }

  /** `kept`: where the notes go; those about a draft go with it, because a draft may be made again. */
  private noteOrHold(entry: Entry, { notes, held }: Pick<Question<HookName>, 'notes' | 'held'>, tenant: string, kept: Note[] = entry.notes): void {
    kept.push(...notes);
    if (!held || entry.outcome) return;
    const outcome = this.parked(entry.id, tenant, new ConnectorError(held.code, `Plugin "${held.plugin}".`));
    entry.outcome = { ...outcome, notes: [...new Set([...entry.notes, ...kept, ...outcome.notes])] } as DeliveryOutcome;
  }
}

/** Nothing but how Klaviyo names somebody, to be read as an event's identifiers are. */
const asEvent = (profile: ProfileName, { name, at }: FlowAction): WalletEvent => bareEvent({ kind: 'looked-up', name, at, profile });

/** Who an event seems to be about, before any plugin has matched it. */
function whoOf(event: WalletEvent, keys: readonly string[], known: Known, tenant: string): Who {
  const [owner] = known.owners(keys);
  return whoIs(owner ? personView(owner) : { id: personId(tenant, keys), metadata: event.metadata, locale: event.attributes.locale });
}
