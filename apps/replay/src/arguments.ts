import { parseArgs } from 'node:util';
import { ConnectorError } from '#core';
import { timeAgo } from '#runtime';
import { parse as parseYaml } from 'yaml';

export interface Arguments {
  /** Epoch milliseconds. */
  since: number;
  with: string;
  settings?: Record<string, unknown>;
  tenant?: string;
  /** True: what differs, and not only how much. */
  diff: boolean;
  json: boolean;
}

export const usage = `npm run replay -- --with <plugin> [--since 7d] [--diff] [--tenant <id>] [--settings <yaml>] [--json]

  --with      a plugin that a tenant has, by its name; or a built-in one, a file, a package, package@version
  --since     7d, 12h, 30m, or a time such as 2026-03-01
  --diff      also what differs, with the ids of a few deliveries
  --settings  settings of the plugin, instead of those in the configuration
  --tenant    only this tenant
  --json      one JSON document instead of tables

Decides the deliveries of that time twice, in memory and from an empty world: as the plugins are configured and rolled out, and with this one on for everybody.
Nothing is sent, nothing is written.
`;

const options = { since: { type: 'string', default: '7d' }, with: { type: 'string' }, settings: { type: 'string' }, tenant: { type: 'string' }, diff: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const;

export function readArguments(given: readonly string[], now: number): Arguments {
  const { settings, ...values } = parsed(given);
  if (!values.with) throw wrong('--with is missing');
  return { ...values, with: values.with, since: sinceOf(values.since, now), ...(settings === undefined ? {} : { settings: settingsOf(settings) }) };
}

function parsed(given: readonly string[]) {
  try {
    return parseArgs({ args: [...given], options }).values;
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

function sinceOf(text: string, now: number): number {
  const at = timeAgo(text, now);
  if (at === undefined) throw wrong(`--since ${text} is no time in the past`);
  return at;
}

function settingsOf(text: string): Record<string, unknown> {
  const settings: unknown = parseYaml(text);
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) throw wrong('--settings must be a YAML map');
  return settings as Record<string, unknown>;
}

const wrong = (words: string) => new ConnectorError('SETTINGS_INVALID', `\n  ${words}\n\n${usage}`);
