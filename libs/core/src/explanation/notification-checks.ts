import type { NotSentReason } from '../wallet/event.js';
import { ifAny, replayCall, type Check } from './check.js';
import { lastWord, quoted, sentOf, since, type Evidence } from './evidence.js';

const notSent = (evidence: Evidence, reason: NotSentReason) =>
  ifAny(evidence.deliveries.flatMap(({ event, receivedAt }) => (event.kind === 'notification-not-sent' && event.reason === reason ? [since(receivedAt, evidence.now)] : [])));

/** Did the phone hear of it? */
export const notificationChecks: readonly Check[] = [
  {
    name: 'notification-refused', about: 'notifications', weight: 'broken', run: replayCall, read: 'docs/flows.md',
    says: 'A notification is parked: The Wallet Crew refused it, or nobody knows whether it was sent.',
    fix: 'Correct the cause, or decide whether a second one does no harm.',
    holds: (evidence) => {
      const parked = sentOf(evidence, 'notify').find(({ status }) => status === 'refused');
      if (!parked) return undefined;
      const word = lastWord(parked);
      return { detail: `${since(word?.at ?? parked.delivery.receivedAt, evidence.now)}:${quoted(word?.words)}`, code: word?.code ?? 'WALLET_CREW_REFUSED', id: parked.id };
    },
  },
  {
    name: 'notification-without-pass', about: 'notifications', weight: 'meant', read: 'docs/flows.md',
    says: 'A flow wanted to notify this person, and The Wallet Crew had no pass by the identifiers of the flow.',
    fix: 'Compare the identifiers in the body of the flow with those on the pass.',
    holds: (evidence) => notSent(evidence, 'no-pass'),
  },
  {
    name: 'notification-without-device', about: 'notifications', weight: 'meant', read: 'docs/flows.md',
    says: 'A flow wanted to notify this person, and the pass was in no wallet, so nobody would have seen it.',
    fix: 'Let the flow ask first whether the status is Installed.',
    holds: (evidence) => notSent(evidence, 'no-device'),
  },
  {
    name: 'notification-over-quota', about: 'notifications', weight: 'meant', read: 'docs/flows.md',
    says: 'The pass had its three notifications in 24 hours; Google shows no more.',
    fix: 'Send fewer; the flow can read what became of it from the event.',
    holds: (evidence) => notSent(evidence, 'over-quota'),
  },
  {
    name: 'notification-not-allowed', about: 'notifications', weight: 'meant', read: 'docs/plugins.md',
    says: 'A plugin did not allow the notification.',
    fix: 'Change the plugin or its rollout if it should.',
    holds: (evidence) => notSent(evidence, 'not-allowed'),
  },
  {
    name: 'notification-turned-down', about: 'notifications', weight: 'meant', read: 'docs/flows.md',
    says: 'The Wallet Crew turned the notification down.',
    fix: 'Its words stand in the ledger of the delivery.',
    holds: (evidence) => notSent(evidence, 'refused'),
  },
];
