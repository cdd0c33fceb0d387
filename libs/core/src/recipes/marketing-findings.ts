import { type Access, type HeldList, isUnanswered, type Scope, type Unanswered } from '../ports/setup.js';
import type { Rules } from '../rules.js';
import { dayOf, type Expectations, type Finding, configuredLists, unanswered } from './findings.js';

const at = 'klaviyo';
const dayMs = 86_400_000;
/** An upgrade takes planning. */
const warnedDays = 90;

/** What Klaviyo's answers mean. Without `access` nothing else could be asked. */
export function accessFindings(access: Access | Unanswered, { creates }: Pick<Expectations, 'creates'>, now: number): Finding[] {
  if (isUnanswered(access)) return [unanswered(at, 'API key', access)];
  const { account, retiresAt, scopes } = access;
  const days = Math.floor((retiresAt - now) / dayMs);
  return [
    account
      ? { at, what: 'account', state: 'good', says: `${account.id}, ${account.isTest ? 'a test account' : 'not a test account'}` }
      : { at, what: 'account', state: 'missing', says: 'The key works and may not ask whose it is.', fix: 'Give the key accounts:read.' },
    {
      at, what: 'API revision', state: days > 0 ? 'good' : 'missing', says: `served until ${dayOf(retiresAt)}`,
      ...(days <= warnedDays ? { fix: 'Upgrade the connector.' } : {}),
    },
    ...scopes.map((scope) => scopeFinding(scope, creates)),
  ];
}

function scopeFinding({ name, says, needed, state, words }: Scope, creates: boolean): Finding {
  const what = `scope ${name}`;
  switch (state) {
    case 'granted':
      return { at, what, state: 'good', says };
    case 'unproven':
      return { at, what, state: 'unproven', says: `${says}; only writing would prove it`, fix: 'See it in Klaviyo, Settings → API keys.' };
    case 'unasked':
      return { at, what, state: 'missing', says: `${says}; it could not be asked for: ${words}`, fix: 'Run the command again.' };
    case 'missing': {
      const isMissed = needed === 'always' || creates;
      return { at, what, state: isMissed ? 'missing' : 'unproven', says: `${says}; the key lacks it`, fix: isMissed ? `Make a key with ${name} too: Klaviyo changes no scope of an existing key.` : 'Only this command needs it: leave it, or give it to a key of its own.' };
    }
  }
}

export function listFindings(lists: HeldList[] | Unanswered, rules: Rules): Finding[] {
  const wanted = configuredLists(rules);
  if (isUnanswered(lists)) return wanted.length === 0 ? [] : [unanswered(at, 'lists', lists)];
  return [
    ...wanted.map((id): Finding => {
      const list = lists.find((one) => one.id === id);
      const what = `list ${id}`;
      return list
        ? { at, what, state: 'good', says: `${list.name}, ${list.optIn} opt-in` }
        : { at, what, state: 'missing', says: 'There is no such list in this account.', fix: 'Correct `listId` in the configuration: it stands in the address of the list in Klaviyo.' };
    }),
    ...Object.entries(rules.consents).filter(([, { listId }]) => (listId ?? rules.listId) === undefined).map(([field, { channel }]): Finding => ({
      at, what: `consent ${field}`, state: 'unproven', says: `Subscribes to ${channel} without a list, by the default opt-in of the account.`, fix: 'Name a `listId` if the account asks for double opt-in by lists.',
    })),
  ];
}

export function metricFindings(held: string[] | Unanswered, { metrics }: Rules): Finding[] {
  if (isUnanswered(held)) return [unanswered(at, 'metrics', held)];
  const wanted = Object.values(metrics).filter((name) => name !== null);
  const [there, absent] = [wanted.filter((name) => held.includes(name)), wanted.filter((name) => !held.includes(name))];
  // Klaviyo tells names apart by their case; a flow on the other one never starts.
  const alike = absent.flatMap((name) => held.filter((other) => other.toLowerCase() === name.toLowerCase()));
  return [
    ...(there.length > 0 ? [{ at, what: 'metrics', state: 'good', says: `with events: ${there.join(', ')}` } satisfies Finding] : []),
    ...(absent.length > 0 ? [{ at, what: 'metrics', state: 'unproven', says: `not there yet: ${absent.join(', ')}`, fix: 'Each appears with its first event.' } satisfies Finding] : []),
    ...(alike.length > 0 ? [{ at, what: 'metrics', state: 'unproven', says: `spelled otherwise than in the configuration: ${alike.join(', ')}`, fix: 'Spell `metrics` in the configuration as your flows do.' } satisfies Finding] : []),
  ];
}
