import type { Answer, Outgoing, PushUpdate } from '#core';
import { apiPath, type Around } from './lane.js';
import { answerTo } from './said.js';

/** It sets values, so repeating it is harmless. */
export async function updatePass(outgoing: Outgoing<PushUpdate>, around: Around): Promise<Answer> {
  const { do: _, ...body } = outgoing.command;
  const said = await around.call('push-update', 'POST', apiPath(around, 'webhooks/listeners/klaviyo/passes/pushUpdate'), { body });
  return said.ok ? { id: outgoing.id, outcome: 'accepted' } : answerTo(outgoing, said);
}
