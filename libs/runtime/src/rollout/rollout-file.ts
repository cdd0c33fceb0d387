import { readYaml } from '../yaml.js';
import { PluginRollout, readPluginRollout } from './plugin-rollout.js';

/** What the rollout file says, by tenant and plugin, and whom it names in vain. */
export interface RolloutFile {
  rollouts: Map<string, Map<string, PluginRollout>>;
  unknown: string[];
}

/** `installed`: the plugins of each tenant by name. Every problem by path, and no value is repeated. */
export function readRolloutFile(text: string, installed: ReadonlyMap<string, ReadonlySet<string>>, problems: string[]): RolloutFile {
  const file: RolloutFile = { rollouts: new Map(), unknown: [] };
  const document = parsed(text, problems);
  for (const name of Object.keys(document)) if (name !== 'tenants') problems.push(`${name}: there is no such setting`);
  for (const [tenant, plugins] of Object.entries(mapAt(document['tenants'], 'tenants', problems))) {
    const path = `tenants.${tenant}`;
    const names = installed.get(tenant);
    if (!names) file.unknown.push(`${path}: there is no such tenant`);
    const rollouts = new Map<string, PluginRollout>();
    for (const [plugin, given] of Object.entries(mapAt(plugins, path, problems))) {
      if (names && !names.has(plugin)) file.unknown.push(`${path}.${plugin}: the tenant has no such plugin`);
      // A name left blank means nobody decided anything, least of all "on for everybody".
      if (given === null) problems.push(`${path}.${plugin}: must be off, shadow, on or a rollout`);
      else rollouts.set(plugin, readPluginRollout(given, `${path}.${plugin}`, problems));
    }
    file.rollouts.set(tenant, rollouts);
  }
  return file;
}

function parsed(text: string, problems: string[]): Record<string, unknown> {
  const read = readYaml(text);
  if ('value' in read) return mapAt(read.value, '', problems);
  problems.push(read.problem);
  return {};
}

function mapAt(value: unknown, path: string, problems: string[]): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  if (value !== null && value !== undefined) problems.push(path ? `${path}: must be a map of names` : 'it holds no map of names');
  return {};
}
