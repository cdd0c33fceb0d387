import type { Answer, Command, ErrorCode, Outgoing } from '#core';
import type { Problem, VendorError } from './errors.js';
import { valuesOf } from './identifiers.js';
import type { Verdict } from './isolation.js';
import { scrub } from './words.js';

export function accepted(outgoing: Outgoing, words?: string): Answer {
  return { id: outgoing.id, outcome: 'accepted', ...(words === undefined ? {} : { words }) };
}

export function refused(outgoing: Outgoing, code: ErrorCode, words: string): Answer {
  return { id: outgoing.id, outcome: 'refused', code, words: clean(words, outgoing) };
}

export function skipped(outgoing: Outgoing, code: ErrorCode): Answer {
  return { id: outgoing.id, outcome: 'skipped', code };
}

export function later(outgoing: Outgoing, code: ErrorCode, waitMs: number = patienceAfter(outgoing.attempts), words?: string): Answer {
  return { id: outgoing.id, outcome: 'later', code, waitMs, ...(words === undefined ? {} : { words: clean(words, outgoing) }) };
}

export function becauseOf(outgoing: Outgoing, problem: Problem): Answer {
  return problem.kind === 'later' ? later(outgoing, problem.code, problem.waitMs, problem.words) : refused(outgoing, problem.code, problem.words);
}

export function fromVerdict(outgoing: Outgoing, verdict: Exclude<Verdict, { is: 'taken' }> | undefined): Answer {
  if (!verdict) return later(outgoing, 'KLAVIYO_BUSY', 0);
  return verdict.is === 'later' ? later(outgoing, verdict.code, verdict.waitMs, verdict.words) : refused(outgoing, verdict.code, verdict.error.words);
}

/** Klaviyo says that it has this event already: that is what was wanted. */
export function saysDuplicateEvent(error: VendorError): boolean {
  return /unique_id/i.test(`${error.pointer ?? ''} ${error.words}`) && /duplicate|repeated|already|not unique|must be unique/i.test(`${error.code} ${error.words}`);
}

/** Whoever nothing identifies waits until something does; an hour, because being told who it is wakes the command anyway. */
export function unreachable(outgoing: Outgoing): Answer {
  return later(outgoing, 'PERSON_NOT_REACHABLE', 3_600_000);
}

function patienceAfter(attempts: number): number {
  return Math.min(60_000, 1000 * 2 ** Math.min(attempts, 10));
}

function clean(words: string, outgoing: Outgoing): string {
  const values = [...valuesOf(outgoing.identity), ...propertyValues(outgoing.command)];
  // A token stands in an address as it is encoded there.
  return scrub(words, [...values, ...values.filter((value) => !/\p{Surrogate}/u.test(value)).map(encodeURIComponent)]);
}

function propertyValues(command: Command): string[] {
  const carried = 'properties' in command ? Object.values(command.properties).flat() : [];
  const attributes = command.do === 'upsert-profile' ? Object.values(command.attributes) : [];
  return [...carried, ...attributes].filter((value) => typeof value === 'string' && value.length > 3) as string[];
}
