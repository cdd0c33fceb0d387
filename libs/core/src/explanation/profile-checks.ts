import { goes } from '../person/identity.js';
import { own } from '../person/person.js';
import { couldReplace, personOf } from '../reconciliation/compare-profiles.js';
import { isEmpty, isSame } from '../reconciliation/compare-values.js';
import { differencesOf, isStatusProperty, leftOver, type Difference } from './difference.js';
import { ifAny, reconcileRun, replayCall, type Check, type Particulars } from './check.js';
import { isAsked, isTaken, knownIn, lastUpdate, lastWord, mainProfile, ownProfiles, quoted, settlesMs, since, takenAt, type Evidence } from './evidence.js';

const told = ({ property, should, is }: Difference) => `${property} should be ${String(should)} and is ${is === undefined ? 'not there' : is === null ? 'empty' : String(is)}`;

/** Did the newest update say so already, and when did Klaviyo take it? */
function toldAt(evidence: Evidence, { property, should }: Difference): number | undefined {
  const update = lastUpdate(evidence);
  return update && isSame(own(update.command.properties, property), should) ? takenAt(update) : undefined;
}

const isFresh = (evidence: Evidence, difference: Difference) => evidence.now - (toldAt(evidence, difference) ?? 0) < settlesMs;
/** An update that is on its way or was refused explains everything by itself. */
const isSettled = (evidence: Evidence) => {
  const update = lastUpdate(evidence);
  return !update || isTaken(update);
};

/** Identifiers that Klaviyo gave to another profile: to that of somebody else whom we know, or not. */
function withheld(evidence: Evidence, isAnothers: boolean): Particulars | undefined {
  const { person, profiles, rules } = evidence;
  const known = knownIn(evidence);
  const others = isAsked(profiles) ? profiles.filter((profile) => ![undefined, person?.id].includes(personOf(profile, known, rules)?.id)) : [];
  const names = (person?.identity.withheld ?? []).filter((name) => others.some((profile) => profile.name[name] === person!.identity[name]) === isAnothers);
  return ifAny(names.map((name) => `${name} stands as the property neostore.withheld.${name}`));
}

