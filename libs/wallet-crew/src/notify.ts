import { bareEvent, type Answer, type ListedPass, type Notify, type Outgoing } from '#core';
import { apiPath, type Around } from './lane.js';
import { listPasses } from './passes.js';
import { answerTo, type Refusal } from './said.js';
import type { WalletCrewSettings } from './settings.js';
import { filled } from './template.js';

/** Google shows three notifications of a pass in 24 hours (Google Wallet: trigger push notifications). */
const googleLimit = { most: 3, withinMs: 24 * 3_600_000 };

/**
 * Shows a message on a phone, at most once: it is noted before it is sent, and where nobody can tell whether it was sent, it is parked
 * instead of repeated.
 */
export async function notify(outgoing: Outgoing<Notify>, around: Around): Promise<Answer> {
  const { id, command } = outgoing;
  const { identifiers } = command;
  const passes = await listPasses(around.call, apiPath(around, 'passes'), filtersFor(command), () => around.clock.now());
  if ('ok' in passes) return answerTo(outgoing, passes);
  const [pass] = passes.toSorted((a, b) => installedAt(b) - installedAt(a));
  const about = pass && { pass: { id: pass.id, ...(pass.type === undefined ? {} : { type: pass.type }) } };
  const notSent = (reason: keyof typeof codes): Answer => ({
    id, outcome: 'accepted', words: codes[reason], told: bareEvent({ kind: 'notification-not-sent', name: 'passes/notify', at: around.clock.now(), identifiers, reason, ...about }),
  });
  if (!pass) return notSent('no-pass');
  if (Object.keys(pass.installed).length === 0) return notSent('no-device');

  const begun = await around.notifications.begin(around.tenant, id, pass.id, pass.installed.Google === undefined ? undefined : googleLimit);
  if (begun === 'over-limit') return notSent('over-quota');
  if (begun === 'begun-before') return uncertain(id, 'It was about to be sent when this process or its call ended.');
  const said = await around.call('notify', 'POST', pathFor(pass, around), { body: bodyFor(command, around.settings), once: true });
  if (said.ok) return { id, outcome: 'accepted', told: bareEvent({ kind: 'notification-sent', name: 'passes/notify', at: around.clock.now(), identifiers, ...about }) };
  if (!said.undone) return uncertain(id, said.words);
  await around.notifications.takeBack(id);
  return answerTo(outgoing, withReason(said));
}

/** Of several passes the one installed last; one in no wallet comes last. */
function installedAt({ installed }: ListedPass): number {
  return Math.max(-1, ...Object.values(installed));
}

/** The code that explains it. */
const codes = { 'no-pass': 'WALLET_CREW_PASS_MISSING', 'no-device': 'NOTIFICATION_WITHOUT_DEVICE', 'over-quota': 'NOTIFICATION_OVER_QUOTA' } as const;

function uncertain(id: string, words: string): Answer {
  return { id, outcome: 'refused', code: 'WALLET_CREW_NOTIFICATION_UNCERTAIN', words };
}

/** The pass was there a moment ago: a 404 now is about the path. */
function withReason(said: Refusal): Refusal {
  return said.code === 'WALLET_CREW_PASS_MISSING' ? { ...said, code: 'WALLET_CREW_REFUSED' } : said;
}

function pathFor({ id }: ListedPass, { tenant, settings }: Around): string {
  return settings.notifyPath.replaceAll('{tenantId}', encodeURIComponent(settings.tenantId ?? tenant)).replaceAll('{passId}', encodeURIComponent(id));
}

function bodyFor({ message, localizedMessage }: Notify, { notifyBody }: WalletCrewSettings): unknown {
  return filled(notifyBody, (name) => (name === 'message' ? message : name === 'localizedMessage' ? localizedMessage : undefined));
}

function filtersFor({ identifiers, passType }: Notify): [field: string, value: string][] {
  const filters = Object.entries(identifiers).map(([key, value]): [string, string] => [`identifiers.${key}`, value]);
  return passType === undefined ? filters : [...filters, ['passType', passType]];
}
