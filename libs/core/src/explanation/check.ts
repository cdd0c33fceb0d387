import { errors, type ErrorCode } from '../errors.js';
import type { Evidence } from './evidence.js';

/** The links of the chain, in the order in which they are suspected. */
export const chainLinks = ['identity', 'profile', 'token', 'events', 'consent', 'notifications'] as const;
export type ChainLink = (typeof chainLinks)[number];

/** One thing that may explain why somebody is (not) in a segment. */
export interface Check {
  name: string;
  about: ChainLink;
  /** `broken`: the chain is not whole, or not yet. `meant`: nothing is broken, and it explains what one sees. */
  weight: 'broken' | 'meant';
  /** In words of somebody who builds segments. */
  says: string;
  fix: string;
  /** A command or call, with `<tenant>`. */
  run?: string;
  /** The page to read. */
  read?: string;
  /** Whether it is so, and what in particular; nothing: it is not so. */
  holds(evidence: Evidence): Particulars | undefined;
}

export interface Particulars {
  detail?: string;
  /** What the catalogue of errors says to do about it takes the place of `fix`. */
  code?: ErrorCode;
  /** Fills `<id>` in `run`. */
  id?: string;
}

/** A check that holds. */
export interface Suspicion extends Pick<Check, 'name' | 'about' | 'weight' | 'says' | 'fix' | 'run' | 'read'> {
  code?: ErrorCode;
  detail?: string;
}

export function suspicion({ holds, ...check }: Check, evidence: Evidence): Suspicion | undefined {
  const found = holds(evidence);
  if (!found) return undefined;
  const { detail, code, id } = found;
  return {
    ...check,
    fix: code === undefined ? check.fix : errors[code].fix,
    ...(check.run === undefined ? {} : { run: check.run.replaceAll('<tenant>', evidence.rules.tenant).replaceAll('<id>', id ?? '<id>') }),
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
  };
}

/** Nobody reads more. */
const mostDetails = 20;

/** It holds where there is something to tell. */
export function ifAny(details: readonly string[], own: Omit<Particulars, 'detail'> = {}): Particulars | undefined {
  const all = [...new Set(details)];
  const more = all.length > mostDetails ? [`and ${all.length - mostDetails} more`] : [];
  return all.length === 0 ? undefined : { detail: [...all.slice(0, mostDetails), ...more].join('; '), ...own };
}

export const replayCall = 'POST /api/<tenant>/operations/parked/<id>/replay';
export const reconcileRun = 'npm run reconcile -- --once --tenant <tenant>';
