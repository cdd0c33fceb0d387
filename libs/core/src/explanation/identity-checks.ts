import { things } from '../words.js';
import { isCustomer } from '../person/customer.js';
import { isOpen } from '../ports/store.js';
import { goes } from '../person/identity.js';
import { kindOfListed } from '../wallet/pass.js';
import { ago, isAsked, lastWord, mainProfile, parkedOf, quoted, since, unheardPasses } from './evidence.js';
import { ifAny, reconcileRun, replayCall, type Check } from './check.js';

/** Is it known whom the question is about, and is all that was heard of them on its way? */
export const identityChecks: readonly Check[] = [
  {
    name: 'never-heard-of', about: 'identity', weight: 'broken', run: reconcileRun, read: 'docs/webhooks.md',
    says: 'The Wallet Crew has passes of this person, and no webhook ever told us.',
    fix: 'Check that the webhook subscription at The Wallet Crew is active and points here; a reconciliation fetches what was missed.',
    holds: (evidence) => {
      const { person, delivery, lastWebhookAt, now } = evidence;
      // Of a pass of no kind a run only tells people.
      const unheard = person || delivery ? [] : unheardPasses(evidence).filter((pass) => kindOfListed(pass, evidence.rules.passKinds) !== undefined);
      return unheard.length > 0 ? { detail: `passes ${unheard.map(({ id }) => id).join(', ')}; ${lastWebhookAt === undefined ? 'no webhook has ever come' : `the last webhook came ${ago(lastWebhookAt, now)}`}` } : undefined;
    },
  },
  {
    name: 'nobody-known', about: 'identity', weight: 'broken', run: reconcileRun, read: 'docs/webhooks.md',
    says: 'We know nobody by this name: no webhook of The Wallet Crew ever named them so.',
    fix: 'Compare it with the identifiers on the pass at The Wallet Crew. A reconciliation reads all passes, and knows whose a pass is that stands under a new name there. Identifiers other than e-mail, phone, pass and customer id are asked for as key:value.',
    holds: (evidence) => {
      const { person, delivery, parked, nearMisses, profiles, passes } = evidence;
      if (person || delivery || parked.length > 0 || unheardPasses(evidence).length > 0) return undefined;
      const neverEnrolled = isAsked(passes) && isAsked(profiles) && profiles.length > 0 && nearMisses.length === 0;
      if (neverEnrolled) return undefined;
      const near = nearMisses.map(({ personId, by }) => `person ${personId} is known by ${by}`);
      const asked = [isAsked(profiles) ? [] : 'Klaviyo could not be asked', isAsked(passes) ? [] : 'The Wallet Crew could not be asked'].flat();
      return ifAny([...near, ...asked]) ?? {};
    },
  },
  {
    name: 'only-in-klaviyo', about: 'identity', weight: 'meant', read: 'docs/flows.md',
    says: 'Klaviyo has a profile, and The Wallet Crew no pass under this name: they have never enrolled, or under another e-mail or phone.',
    fix: 'A flow can ask for the sync of the profile, which looks for passes under every identifier that Klaviyo holds.',
    holds: (evidence) => {
      const { person, delivery, passes } = evidence;
      const profile = mainProfile(evidence);
      // A run that gave their profile its status has made them known, and no more than that.
      const isStranger = person ? !isCustomer(person) : !delivery;
      return isStranger && profile && isAsked(passes) && passes.length === 0 ? { detail: `profile ${profile.name.klaviyoId}` } : undefined;
    },
  },
  {
    name: 'delivery-parked', about: 'identity', weight: 'broken', run: replayCall, read: 'docs/errors.md',
    says: 'A webhook about this person is parked: what it says is not known yet.',
    fix: 'Do what docs/errors.md says about its code, then replay it.',
    holds: (evidence) => {
      const [first, ...more] = parkedOf(evidence);
      if (!first) return undefined;
      return { detail: `${first.event.name} of ${since(first.receivedAt, evidence.now)}: ${first.code}${more.length > 0 ? `, and ${more.length} more` : ''}`, ...(first.code ? { code: first.code } : {}), id: first.id };
    },
  },
  {
    name: 'deciding', about: 'identity', weight: 'broken', read: 'docs/operations.md', run: 'GET /api/<tenant>/operations/queue',
    says: 'A webhook about this person waits to be decided.',
    fix: 'Wait. If the backlog does not shrink, look at the workers of the connector.',
    holds: ({ deliveries, undecided, now }) => {
      const waiting = deliveries.filter(({ status }) => status === 'undecided').at(-1);
      return waiting && { detail: `${waiting.event.name}, received ${since(waiting.receivedAt, now)}; ${things(undecided, 'delivery', 'deliveries')} wait in all` };
    },
  },
  {
    name: 'backlog', about: 'identity', weight: 'meant', run: 'GET /api/<tenant>/operations/queue', read: 'docs/operations.md',
    says: 'Webhooks wait to be decided; one of them may be about this person.',
    fix: 'Wait until the backlog is gone, then ask again.',
    holds: ({ undecided }) => (undecided > 0 ? { detail: `${undecided} in all` } : undefined),
  },
  {
    name: 'not-reachable', about: 'identity', weight: 'broken', read: 'docs/errors.md',
    says: 'Nothing that we know this person by means anything to Klaviyo, so everything about them waits.',
    fix: 'Send e-mail or phone with the pass; what waits goes by itself as soon as an identifier is known.',
    holds: ({ person }) => (person && goes(person.identity) === 'when-reachable' ? { code: 'PERSON_NOT_REACHABLE', detail: `known by ${Object.keys(person.identifiers).join(', ') || 'the pass alone'}` } : undefined),
  },
  {
    name: 'sending', about: 'identity', weight: 'broken', read: 'docs/operations.md', run: 'GET /api/<tenant>/operations/queue',
    says: 'What was decided about this person has not all been sent, or not all been answered.',
    fix: 'Wait: it is tried again by itself until it is answered.',
    holds: ({ deliveries, now }) => {
      const open = deliveries.flatMap((delivery) => delivery.commands.filter(isOpen).map((command) => ({ delivery, command })));
      const oldest = open.at(-1);
      if (!oldest) return undefined;
      const word = lastWord(oldest.command);
      return { detail: `${open.length} waiting; ${oldest.command.lane} since ${since(oldest.delivery.receivedAt, now)}${word?.code ? `: ${word.code}` : ''}${quoted(word?.words)}`, ...(word?.code ? { code: word.code } : {}) };
    },
  },
];
