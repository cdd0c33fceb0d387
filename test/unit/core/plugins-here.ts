import { PluginHost, PluginRunner, Rollout, type HookAnswer, type HookName, type InstalledPlugin, type Plugin, type Stage } from '#core';
import { frozen } from '../../support/stories.js';
import { KeptMeter } from './fakes.js';

/** Plugins in this very process, as far as the host looks at them; where they really run has tests of its own. */
export class PluginsHere extends PluginRunner {
  asked: string[] = [];

  constructor(private readonly plugins: (Plugin & { onError?: 'skip' | 'hold' })[]) {
    super();
  }

  host(stages: Record<string, Stage> = {}): PluginHost {
    return new PluginHost(this, new Staged(stages), new KeptMeter());
  }

  installed(): InstalledPlugin[] {
    return this.plugins.map(({ name, onError = 'skip', ...rest }) => ({ name, version: 'test', onError, hooks: Object.keys(rest).filter((key) => key !== 'api' && key !== 'settings') as HookName[] }));
  }

  async ask(_tenant: string, plugin: string, hook: HookName, inputs: readonly unknown[]): Promise<HookAnswer[]> {
    this.asked.push(`${plugin} ${hook} ${inputs.length}`);
    const run = this.plugins.find(({ name }) => name === plugin)![hook] as (input: unknown, settings: object) => unknown;
    return inputs.map((input) => {
      try {
        return { ok: true, value: run(frozen(structuredClone(input)), {}) };
      } catch (error) {
        return { ok: false, code: 'PLUGIN_FAILED', words: (error as Error).message };
      }
    });
  }
}

class Staged extends Rollout {
  constructor(private readonly stages: Record<string, Stage>) {
    super();
  }

  async stage(_tenant: string, plugin: string): Promise<Stage> {
    return this.stages[plugin] ?? 'on';
  }
}

export const plugin = (name: string, hooks: Omit<Plugin, 'name' | 'api'>, own: { onError?: 'hold' } = {}) => ({ name, api: 1, ...hooks, ...own });