/** Does the profile say what it should? Segments read nothing else. */
export const profileChecks: readonly Check[] = [
  {
    name: 'klaviyo-not-asked', about: 'profile', weight: 'broken', run: 'GET /health/dependencies',
    says: 'Klaviyo could not be asked what it holds, so nothing can be said about its side.',
    fix: 'Ask again in a minute.',
    holds: ({ profiles }) => (isAsked(profiles) ? undefined : { detail: profiles.words, ...(profiles.code ? { code: profiles.code } : {}) }),
  },
  {
    name: 'plugin-fails', about: 'profile', weight: 'broken', read: 'docs/plugins.md',
    says: 'A plugin that must not be passed over (onError: hold) fails for this person, so nobody can say what should stand on the profile.',
    fix: 'Correct the plugin, then replay the deliveries it parked.',
    holds: ({ person, expected, pluginNotes }) => (person && !expected ? (ifAny(pluginNotes.flatMap(({ by, says, code }) => (code ? [`${by}: ${says}`] : []))) ?? {}) : undefined),
  },
  {
    name: 'update-refused', about: 'profile', weight: 'broken', run: replayCall, read: 'docs/errors.md',
    says: 'Klaviyo refused the newest update of the profile, so the profile says what it said before.',
    fix: 'Correct the cause in the words of Klaviyo, then replay it. A newer event of the person sends a new update by itself.',
    holds: (evidence) => {
      const update = lastUpdate(evidence);
      if (update?.status !== 'refused') return undefined;
      const word = lastWord(update);
      return { detail: `refused ${since(word?.at ?? update.delivery.receivedAt, evidence.now)}:${quoted(word?.words)}`, code: word?.code ?? 'KLAVIYO_REFUSED_ITEM', id: update.id };
    },
  },
  {
    name: 'no-profile', about: 'profile', weight: 'broken', run: reconcileRun,
    says: 'Klaviyo has no profile of this person, or none that we write to.',
    fix: 'If the newest update was accepted only minutes ago, wait. Otherwise the profile was deleted in Klaviyo; a reconciliation writes it anew.',
    holds: (evidence) => {
      const { person, profiles, now } = evidence;
      if (!person || !isAsked(profiles) || mainProfile(evidence) || goes(person.identity) === 'when-reachable') return undefined;
      const update = lastUpdate(evidence);
      const at = update && takenAt(update);
      const others = ownProfiles(evidence).map(({ name }) => `; ${name.klaviyoId} ${couldReplace(name, person) ? 'has their name and takes its place with the next reconciliation' : 'is not the one we write to'}`);
      return { detail: `${at !== undefined ? `Klaviyo accepted an update ${since(at, now)}` : update ? `the newest update is ${update.status}` : 'no update on record'}${others.join('')}` };
    },
  },
  {
    name: 'several-profiles', about: 'profile', weight: 'broken', read: 'docs/contract.md',
    says: 'Klaviyo has several profiles of this person. Only one of them carries the wallet status; a segment counts each for itself.',
    fix: 'Merge them in Klaviyo. That cannot be undone, so the connector never does it.',
    holds: (evidence) => {
      const all = ownProfiles(evidence);
      const main = mainProfile(evidence);
      if (all.length < 2) return undefined;
      const carries = (one: (typeof all)[number]) => (Object.keys(one.properties).some(isStatusProperty) ? 'with wallet status' : 'without wallet status');
      return { detail: all.map((one) => `${one.name.klaviyoId} (${Object.keys(one.name).filter((key) => key !== 'klaviyoId').join(', ') || 'no identifier'}; ${carries(one)}${one === main ? '; the one we write to' : ''})`).join(', ') };
    },
  },
  {
    name: 'identifier-withheld', about: 'profile', weight: 'meant', read: 'docs/contract.md',
    says: 'An identifier of this person belongs to another profile in Klaviyo, so the wallet status stands on a profile without it.',
    fix: 'Look for that identifier in Klaviyo, and merge the two profiles if they are one person.',
    holds: (evidence) => withheld(evidence, false),
  },
  {
    name: 'identifier-of-another', about: 'profile', weight: 'meant', read: 'docs/contract.md',
    says: 'An identifier of this person stands on the profile of somebody else whom we know, as families share a phone. Klaviyo gives it to one profile only, so the wallet status of this person stands on a profile without it.',
    fix: 'Nothing to do: they are two people with passes of their own.',
    holds: (evidence) => withheld(evidence, true),
  },
  {
    name: 'just-accepted', about: 'profile', weight: 'broken',
    says: 'Klaviyo accepted the right values minutes ago and does not show them yet.',
    fix: 'Wait a few minutes and ask again; segments follow after that.',
    holds: (evidence) => ifAny(differencesOf(evidence).filter((one) => isFresh(evidence, one)).map(told)),
  },
  {
    name: 'overwritten', about: 'profile', weight: 'broken', run: reconcileRun,
    says: 'Klaviyo accepted the right value, and the profile says something else: somebody else wrote it afterwards, or took it away.',
    fix: 'Look for a flow, an import or another integration that writes these properties, and stop it; a reconciliation puts them right.',
    holds: (evidence) =>
      ifAny(differencesOf(evidence).flatMap((one) => {
        const at = toldAt(evidence, one);
        return at === undefined || isFresh(evidence, one) ? [] : [`${told(one)}; accepted ${since(at, evidence.now)}`];
      })),
  },
  {
    name: 'status-absent', about: 'profile', weight: 'broken', run: reconcileRun,
    says: 'The profile lacks a wallet status, and conditions on a property that is not set pass the profile over, those with "is not" too.',
    fix: 'A pass kind was configured after the profile was last written, or it was never written; a reconciliation fills in the explicit status.',
    holds: (evidence) => (isSettled(evidence) ? ifAny(differencesOf(evidence).filter((one) => isStatusProperty(one.property) && isEmpty(one.is) && toldAt(evidence, one) === undefined).map(told)) : undefined),
  },
  {
    name: 'status-differs', about: 'profile', weight: 'broken', run: reconcileRun,
    says: 'The profile says another wallet status than the truth, and no update on record says it right.',
    fix: 'What was sent is older than what we know now, or older than what is kept; a reconciliation puts it right.',
    holds: (evidence) => (isSettled(evidence) ? ifAny(differencesOf(evidence).filter((one) => isStatusProperty(one.property) && !isEmpty(one.is) && toldAt(evidence, one) === undefined).map(told)) : undefined),
  },
  {
    name: 'plugin-changed-since', about: 'profile', weight: 'broken', run: reconcileRun, read: 'docs/rollout.md',
    says: 'A plugin makes another value today than when the profile was last written: it, its settings or its rollout changed since.',
    fix: 'Nothing is sent until the person is heard of again, unless a reconciliation brings all profiles up to date.',
    holds: (evidence) => {
      const changed = isSettled(evidence) ? differencesOf(evidence).filter((one) => one.byPlugin && !isStatusProperty(one.property) && toldAt(evidence, one) === undefined) : [];
      return ifAny(changed.length === 0 ? [] : [...changed.map(told), ...evidence.pluginNotes.map(({ by, says }) => `${by}: ${says}`)]);
    },
  },
  {
    name: 'detail-differs', about: 'profile', weight: 'broken', run: reconcileRun,
    says: 'A property beside the status, such as a time or a count, has another value than it should, and no update on record says it right.',
    fix: 'A reconciliation puts it right.',
    holds: (evidence) => (isSettled(evidence) ? ifAny(differencesOf(evidence).filter((one) => !one.byPlugin && !isStatusProperty(one.property) && toldAt(evidence, one) === undefined).map(told)) : undefined),
  },
  {
    name: 'left-over-status', about: 'profile', weight: 'meant', read: 'docs/contract.md',
    says: 'The profile has the status of a pass kind that is not configured. Nobody keeps it up to date, a reconciliation neither, and a segment that asks for it is wrong.',
    fix: 'Change the segment to a configured pass kind, or configure this one under passKinds.',
    holds: (evidence) => {
      const profile = mainProfile(evidence);
      return ifAny(profile ? leftOver(profile, evidence) : []);
    },
  },
];
