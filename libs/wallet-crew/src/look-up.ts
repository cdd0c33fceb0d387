import { bareEvent, type Answer, type FoundPass, type ListedPass, type LookUp, type Outgoing, type WalletEvent } from '#core';
import { apiPath, type Around } from './lane.js';
import { listPasses } from './passes.js';
import { answerTo, type Refusal } from './said.js';
import { askToken } from './token.js';

/** What The Wallet Crew holds about a customer. That it knows nobody is an answer too. */
export async function lookUp(outgoing: Outgoing<LookUp>, around: Around): Promise<Answer> {
  const { profile, carries } = outgoing.command;
  const passes = await passesOf(outgoing.command, around);
  if ('ok' in passes) return answerTo(outgoing, passes);
  const at = around.clock.now();
  // Passes agree about their owner; should they not, the one made last is right.
  const identifiers: Record<string, string> = Object.assign({}, ...passes.toSorted((a, b) => (a.createdAt ?? 0) - (b.createdAt ?? 0)).map((pass) => pass.identifiers));
  const found: NonNullable<WalletEvent['found']> = { passes: passes.map(foundPass) };
  const answer: Answer = { id: outgoing.id, outcome: 'accepted', told: bareEvent({ kind: 'looked-up', name: 'look-up', at, identifiers, profile, found, ...(carries ? { carried: carries } : {}) }) };
  if (!around.wantsTokens) return answer;

  const asked = await askToken(around.call, apiPath(around, 'customer/authenticate'), around.settings, { ...namesIn(outgoing.command), ...identifiers });
  if ('later' in asked) return answerTo(outgoing, asked.later);
  if ('missing' in asked) return { ...answer, words: `LINK_TOKEN_MISSING: ${asked.missing}` };
  found.token = { sealed: around.vault.seal(asked.token), at: around.clock.now() };
  return answer;
}

/** The passes of the first identifier that finds any. */
async function passesOf({ by }: LookUp, around: Around): Promise<ListedPass[] | Refusal> {
  for (const { key, value } of by) {
    const passes = await listPasses(around.call, apiPath(around, 'passes'), [[`identifiers.${key}`, value]], () => around.clock.now());
    if ('ok' in passes || passes.length > 0) return passes;
  }
  return [];
}

/** By which names somebody may be asked about: the most exact one of each kind. */
function namesIn({ by, profile }: LookUp): Record<string, string> {
  return { ...profile, ...Object.fromEntries(by.toReversed().map(({ key, value }) => [key, value])) };
}

function foundPass({ identifiers: _told, changedAt: _unused, ...found }: ListedPass): FoundPass {
  return found;
}
