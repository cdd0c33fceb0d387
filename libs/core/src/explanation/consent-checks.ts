import { ifAny, reconcileRun, replayCall, type Check, type Particulars } from './check.js';
import { consentsOf, isOptedOut, shouldBeSubscribed, type ConsentEvidence } from './consent-evidence.js';
import { isPending, isTaken, lastWord, quoted, settlesMs, since, takenAt, type Evidence } from './evidence.js';

const listName = (list: string) => (list === '' ? 'the list of the account' : `list ${list}`);
const lastSubscribe = ({ sent }: ConsentEvidence) => sent.find(({ command }) => command.do === 'subscribe');
/** When the newest subscription was taken, if nothing was asked after it. */
function subscribedAt({ sent }: ConsentEvidence): number | undefined {
  const [last] = sent;
  return last?.command.do === 'subscribe' ? takenAt(last) : undefined;
}

/** Nothing is on its way, and what was taken last was taken long enough ago for Klaviyo to show it. */
function isSettled({ sent: [last] }: ConsentEvidence, now: number): boolean {
  return !last || (!isPending(last) && now - (takenAt(last) ?? 0) >= settlesMs);
}

function askedSince(consent: ConsentEvidence, now: number): string {
  const at = subscribedAt(consent);
  return at === undefined ? 'asked longer ago than is kept' : `asked ${since(at, now)}`;
}

/** Klaviyo does not hold a subscription that was asked for, and nobody left since. */
const isUnheld = (consent: ConsentEvidence, now: number) => consent.unheld.length > 0 && consent.unheard.length === 0 && isSettled(consent, now);

/** An import of an old yes skips the confirmation, whatever the list asks for. */
function needsConfirmation(consent: ConsentEvidence, { optIns }: Evidence): boolean {
  const last = lastSubscribe(consent);
  const isImport = last?.command.do === 'subscribe' && last.command.historical;
  return !isImport && consent.unheld.every((list) => optIns[list] === 'double');
}

const isToConfirm = (consent: ConsentEvidence, evidence: Evidence) => isUnheld(consent, evidence.now) && needsConfirmation(consent, evidence);

function optInOf(list: string, { optIns }: Evidence): string {
  const optIn = optIns[list];
  return optIn === undefined ? `whether ${listName(list)} asks for a confirmation is not known` : `${listName(list)} asks for ${optIn === 'double' ? 'a' : 'no'} confirmation`;
}

/** The check holds for each consent about which `tell` says something. */
function forEach(tell: (consent: ConsentEvidence, evidence: Evidence) => string | undefined, own: Omit<Particulars, 'detail'> = {}): Check['holds'] {
  return (evidence) => ifAny(consentsOf(evidence).flatMap((consent) => {
    const told = tell(consent, evidence);
    return told === undefined ? [] : [`${consent.field}: ${told}`];
  }), own);
}

const yesWithoutAddress = ({ choice, address, channel }: ConsentEvidence, now: number) =>
  choice?.given && address === undefined ? `yes since ${since(choice.since, now)}, no ${channel === 'email' ? 'e-mail' : 'phone number'}` : undefined;

/** The newest command in question that ended so. */
const ended = (code: string, what: 'subscribe' | 'unsubscribe', status = 'skipped') => ({ sent }: ConsentEvidence, { now }: Evidence) => {
  const [last] = sent;
  const word = last && lastWord(last);
  return last?.command.do === what && last.status === status && word?.code === code ? `${since(word.at, now)}${quoted(word.words)}` : undefined;
};

