import type { WalletCommand } from '../command.js';
import { fingerprint } from '../fingerprint.js';

/** What a Klaviyo flow asks of a pass, as it came. */
export interface FlowAction {
  kind: 'flow-action';
  /** The last part of the address that was called, for example `passes/pushUpdate`. */
  name: string;
  at: number;
  command: WalletCommand;
}

const dayMs = 86_400_000;

/**
 * Klaviyo gives a flow's call no id and repeats an unanswered one for up to 24 hours. So the same content from the same flow is
 * the same call for that long, and a new one afterwards: a flow may well say the same again next week. The days are counted
 * from a fixed point, so a call is also compared with the day before.
 */
export function flowKeys(name: string, flowId: string, body: string, at: number): { key: string; formerKey: string } {
  const content = fingerprint(JSON.stringify([name, flowId, body]));
  const today = Math.floor(at / dayMs);
  return { key: `flow:${content}:${today}`, formerKey: `flow:${content}:${today - 1}` };
}

/** What is asked about one pass or customer keeps its order, so it is filed under whom it names. */
export function subjectOfAction(command: WalletCommand): string {
  const named = command.do === 'look-up' ? command.profile : command.identifiers;
  return fingerprint(JSON.stringify(Object.entries(named).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}
