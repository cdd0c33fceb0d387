import { CommandLine } from '#runtime';
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

const line = new CommandLine(usage);
const options = { since: { type: 'string', default: '7d' }, with: { type: 'string' }, settings: { type: 'string' }, tenant: { type: 'string' }, diff: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } } as const;

/** Undefined: somebody asked for the usage. */
export function readArguments(typed: readonly string[], now: number): Arguments | undefined {
  const read = line.read(typed, options);
  if (!read) return undefined;
  const { settings, since, with: plugin, ...values } = read.values;
  if (!plugin) throw line.wrong('--with is missing');
  return { ...values, with: plugin, since: line.since(since, now), ...(settings === undefined ? {} : { settings: settingsOf(settings) }) };
}

function settingsOf(text: string): Record<string, unknown> {
  const settings = read(text);
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) throw line.wrong('--settings must be a YAML map');
  return settings as Record<string, unknown>;
}

function read(yaml: string): unknown {
  try {
    return parseYaml(yaml);
  } catch {
    return undefined;
  }
}