/** May they be written to, and does Klaviyo say the same? */
export const consentChecks: readonly Check[] = [
  {
    name: 'address-only-in-klaviyo', about: 'consent', weight: 'broken', read: 'docs/opt-outs.md',
    says: 'There is a yes for a channel whose address the profile in Klaviyo has and nobody told us, so it was never acted upon.',
    fix: 'Ask for the address in the enrolment form, or let a flow sync the profile by it: the subscription follows by itself. A reconciliation reports it (consent-differs) and subscribes nobody.',
    holds: forEach((consent, { now }) => (consent.isAddressHeldOnly ? yesWithoutAddress(consent, now) : undefined)),
  },
  {
    name: 'consent-without-address', about: 'consent', weight: 'meant', read: 'docs/errors.md',
    says: 'A yes was given for a channel whose address is not known, so nobody can be subscribed.',
    fix: 'Make the enrolment form ask for it; the subscription follows by itself when it becomes known.',
    holds: forEach((consent, { now }) => (consent.isAddressHeldOnly ? undefined : yesWithoutAddress(consent, now)), { code: 'CONSENT_WITHOUT_IDENTIFIER' }),
  },
  {
    name: 'list-missing', about: 'consent', weight: 'broken', read: 'docs/errors.md',
    says: 'Klaviyo knows no list with the id a subscription is for, so the subscription waits.',
    fix: 'Correct klaviyo.listId or the list of the consent field; what waits goes by itself.',
    holds: forEach(({ sent }) => {
      const waiting = sent.find((one) => !isTaken(one) && lastWord(one)?.code === 'KLAVIYO_LIST_MISSING');
      return waiting && listName(waiting.command.listId ?? '');
    }, { code: 'KLAVIYO_LIST_MISSING' }),
  },
  {
    name: 'subscription-refused', about: 'consent', weight: 'broken', run: replayCall, read: 'docs/errors.md',
    says: 'Klaviyo refused a subscription or its end.',
    fix: 'Correct the cause in the words of Klaviyo, then replay it.',
    holds: (evidence) => {
      const refused = consentsOf(evidence).flatMap(({ sent }) => sent.slice(0, 1)).find(({ status }) => status === 'refused');
      if (!refused) return undefined;
      const word = lastWord(refused);
      return { detail: `${refused.command.field}, ${refused.command.do}:${quoted(word?.words)}`, code: word?.code ?? 'KLAVIYO_REFUSED_ITEM', id: refused.id };
    },
  },
  {
    name: 'subscription-just-accepted', about: 'consent', weight: 'broken',
    says: 'Klaviyo accepted the subscription minutes ago and does not show it yet.',
    fix: 'Wait a few minutes and ask again.',
    holds: forEach((consent, { now }) => {
      const at = subscribedAt(consent);
      return shouldBeSubscribed(consent) && at !== undefined && now - at < settlesMs && consent.held?.says !== 'subscribed' ? since(at, now) : undefined;
    }),
  },
  {
    name: 'opt-out-unheard', about: 'consent', weight: 'broken', run: reconcileRun, read: 'docs/opt-outs.md',
    says: 'Klaviyo says that this person opted out, and we have not heard of it.',
    fix: 'Klaviyo counts: nobody is written to. A reconciliation takes the opt-out over; system webhooks or polling tell of the next one.',
    holds: forEach((consent, { now }) => (consent.unheard.length > 0 && isSettled(consent, now) ? since(Math.max(...consent.unheard.map((event) => event.at)), now) : undefined)),
  },
  {
    name: 'still-unsubscribed', about: 'consent', weight: 'broken', read: 'docs/opt-outs.md',
    says: 'There is a yes, and Klaviyo says that this person is unsubscribed, without a time that would make it an opt-out after the yes.',
    fix: 'Klaviyo counts: nobody is written to. Look at the profile in Klaviyo where it came from, and decide there; a reconciliation reports it (consent-differs) and changes nothing.',
    holds: forEach((consent, evidence) => {
      const { now } = evidence;
      const { unheard, held } = consent;
      if (unheard.length > 0 || isToConfirm(consent, evidence) || !shouldBeSubscribed(consent) || held?.says !== 'unsubscribed' || !isSettled(consent, now)) return undefined;
      return held.at === undefined ? 'Klaviyo names no time' : since(held.at, now);
    }),
  },
  {
    name: 'subscribed-after-opt-out', about: 'consent', weight: 'broken', read: 'docs/opt-outs.md',
    says: 'This person opted out, Klaviyo holds a yes that is newer, and nobody told us of it: neither Klaviyo nor a form.',
    fix: 'Look in Klaviyo where the yes came from. If it is the person\'s own, nothing is lost: Klaviyo counts. Here only a system webhook of Klaviyo or a new yes in a form ends an opt-out.',
    holds: forEach(({ again, held }, { now }) => (again ? since(held!.at!, now) : undefined)),
  },
  {
    name: 'subscription-not-asked', about: 'consent', weight: 'broken', read: 'docs/opt-outs.md',
    says: 'There is a yes, and Klaviyo was never asked to subscribe this person: the yes was found out afterwards, or its list was configured later.',
    fix: 'A reconciliation never subscribes anybody. The next webhook about the person asks for it, or import the consent into Klaviyo yourself.',
    holds: forEach((consent, { now }) => {
      const open = consent.lists.filter((list) => typeof consent.asked[list] !== 'number');
      return shouldBeSubscribed(consent) && open.length > 0 && lastSubscribe(consent) === undefined ? `yes since ${since(consent.choice!.since, now)}, ${open.map(listName).join(', ')}` : undefined;
    }),
  },
  {
    name: 'subscription-not-held', about: 'consent', weight: 'broken', read: 'docs/opt-outs.md',
    says: 'Klaviyo was asked for a subscription that needs no confirmation as far as is known, and does not hold it.',
    fix: 'Look at the profile in Klaviyo: the address may be suppressed or invalid, or somebody took the subscription away. Nobody is subscribed a second time on the same yes.',
    holds: forEach((consent, evidence) => (isUnheld(consent, evidence.now) && consent.held?.says === 'never' && !needsConfirmation(consent, evidence) ? [askedSince(consent, evidence.now), ...consent.unheld.map((list) => optInOf(list, evidence))].join('; ') : undefined)),
  },
  {
    name: 'still-subscribed', about: 'consent', weight: 'meant', read: 'docs/opt-outs.md',
    says: 'This person said no, and Klaviyo holds an older yes for the channel. A no ends what its own question had asked for, and takes back nothing that was given elsewhere.',
    fix: 'Nothing to do. Where the answer in the form must count more than a sign-up elsewhere, unsubscribe them in Klaviyo.',
    holds: forEach(({ choice, held }, { now }) => (choice && !choice.given && held?.says === 'subscribed' && (held.at ?? 0) <= choice.since ? `no since ${since(choice.since, now)}` : undefined)),
  },
  {
    name: 'waits-for-confirmation', about: 'consent', weight: 'meant', read: 'docs/opt-outs.md',
    says: 'Klaviyo was asked to subscribe this person and waits for them to confirm (double opt-in).',
    fix: 'They must use the link in the confirmation. Whether a list asks for it is set in Klaviyo, at the list.',
    holds: forEach((consent, evidence) => (isToConfirm(consent, evidence) ? `${askedSince(consent, evidence.now)}; ${consent.unheld.map(listName).join(', ')}` : undefined)),
  },
  {
    name: 'opted-out', about: 'consent', weight: 'meant', read: 'docs/opt-outs.md',
    says: 'This person opted out of the channel in Klaviyo, after the yes or nobody knows that it was before, and nobody brings them back.',
    fix: 'Only a new yes of the person ends it, in a form or at Klaviyo.',
    holds: forEach((consent, { now, deliveries }) => {
      if (!isOptedOut(consent)) return undefined;
      const heard = deliveries.find(({ event }) => event.kind === 'opted-out' && event.channel === consent.channel);
      return `${consent.channel} since ${since(consent.outSince!, now)}, told by ${heard ? heard.event.name : 'Klaviyo'}`;
    }),
  },
  {
    name: 'newer-opt-out-in-klaviyo', about: 'consent', weight: 'meant', read: 'docs/opt-outs.md',
    says: 'Before an older yes was sent, Klaviyo was asked, and held an opt-out that counts more.',
    fix: 'Only a new yes of the person ends it.',
    holds: forEach(ended('KLAVIYO_NEWER_OPT_OUT', 'subscribe')),
  },
  {
    name: 'newer-yes-in-klaviyo', about: 'consent', weight: 'meant', read: 'docs/opt-outs.md',
    says: 'This person said no, and Klaviyo holds a yes that is newer, so it stays.',
    fix: 'Nothing to do.',
    holds: forEach(ended('KLAVIYO_NEWER_CONSENT', 'unsubscribe')),
  },
  {
    name: 'consent-leads-nowhere', about: 'consent', weight: 'meant', read: 'docs/plugins.md',
    says: 'There is a yes, and a plugin leads it to no list.',
    fix: 'Change the plugin that routes lists (routeLists) or its rollout if it should.',
    holds: forEach((consent, { pluginNotes }) => (shouldBeSubscribed(consent) && consent.lists.length === 0 ? pluginNotes.filter(({ says }) => says.startsWith('routeLists:')).map(({ by }) => by).join(', ') || 'no list' : undefined)),
  },
  {
    name: 'consent-withdrawn', about: 'consent', weight: 'meant', read: 'docs/opt-outs.md',
    says: 'This person said no.',
    fix: 'Nothing to do.',
    holds: forEach(({ choice }, { now }) => (choice && !choice.given ? `since ${since(choice.since, now)}` : undefined)),
  },
  {
    name: 'consent-not-given', about: 'consent', weight: 'meant', read: 'docs/webhooks.md',
    says: 'This person never answered the question, and silence is no yes.',
    fix: 'If the form asks it, compare the name of its field with `consents` in the settings.',
    holds: forEach(({ statements, outSince }) => (statements.length === 0 && outSince === undefined ? 'no answer' : undefined)),
  },
];
