import type { Channel, Subscribe, Unsubscribe } from '../command.js';
import type { ListRoute } from '../plugin/hooks.js';
import type { Rules } from '../rules.js';
import { choiceInForce, optedOutAt, standsAgainst } from './consent.js';
import { own, type Asked, type Person } from './person.js';

/** The lists that the consents of a person lead to by the tenant's settings. */
export function listsOf(person: Person, rules: Rules): ListRoute[] {
  return Object.entries(rules.consents).flatMap(([consent, { listId = rules.listId }]) => {
    if (!choiceInForce(own(person.consents, consent))?.given) return [];
    return [{ consent, ...(listId === undefined ? {} : { list: listId }) }];
  });
}

/** Since when a channel must be left alone, because the person opted out of it in Klaviyo. */
export function optedOutSince(person: Person, channel: Channel, rules: Rules): number | undefined {
  const said = person.optOuts[channel];
  if (!said) return undefined;
  const fields = Object.keys(rules.consents).filter((field) => rules.consents[field]!.channel === channel);
  const noes = fields.flatMap((field) => own(person.consents, field) ?? []).filter(({ given }) => !given);
  return optedOutAt(said, noes.map(({ at }) => at));
}

/**
 * What routes ask of Klaviyo's lists, beyond what was asked before.
 * - A yes subscribes once, as soon as the identifier its channel needs is known, unless a later opt-out in Klaviyo is known.
 * - A no ends every subscription that was asked for on that consent; a no without an earlier yes asks for nothing, because an
 *   unticked box at enrolment takes back nothing that was given elsewhere.
 * - A route that is no longer there ends nothing: the person did not say no, and a plugin must be free to be rolled back.
 */
export function askLists(person: Person, routes: readonly ListRoute[], was: Asked, rules: Rules, now: number): { commands: (Subscribe | Unsubscribe)[]; asked: Asked } {
  const commands: (Subscribe | Unsubscribe)[] = [];
  const asked: Asked = Object.fromEntries(Object.entries(was).map(([field, lists]) => [field, { ...lists }]));
  for (const { consent: field, list = rules.listId ?? '' } of routes) {
    const rule = own(rules.consents, field);
    const choice = choiceInForce(own(person.consents, field));
    // The last word about consent: whatever led here, nobody is subscribed who did not say yes.
    if (!rule || !choice?.given) continue;
    const { channel, historicalWhenLate } = rule;
    const address = channel === 'email' ? person.identity.email : person.identity.phone;
    const out = optedOutSince(person, channel, rules);
    const before = own(asked[field] ?? {}, list);
    const isAsked = typeof before === 'number' && before > (out ?? -1);
    if (!address || isAsked || !standsAgainst(choice, out)) continue;
    const historical = historicalWhenLate === true && now - choice.since > rules.lateAfterMs;
    commands.push({ do: 'subscribe', ...named(list), channel, consentedAt: choice.since, ...(choice.undated ? { undated: true as const } : {}), field, historical });
    (asked[field] ??= {})[list] = choice.since;
  }
  for (const [field, lists] of Object.entries(asked)) {
    const channel = own(rules.consents, field)?.channel;
    const choice = choiceInForce(own(person.consents, field));
    if (!channel || !choice || choice.given) continue;
    for (const [list, since] of Object.entries(lists)) {
      if (since === false) continue;
      if (!isWantedByAnother(field, channel, list, routes, person, rules)) commands.push({ do: 'unsubscribe', ...named(list), channel, withdrawnAt: choice.since, field });
      lists[list] = false;
    }
  }
  return { commands, asked };
}

const named = (list: string) => (list === '' ? {} : { listId: list });

/** Two questions may lead to one list; it is left only when neither answer is a yes any more. */
function isWantedByAnother(field: string, channel: Channel, list: string, routes: readonly ListRoute[], person: Person, rules: Rules): boolean {
  return routes.some(
    (route) => route.consent !== field && (route.list ?? rules.listId ?? '') === list && own(rules.consents, route.consent)?.channel === channel && choiceInForce(own(person.consents, route.consent))?.given === true,
  );
}
