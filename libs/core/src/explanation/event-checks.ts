import { iso } from '../marketing/profile.js';
import type { CommandRecord, DeliveryRecord } from '../ports/store.js';
import { ifAny, reconcileRun, replayCall, type Check } from './check.js';
import { unseenEvents } from './event-evidence.js';
import { isTaken, lastWord, quoted, sentOf, since, takenAt, type Evidence } from './evidence.js';

/** A reconciliation sends an event once more, and no third time. */
const wasSentAgain = ({ ledger }: CommandRecord) => ledger.some(({ outcome }) => outcome === 'sent-again');
const unseen = (evidence: Evidence, sentAgain: boolean) =>
  ifAny(unseenEvents(evidence).filter((sent) => wasSentAgain(sent) === sentAgain).map((sent) => `${sent.command.metric}${sentAgain ? ` of ${iso(sent.command.at)}` : ''}, accepted ${since(takenAt(sent)!, evidence.now)}`));
const named = ({ event, receivedAt }: DeliveryRecord, now: number) => `${event.name} of ${since(receivedAt, now)}`;
const noted = (evidence: Evidence, says: (note: string) => boolean) =>
  evidence.deliveries.flatMap((delivery) => delivery.notes.filter(({ by, says: note }) => by.startsWith('plugin ') && says(note)).map(({ by }) => `${named(delivery, evidence.now)}, by ${by}`));

/** Did flows get their events? */
export const eventChecks: readonly Check[] = [
  {
    name: 'event-refused', about: 'events', weight: 'broken', run: replayCall, read: 'docs/errors.md',
    says: 'Klaviyo refused an event of this person, so no flow that waits for it began.',
    fix: 'Correct the cause in the words of Klaviyo, then replay it.',
    holds: (evidence) => {
      const refused = sentOf(evidence, 'track').filter(({ status }) => status === 'refused');
      const [first] = refused;
      if (!first) return undefined;
      const word = lastWord(first);
      return { detail: `${refused.map(({ command }) => command.metric).join(', ')}:${quoted(word?.words)}`, code: word?.code ?? 'KLAVIYO_REFUSED_ITEM', id: first.id };
    },
  },
  {
    name: 'event-not-seen', about: 'events', weight: 'broken', run: reconcileRun, read: 'docs/errors.md',
    says: 'Klaviyo accepted an event and does not show it on the profile.',
    fix: 'A reconciliation reads all events back and sends once more what is missing; Klaviyo keeps one of each.',
    holds: (evidence) => unseen(evidence, false),
  },
  {
    name: 'event-dropped-twice', about: 'events', weight: 'broken', read: 'docs/errors.md',
    says: 'Klaviyo accepted an event, a reconciliation sent it once more, and the profile does not show it: Klaviyo dropped it twice.',
    fix: 'Nothing sends it a third time. Look in Klaviyo whether the profile was merged or deleted since, and ask its support with the name and time of the event. Segments by the properties of the profile are right without it; reach the person by a campaign where a flow was to.',
    holds: (evidence) => unseen(evidence, true),
  },
  {
    name: 'event-fired-no-flow', about: 'events', weight: 'meant', read: 'docs/contract.md',
    says: 'An event was recorded without firing a flow, because it was old when it was heard of or was found out afterwards.',
    fix: 'Nothing to do: nobody gets a message about something long past. lateAfterHours says how old is too old.',
    holds: (evidence) => ifAny(sentOf(evidence, 'track').filter(({ command, status }) => command.backfill && isTaken({ status })).map(({ command }) => `${command.metric} of ${since(command.at, evidence.now)}`)),
  },
  {
    name: 'event-not-counted', about: 'events', weight: 'meant', read: 'docs/contract.md',
    says: 'This tenant sends no Klaviyo event for something that happened (its metric is null), so no flow can wait for it.',
    fix: 'Give it a name under `metrics` if a flow is to wait for it.',
    holds: ({ deliveries, rules }) => ifAny(deliveries.flatMap(({ event: { kind } }) => (Object.hasOwn(rules.metrics, kind) && rules.metrics[kind as keyof typeof rules.metrics] === null ? [kind] : []))),
  },
  {
    name: 'event-dropped-by-plugin', about: 'events', weight: 'meant', read: 'docs/plugins.md',
    says: 'A plugin decided that something is no Klaviyo event (mapMetric).',
    fix: 'Change the plugin or its rollout if it should be one.',
    holds: (evidence) => ifAny(noted(evidence, (note) => note.startsWith('mapMetric:') && note.includes('no event'))),
  },
  {
    name: 'delivery-skipped-by-plugin', about: 'events', weight: 'meant', read: 'docs/plugins.md',
    says: 'A plugin decided that a webhook does not count (acceptEvent): nothing was learned from it.',
    fix: 'Change the plugin or its rollout if it should count.',
    holds: (evidence) => ifAny(noted(evidence, (note) => note.startsWith('acceptEvent:'))),
  },
  {
    name: 'delivery-without-meaning', about: 'events', weight: 'meant', read: 'docs/webhooks.md',
    says: 'A webhook was kept and changes nothing, because its name means nothing to us or it is about nobody we know.',
    fix: 'Compare its name with the list of events.',
    holds: ({ deliveries, now }) => ifAny(deliveries.filter(({ status, notes }) => status === 'ignored' && !notes.some(({ by }) => by.startsWith('plugin'))).map((delivery) => named(delivery, now))),
  },
];
