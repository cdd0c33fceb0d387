import { propertyNames } from '../marketing/profile.js';
import { isCustomer } from '../person/customer.js';
import { goes } from '../person/identity.js';
import { own } from '../person/person.js';
import { isEmpty, isSame } from '../reconciliation/compare-values.js';
import { reconcileRun, type Check } from './check.js';
import { staleLinks } from './difference.js';
import { lastUpdate, mainProfile, settlesMs, since, takenAt, type Evidence } from './evidence.js';

const onProfile = ({ rules, person }: Evidence) => rules.links?.tokenOn === 'profile' && person !== undefined;
/** Klaviyo may not show yet what it took minutes ago. */
const isFresh = (evidence: Evidence) => {
  const update = lastUpdate(evidence);
  return evidence.now - ((update && takenAt(update)) ?? 0) < settlesMs;
};
const held = (evidence: Evidence) => {
  const profile = mainProfile(evidence);
  return profile && { profile, token: own(profile.properties, propertyNames.authenticationToken) };
};
/** Nobody holds a token of somebody who should have one: a run asks for those of customers whom Klaviyo can be told of, and whose profile has none. */
const lacksToken = (evidence: Evidence) => {
  const { person } = evidence;
  return onProfile(evidence) && !person!.token && isCustomer(person!) && goes(person!.identity) !== 'when-reachable' && isEmpty(held(evidence)?.token);
};

/** Do pass links of this person open? */
export const tokenChecks: readonly Check[] = [
  {
    name: 'token-not-given', about: 'token', weight: 'broken', read: 'docs/pass-links.md',
    says: 'The Wallet Crew was asked for a token and gave none, so pass links do not open for this person.',
    fix: 'Check walletCrew.tokenProvider and walletCrew.tokenBody. It is asked for again a day later, when the person is heard of.',
    holds: (evidence) => {
      const { person, now } = evidence;
      return lacksToken(evidence) && person!.tokenAskedAt !== undefined ? { code: 'LINK_TOKEN_MISSING', detail: `asked ${since(person!.tokenAskedAt, now)}` } : undefined;
    },
  },
  {
    name: 'token-never-asked', about: 'token', weight: 'broken', run: reconcileRun, read: 'docs/pass-links.md',
    says: 'Nobody ever asked The Wallet Crew for a token of this person, so pass links do not open.',
    fix: 'It is asked for when the person is heard of again, by the profile sync of a flow, or by a reconciliation.',
    holds: (evidence) => (lacksToken(evidence) && evidence.rules.links!.unasked && evidence.person!.tokenAskedAt === undefined ? {} : undefined),
  },
  {
    name: 'token-unreadable', about: 'token', weight: 'broken', read: 'docs/pass-links.md',
    says: 'The token we hold was sealed with a key that is no longer here, so it cannot be written to the profile.',
    fix: 'Put the old key back into vault.keys, behind the new one, or let a flow sync the profile.',
    holds: (evidence) => (onProfile(evidence) && evidence.person!.token && evidence.token === undefined ? {} : undefined),
  },
  {
    name: 'token-just-accepted', about: 'token', weight: 'broken',
    says: 'Klaviyo accepted an update of the profile minutes ago, and does not show the newest token yet.',
    fix: 'Wait a few minutes and ask again.',
    holds: (evidence) => {
      const now = held(evidence);
      if (!onProfile(evidence) || evidence.token === undefined || !now || !isFresh(evidence) || isSame(now.token, evidence.token)) return undefined;
      return { detail: isEmpty(now.token) ? 'the profile has none' : 'the profile has another' };
    },
  },
  {
    name: 'token-absent', about: 'token', weight: 'broken', run: reconcileRun, read: 'docs/pass-links.md',
    says: 'We hold a token and the profile has none, so its pass links do not open.',
    fix: 'A reconciliation writes it again.',
    holds: (evidence) => {
      const now = held(evidence);
      return onProfile(evidence) && evidence.token !== undefined && now && isEmpty(now.token) && !isFresh(evidence) ? { detail: `given out ${since(evidence.person!.token!.at, evidence.now)}` } : undefined;
    },
  },
  {
    name: 'token-stale', about: 'token', weight: 'broken', run: reconcileRun, read: 'docs/pass-links.md',
    says: 'The profile has another token than the newest, so its pass links may not open.',
    fix: 'A reconciliation writes the newest. If it happens again, look for another integration that writes this property.',
    holds: (evidence) => {
      const now = held(evidence);
      if (!onProfile(evidence) || evidence.token === undefined || !now || isEmpty(now.token) || isFresh(evidence)) return undefined;
      const stale = [...(isSame(now.token, evidence.token) ? [] : [propertyNames.authenticationToken]), ...staleLinks(now.profile, evidence)];
      return stale.length > 0 ? { detail: stale.join(', ') } : undefined;
    },
  },
  {
    name: 'token-old', about: 'token', weight: 'broken', read: 'docs/pass-links.md',
    says: 'The token is older than links.refreshAfterDays and was not renewed; nobody says how long tokens live.',
    fix: 'Tokens are renewed hourly, the oldest first. If this lasts, look at the calls to The Wallet Crew in the metrics.',
    holds: (evidence) => {
      const { person, rules, now } = evidence;
      return onProfile(evidence) && person!.token && now - person!.token.at > rules.links!.refreshAfterMs ? { detail: `given out ${since(person!.token.at, now)}` } : undefined;
    },
  },
  {
    name: 'token-only-when-asked', about: 'token', weight: 'meant', read: 'docs/pass-links.md',
    says: 'This tenant asks for a token only when a flow syncs the profile, and none has for this person.',
    fix: 'Sync the profile in a flow, or add `links` to the settings of the tenant, so that everybody gets one.',
    holds: (evidence) => (onProfile(evidence) && !evidence.rules.links!.unasked && !evidence.person!.token && evidence.person!.tokenAskedAt === undefined ? {} : undefined),
  },
  {
    name: 'token-on-events', about: 'token', weight: 'meant', read: 'docs/pass-links.md',
    says: 'Tokens travel with events here (tokenOn: event), so the profile has none and a condition on it finds nobody.',
    fix: 'Use the token of the event in flows; for campaigns set tokenOn: profile.',
    holds: ({ rules, person }) => (person && rules.links?.tokenOn === 'event' ? {} : undefined),
  },
  {
    name: 'no-links', about: 'token', weight: 'meant', read: 'docs/pass-links.md',
    says: 'This tenant has no pass links, so no profile gets a token.',
    fix: 'Add `links` to the settings of the tenant if messages are to open passes.',
    holds: ({ rules, person }) => (person && !rules.links ? {} : undefined),
  },
];
