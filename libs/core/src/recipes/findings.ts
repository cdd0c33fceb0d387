import { errors } from '../errors.js';
import type { Unanswered } from '../ports/setup.js';
import type { Rules } from '../rules.js';

/** One thing that was looked at. */
export interface Finding {
  at: 'klaviyo' | 'wallet-crew';
  what: string;
  /** `unproven`: it may be right, and nothing harmless would show it. */
  state: 'good' | 'missing' | 'unproven';
  says: string;
  /** What to do about it. */
  fix?: string;
}

/** What a tenant's configuration expects of the two vendors. */
export interface Expectations {
  rules: Rules;
  /** Where this connector is reached from outside, where that was said. */
  url?: string;
  /** Things shall be created, so what only that needs is needed too. */
  creates: boolean;
}

export function unanswered(at: Finding['at'], what: string, { code, words }: Unanswered): Finding {
  return { at, what, state: 'missing', says: `${code}: ${words}`, fix: errors[code].fix };
}

/** The lists of the configuration. Those that plugins choose are not known here. */
export function configuredLists({ listId, consents }: Rules): string[] {
  return [...new Set([listId, ...Object.values(consents).map((consent) => consent.listId)])].filter((id) => id !== undefined);
}

export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
