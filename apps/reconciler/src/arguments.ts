import { parts, type Part, type RunOptions } from '#core';
import { CommandLine } from '#runtime';

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

const line = new CommandLine(usage);

const options = {
  'once': { type: 'boolean', default: false },
  'tenant': { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  'since': { type: 'string' },
  'only': { type: 'string', multiple: true },
  'believe-absences': { type: 'boolean', default: false },
  'json': { type: 'boolean', default: false },
} as const;

/** Undefined: somebody asked for the usage. */
export function readArguments(typed: readonly string[], now: number): Arguments | undefined {
  const read = line.read(typed, options);
  if (!read) return undefined;
  const { once, tenant, json, since, only, ...values } = read.values;
  const asked: RunOptions = {
    dryRun: values['dry-run'],
    only: only === undefined ? parts : partsOf(only),
    ...(since === undefined ? {} : { since: line.since(since, now) }),
    ...(values['believe-absences'] ? { believeAbsences: true as const } : {}),
  };
  if (!once && (tenant !== undefined || since !== undefined || only !== undefined || json || asked.dryRun || asked.believeAbsences)) throw line.wrong('all other options belong to --once');
  return { once, json, options: asked, ...(tenant === undefined ? {} : { tenant }) };
}

function partsOf(only: readonly string[]): Part[] {
  const named = only.flatMap((text) => text.split(','));
  const unknown = named.find((name) => !(parts as readonly string[]).includes(name));
  if (unknown !== undefined) throw line.wrong(`--only ${unknown}: there are ${parts.join(', ')}`);
  return parts.filter((part) => named.includes(part));
}
