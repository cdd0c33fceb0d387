import type { Stage } from '#core';
import { Definition } from './definition.js';
import { PluginRollout } from './plugin-rollout.js';

/** The plugins of each tenant by name, with what the configuration says about whom they are for. */
export type ConfiguredPlugins = ReadonlyMap<string, ReadonlyMap<string, PluginRollout | undefined>>;

/** One plugin of one tenant. */
export interface Flag {
  tenant: string;
  plugin: string;
  /** Its name in OpenFeature. One flag per tenant, so that switching a plugin for one tenant is one word and cannot touch another. */
  key: string;
  configured: PluginRollout | undefined;
  /** What counts; with another provider only while that gives no answer. */
  definition: Definition;
  from: 'configuration' | 'rollout file';
  /** Answers since the process started. */
  answers: Record<Stage, number>;
  failed: number;
  /** What is wrong now. */
  problem?: string | undefined;
}

export class Flags {
  private readonly byTenant = new Map<string, Map<string, Flag>>();
  private readonly byKey = new Map<string, Flag>();

  /** `unsaid`: whom a plugin is for whose entry does not say it. */
  constructor(plugins: ConfiguredPlugins, private readonly unsaid: Stage) {
    for (const [tenant, names] of plugins) {
      this.byTenant.set(tenant, new Map());
      for (const [plugin, configured] of names) {
        const key = `plugin.${tenant}.${plugin}`;
        const flag: Flag = { tenant, plugin, key, configured, definition: new Definition(plugin, configured ?? this.default()), from: 'configuration', answers: { off: 0, shadow: 0, on: 0 }, failed: 0 };
        this.byTenant.get(tenant)!.set(plugin, flag);
        this.byKey.set(key, flag);
      }
    }
  }

  of(tenant: string, plugin: string): Flag | undefined {
    return this.byTenant.get(tenant)?.get(plugin);
  }

  byFlagKey(key: string): Flag | undefined {
    return this.byKey.get(key);
  }

  ofTenant(tenant: string): Flag[] {
    return [...(this.byTenant.get(tenant)?.values() ?? [])];
  }

  /** The names of the plugins by tenant. */
  names(): Map<string, Set<string>> {
    return new Map([...this.byTenant].map(([tenant, flags]) => [tenant, new Set(flags.keys())]));
  }

  /** Puts what the rollout file says over the configuration; answers what has become different. */
  overlay(rollouts: ReadonlyMap<string, ReadonlyMap<string, PluginRollout>>): { flag: Flag; before: string }[] {
    const changed: { flag: Flag; before: string }[] = [];
    for (const flag of this.byKey.values()) {
      const said = rollouts.get(flag.tenant)?.get(flag.plugin);
      const definition = new Definition(flag.plugin, said ?? flag.configured ?? this.default());
      if (definition.words !== flag.definition.words) changed.push({ flag, before: flag.definition.words });
      flag.definition = definition;
      flag.from = said ? 'rollout file' : 'configuration';
    }
    return changed;
  }

  private default(): PluginRollout {
    return Object.assign(new PluginRollout(), { stage: this.unsaid });
  }
}
