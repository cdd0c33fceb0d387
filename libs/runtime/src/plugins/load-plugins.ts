import { ConnectorError, PluginRunner, type HookAnswer, type HookName, type InstalledPlugin } from '#core';
import type { Settings } from '../settings.js';
import { checkPlugins } from './check-plugins.js';
import { IsolatedPlugin, type Surroundings } from './isolated-plugin.js';

/** Every plugin of every tenant, each in an isolate of its own. */
export class IsolatedPlugins extends PluginRunner {
  private isClosed = false;

  constructor(private readonly plugins: ReadonlyMap<string, readonly IsolatedPlugin[]>) {
    super();
  }

  installed(tenant: string): readonly InstalledPlugin[] {
    return (this.plugins.get(tenant) ?? []).map(({ installed }) => installed);
  }

  /** Rejects only while the process stops: what was asked is then decided by another, or later. */
  async ask(tenant: string, plugin: string, hook: HookName, inputs: readonly unknown[]): Promise<HookAnswer[]> {
    const asked = this.plugins.get(tenant)?.find(({ installed }) => installed.name === plugin);
    if (!asked) return inputs.map(() => ({ ok: false, code: 'PLUGIN_NOT_FOUND', words: 'It is not installed.' }));
    const answers = this.isClosed ? [] : await asked.ask(hook, inputs);
    if (this.isClosed) throw new ConnectorError('SHUTTING_DOWN');
    return answers;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.plugins.values()].flat().map((plugin) => plugin.close()));
  }
}

/** Finds and checks the plugins of all tenants. What is wrong with any of them is in one error, by path, each problem with its code. */
export async function loadPlugins(settings: Settings, around: Omit<Surroundings, 'loadMs'> & { loadMs?: number }): Promise<IsolatedPlugins> {
  const all = { loadMs: 10_000, ...around };
  const { plugins, problems } = await checkPlugins(settings, all);
  if (problems.length > 0) throw new ConnectorError('SETTINGS_INVALID', problems.map((problem) => `\n  ${problem}`).join(''));
  return new IsolatedPlugins(plugins);
}
