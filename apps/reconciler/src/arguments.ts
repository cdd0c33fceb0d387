import { parseArgs } from 'node:util';
import { ConnectorError, parts, type Part, type RunOptions } from '#core';
import { timeAgo } from '#runtime';

export interface Arguments {
  /** True: one run, then the process ends; otherwise runs come by their schedule. */
  once: boolean;
  tenant?: string;
  options: RunOptions;
  json: boolean;
}

export const usage = `npm run reconcile -- [--once] [--tenant <id>] [--dry-run] [--since 7d] [--only tokens|status|consent] [--believe-absences] [--json]

  --once              one run now, for a CronJob; without it runs come by the schedule of each tenant
  --tenant            only this tenant
  --dry-run           compares and reports; nothing is written to either side
  --since             only what has changed since: 7d, 12h, 30m, or a time such as 2026-03-01
  --only              only this part; several with commas
  --believe-absences  many passes may be gone from wallets at once
  --json              reports as JSON instead of tables

Ends with 0 when the run is done, 1 when it failed, 2 when it could not begin, 3 when it was cancelled or interrupted, 4 when another process is at it.
`;

const given = {
  'once': { type: 'boolean', default: false },
  'tenant': { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  'since': { type: 'string' },
  'only': { type: 'string', multiple: true },
  'believe-absences': { type: 'boolean', default: false },
  'json': { type: 'boolean', default: false },
  'help': { type: 'boolean', default: false },
} as const;

/** Undefined: somebody asked for the usage. */
export function readArguments(args: readonly string[], now: number): Arguments | undefined {
  const { once, tenant, json, since, only, help, ...values } = parsed(args);
  if (help) return undefined;
  const options: RunOptions = {
    dryRun: values['dry-run'],
    only: only === undefined ? parts : partsOf(only),
    ...(since === undefined ? {} : { since: sinceOf(since, now) }),
    ...(values['believe-absences'] ? { believeAbsences: true as const } : {}),
  };
  if (!once && (since !== undefined || only !== undefined || options.dryRun || options.believeAbsences)) throw wrong('--dry-run, --since, --only and --believe-absences belong to --once');
  return { once, json, options, ...(tenant === undefined ? {} : { tenant }) };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: given }).values;
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

function partsOf(only: readonly string[]): Part[] {
  const named = only.flatMap((text) => text.split(','));
  const unknown = named.find((name) => !(parts as readonly string[]).includes(name));
  if (unknown !== undefined) throw wrong(`--only ${unknown}: there are ${parts.join(', ')}`);
  return parts.filter((part) => named.includes(part));
}

function sinceOf(text: string, now: number): number {
  const at = timeAgo(text, now);
  if (at === undefined) throw wrong(`--since ${text} is no time in the past`);
  return at;
}

const wrong = (words: string) => new ConnectorError('SETTINGS_INVALID', `\n  ${words}\n\n${usage}`);
