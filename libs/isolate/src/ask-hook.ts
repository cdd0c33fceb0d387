import type { HookName, HookTypes, Plugin } from '#core';
import { frozen, notPlain } from './plain.js';
import { readPluginSettings } from './plugin-settings.js';

/**
 * Asks one hook as the connector does: the settings are checked, the input is a frozen copy, the answer must be plain data. For tests of
 * plugins; there is neither an isolate nor a limit of time here.
 */
export async function askHook<N extends HookName, S extends object>(plugin: Plugin<S>, hook: N, input: HookTypes[N]['input'], settings: Record<string, unknown> = {}): Promise<HookTypes[N]['output']> {
  const asked = plugin[hook] as ((input: unknown, settings: unknown) => unknown) | undefined;
  if (!asked) throw new Error(`The plugin ${plugin.name} has no hook ${hook}.`);
  const answer = await asked.call(plugin, frozen(copy(input)), settingsFor(plugin.settings, copy(settings)));
  const why = notPlain(answer);
  if (why) throw new Error(`${hook} returned ${why}; an answer is plain data.`);
  return copy(answer) as HookTypes[N]['output'];
}

function settingsFor(rules: (new () => object) | undefined, plain: Record<string, unknown>): object {
  if (!rules) return frozen({});
  const read = readPluginSettings(rules, plain);
  if ('problems' in read) throw new Error(read.problems.map(({ path, says }) => `settings${path}: ${says}`).join('\n'));
  return frozen(read.settings);
}

/** As data comes that has been on the way between two processes. */
const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
