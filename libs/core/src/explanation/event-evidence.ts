import type { Track } from '../command.js';
import { isAsked, ownProfiles, sentOf, settlesMs, takenAt, type Evidence, type Sent } from './evidence.js';

/** An event that Klaviyo accepted long enough ago to show it, and that is not among those it shows. */
export interface Unshown {
  sent: Sent<Track>;
  /** Than all that are shown. Only the newest are, so this alone does not say that it is missing. */
  isOlder: boolean;
}

export function unshownEvents(evidence: Omit<Evidence, 'missingEvents'>): Unshown[] {
  const lists = ownProfiles(evidence).map(({ events }) => events);
  if (lists.length === 0 || !lists.every(isAsked)) return [];
  const shown = lists.flatMap((events) => (isAsked(events) ? events : []));
  const ids = new Set(shown.map(({ uniqueId }) => uniqueId));
  const oldest = shown.length === 0 ? 0 : Math.min(...shown.map(({ at }) => at));
  const settled = sentOf(evidence, 'track').filter((sent) => sent.status === 'accepted' && evidence.now - (takenAt(sent) ?? 0) >= settlesMs);
  return settled.filter(({ command }) => !ids.has(command.uniqueId)).map((sent) => ({ sent, isOlder: sent.command.at < oldest }));
}

/** Those that Klaviyo does not have. */
export function unseenEvents(evidence: Evidence): Sent<Track>[] {
  return unshownEvents(evidence).filter(({ sent, isOlder }) => !isOlder || evidence.missingEvents.includes(sent.command.uniqueId)).map(({ sent }) => sent);
}
