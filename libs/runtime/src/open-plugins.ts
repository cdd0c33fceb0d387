import { PluginRunner, Rollout, type Clock, type Log, type Meter } from '#core';
import type { Environment } from './environment.js';
import { loadPlugins } from './plugins/load-plugins.js';
import { RolloutFlags } from './rollout/rollout-flags.js';
import type { Settings } from './settings.js';

/** The plugins of a process and for whom they are. */
export interface OpenPlugins {
  runner: PluginRunner;
  rollout: Rollout & Partial<Pick<RolloutFlags, 'state'>>;
  close(): Promise<void>;
}

export async function openPlugins(settings: Settings, { configFile, rolloutFile }: Pick<Environment, 'configFile' | 'rolloutFile'>, around: { clock: Clock; log: Log; meter: Meter }): Promise<OpenPlugins> {
  const runner = await loadPlugins(settings, { configFile, ...around });
  try {
    const rollout = await openRollout(settings, runner, { configFile, rolloutFile, ...around });
    const close = () => {
      rollout.close();
      return runner.close();
    };
    return { runner, rollout, close };
  } catch (error) {
    await runner.close();
    throw error;
  }
}

export function openRollout(settings: Settings, runner: PluginRunner, around: Pick<Environment, 'configFile' | 'rolloutFile'> & { log: Log; meter: Meter }): Promise<RolloutFlags> {
  // Only the plugin itself says its name; installed plugins stand in the order of their entries.
  const plugins = new Map([...settings.tenants].map(([tenant, { plugins: entries = [] }]) => [tenant, new Map(runner.installed(tenant).map(({ name }, i) => [name, entries[i]?.rollout]))]));
  const { configFile, rolloutFile: file, log, meter } = around;
  return RolloutFlags.open({ plugins, configFile, file, provider: settings.rollout.provider, log, meter });
}

export const noPlugins: OpenPlugins = { runner: { installed: () => [], ask: async () => [] }, rollout: { stage: async () => 'off' }, close: async () => undefined };
