import { errors, hookNames, pluginApi, type ErrorCode, type HookName } from '#core';
import type { Described } from '#isolate';
import type { Settings } from '../settings.js';
import { findPlugin, type FoundPlugin } from './find-plugin.js';
import { Isolate } from './isolate.js';
import { IsolatedPlugin, type Surroundings } from './isolated-plugin.js';
import type { PluginSettings } from './plugin-settings.js';

interface Entry {
  tenant: string;
  path: string;
  entry: PluginSettings;
}

interface Problem {
  at: string;
  code: ErrorCode;
  says?: string;
}

/** All plugins that passed, by tenant and in their order, or what is wrong with the others. */
export async function checkPlugins(settings: Settings, around: Surroundings): Promise<{ plugins: Map<string, IsolatedPlugin[]>; problems: string[] }> {
  const entries: Entry[] = [...settings.tenants].flatMap(([tenant, { plugins = [] }]) => plugins.map((entry, i) => ({ tenant, path: `tenants.${tenant}.plugins[${i}]`, entry })));
  const problems: Problem[] = [];
  const checked = new Map<Entry, IsolatedPlugin>();
  // Many tenants use one plugin: one isolate looks at it and at the settings of all of them.
  const uses = [...new Set(entries.map(({ entry }) => entry.use))];
  await Promise.all(uses.map((use) => checkOne(use, entries.filter(({ entry }) => entry.use === use), around, checked, problems)));

  const plugins = new Map([...settings.tenants.keys()].map((tenant) => [tenant, [] as IsolatedPlugin[]]));
  for (const entry of entries) {
    const plugin = checked.get(entry);
    if (!plugin) continue;
    const others = plugins.get(entry.tenant)!;
    if (others.some(({ installed }) => installed.name === plugin.installed.name)) problems.push({ at: `${entry.path}.use`, code: 'PLUGIN_NAME_TAKEN' });
    else others.push(plugin);
  }
  if (problems.length > 0) await Promise.all([...checked.values()].map((plugin) => plugin.close()));
  const order = entries.map(({ path }) => path);
  const rank = ({ at }: Problem) => order.findIndex((path) => at === path || at.startsWith(`${path}.`));
  return { plugins, problems: problems.toSorted((a, b) => rank(a) - rank(b)).map(({ at, code, says }) => `${at}: ${code}: ${says ?? errors[code].says}`) };
}

async function checkOne(use: string, entries: Entry[], around: Surroundings, checked: Map<Entry, IsolatedPlugin>, problems: Problem[]): Promise<void> {
  const all = (code: ErrorCode, says?: string) => problems.push(...entries.map(({ path }) => ({ at: `${path}.use`, code, ...(says ? { says } : {}) })));
  const found = findPlugin(use, around.configFile);
  if (!found) return void all('PLUGIN_NOT_FOUND');
  const isolate = new Isolate(found, { memoryMb: Math.max(...entries.map(({ entry }) => entry.memoryMb)), loadMs: around.loadMs });
  try {
    const answer = await isolate.load();
    if (!('loaded' in answer)) return void all('PLUGIN_UNUSABLE', 'unusable' in answer ? answer.unusable : 'words' in answer ? `it could not be loaded: ${answer.words}` : undefined);
    const wrong = judge(answer.loaded);
    if (wrong) return void all(...wrong);
    for (const entry of entries) {
      const why = await checkSettings(isolate, entry);
      if (why.length > 0) problems.push(...why);
      else checked.set(entry, plugin(entry, answer.loaded, found, around, entries.length === 1 ? isolate : undefined));
    }
  } finally {
    // The only one who wants it keeps it, ready to be asked.
    if (entries.length > 1 || !checked.has(entries[0]!)) await isolate.kill();
  }
}

function judge({ name = '', api, functions, others }: Described): [ErrorCode, string?] | undefined {
  const isHook = (member: string) => (hookNames as readonly string[]).includes(member);
  const unknown = functions.filter((member) => !isHook(member));
  if (api !== pluginApi) return ['PLUGIN_API_UNSUPPORTED', `it says \`api: ${api}\`; this version runs \`api: ${pluginApi}\``];
  if (!/^[A-Za-z\d-]{1,64}$/.test(name)) return ['PLUGIN_UNUSABLE', 'its name must be made of letters, digits and dashes'];
  if (unknown.length > 0) return ['PLUGIN_HOOK_UNKNOWN', `there is no hook ${unknown.map((member) => `\`${member.slice(0, 60)}\``).join(', ')}; there are ${hookNames.join(', ')}`];
  if (others.some(isHook)) return ['PLUGIN_UNUSABLE', `${others.filter(isHook).join(', ')} must be a function`];
  return functions.length === 0 ? ['PLUGIN_UNUSABLE', 'it has no hook'] : undefined;
}

async function checkSettings(isolate: Isolate, { path, entry }: Entry): Promise<Problem[]> {
  const answer = await isolate.settings(entry.settings ?? {});
  if ('problems' in answer) return answer.problems.map((problem) => ({ at: `${path}.settings${problem.path}`, code: 'PLUGIN_SETTINGS_INVALID', says: problem.says }));
  return [{ at: `${path}.use`, code: 'PLUGIN_UNUSABLE', says: 'unusable' in answer ? answer.unusable : 'its settings could not be checked' }];
}

function plugin({ tenant, entry }: Entry, { name = '', functions }: Described, found: FoundPlugin, around: Surroundings, isolate: Isolate | undefined): IsolatedPlugin {
  const installed = { name, version: found.version, hooks: functions as HookName[], onError: entry.onError };
  return new IsolatedPlugin(tenant, installed, found, entry, around, isolate);
}
