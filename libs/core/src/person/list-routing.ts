import type { Channel, Subscribe, Unsubscribe } from '../command.js';
import type { Rules } from '../rules.js';
import { choiceInForce } from './consent.js';
import type { Person } from './person.js';

/**
 * What the consents of a person ask of Klaviyo's lists, beyond what was asked before.
 * - A yes subscribes once, as soon as the identifier its channel needs is known.
 * - A no ends a subscription that we asked for; a no without an earlier yes asks for nothing, because an unticked box at
 *   enrolment takes back nothing that was given elsewhere.
 */
export function routeLists(person: Person, rules: Rules, now: number): { commands: (Subscribe | Unsubscribe)[]; asked: Person['asked'] } {
  const commands: (Subscribe | Unsubscribe)[] = [];
  const asked = { ...person.asked };
  for (const [field, { channel, historicalWhenLate, ...own }] of Object.entries(rules.consents)) {
    const choice = choiceInForce(person.consents[field]);
    const listId = own.listId ?? rules.listId;
    const list = listId === undefined ? {} : { listId };
    if (!choice) continue;
    const address = channel === 'email' ? person.identity.email : person.identity.phone;
    if (choice.given && asked[field] !== true && address) {
      const historical = historicalWhenLate === true && now - choice.since > rules.lateAfterMs;
      commands.push({ do: 'subscribe', ...list, channel, consentedAt: choice.since, field, historical });
      asked[field] = true;
    }
    if (!choice.given && asked[field] === true) {
      if (!isWantedByAnother(field, channel, listId, person, rules)) commands.push({ do: 'unsubscribe', ...list, channel, withdrawnAt: choice.since, field });
      asked[field] = false;
    }
  }
  return { commands, asked };
}

/** Two questions may lead to one list; it is left only when neither answer is a yes any more. */
function isWantedByAnother(field: string, channel: Channel, listId: string | undefined, person: Person, rules: Rules): boolean {
  return Object.entries(rules.consents).some(
    ([other, route]) => other !== field && route.channel === channel && (route.listId ?? rules.listId) === listId && choiceInForce(person.consents[other])?.given === true,
  );
}
