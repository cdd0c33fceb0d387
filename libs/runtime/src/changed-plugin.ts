import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ConnectorError, PluginRunner, Rollout, type Clock, type HookAnswer, type HookName, type InstalledPlugin, type Log, type Meter, type Plain, type Stage } from '#core';
import type { OpenPlugins } from './open-plugins.js';
import { findPlugin } from './plugins/find-plugin.js';
import { Isolate } from './plugins/isolate.js';
import { loadPlugins } from './plugins/load-plugins.js';
import { PluginSettings } from './plugins/plugin-settings.js';
import { Settings, type TenantSettings } from './settings.js';

export interface PluginChange {
  /** The name of a plugin that a tenant has, a built-in one, a file, a package, or `package@version`. */
  with: string;
  /** Instead of what the configuration says for it. */
  settings?: Record<string, unknown>;
}

/** What would be if one plugin were another, or just on for everybody. */
export interface ChangedPlugin {
  name: string;
  version: string;
  /** Who has it then. */
  tenants: string[];
  plugins: OpenPlugins;
}

interface Around {
  settings: Settings;
  configFile: string;
  clock: Clock;
  log: Log;
  meter: Meter;
}

const loadMs = 10_000;
const installMs = 120_000;
const packageAtVersion = /^((?:@[\w.-]+\/)?[\w][\w.-]*)@([\w.+-]+)$/;

/** `now`: the plugins as they are; they stay open when the change is closed. */
export async function changePlugin(change: PluginChange, tenants: readonly string[], now: OpenPlugins, around: Around): Promise<ChangedPlugin> {
  const named = tenants.filter((tenant) => now.runner.installed(tenant).some(({ name }) => name === change.with));
  if (named.length > 0 && !change.settings) {
    const { name, version } = now.runner.installed(named[0]!).find((one) => one.name === change.with)!;
    return { name, version, tenants: named, plugins: { runner: now.runner, rollout: new OnForAll(now.rollout, name), close: async () => undefined } };
  }
  const place = named.length > 0 ? { use: entryOf(named[0]!, change.with, now, around.settings)!.use, configFile: around.configFile, clean: () => undefined } : await placeOf(change.with, around.configFile);
  try {
    const name = await nameAt(place);
    const entries = (named.length > 0 ? named : tenants).map((tenant) => {
      const entry = entryOf(tenant, name, now, around.settings) ?? new PluginSettings();
      return [tenant, { plugins: [Object.assign(new PluginSettings(), entry, { use: place.use }, change.settings ? { settings: change.settings } : {})] } as TenantSettings] as const;
    });
    const other = await loadPlugins(Object.assign(new Settings(), { tenants: new Map(entries) }), { ...around, configFile: place.configFile });
    const [installed] = other.installed(entries[0]![0]);
    const close = () => other.close().finally(place.clean);
    const plugins = { runner: new WithAnother(now.runner, other), rollout: new OnForAll(now.rollout, installed!.name), close };
    return { name: installed!.name, version: installed!.version, tenants: entries.map(([tenant]) => tenant), plugins };
  } catch (error) {
    place.clean();
    throw error instanceof ConnectorError && error.detail ? new ConnectorError(error.code, asGiven(error.detail), { cause: error }) : error;
  }
}

/** What was asked for on a command line stands in no configuration. */
function asGiven(detail: string): string {
  return [...new Set(detail.replaceAll(/tenants\.[\w-]+\.plugins\[0\]/g, '--with').split('\n'))].join('\n');
}

interface Place {
  use: string;
  /** From where `use` is looked for. */
  configFile: string;
  clean(): void;
}

/** A path on a command line is relative to where the command was given. A version that is not installed is fetched into a folder that goes again. */
async function placeOf(use: string, configFile: string): Promise<Place> {
  const nothing = () => undefined;
  const [, name, version] = packageAtVersion.exec(use) ?? [];
  if (!name) return { use: /^\.|[\\/].*\.[cm]?js$/.test(use) && !use.startsWith('@') ? resolve(use) : use, configFile, clean: nothing };
  if (findPlugin(name, configFile)?.version === `${name} ${version}`) return { use: name, configFile, clean: nothing };
  const folder = mkdtempSync(join(tmpdir(), 'connector-replay-'));
  const clean = () => rmSync(folder, { recursive: true, force: true });
  try {
    await promisify(execFile)('npm', ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', use], { timeout: installMs, shell: process.platform === 'win32' });
  } catch (cause) {
    clean();
    throw new ConnectorError('PLUGIN_NOT_FOUND', `npm could not install ${use}.`, { cause });
  }
  return { use: name, configFile: join(folder, 'connector.yaml'), clean };
}

/** Undefined: it cannot be loaded; loading it properly says why. */
async function nameAt({ use, configFile }: Place): Promise<string | undefined> {
  const found = findPlugin(use, configFile);
  if (!found) throw new ConnectorError('PLUGIN_NOT_FOUND', `"${use}" is neither a plugin of a tenant nor one that can be found.`);
  const isolate = new Isolate(found, { memoryMb: new PluginSettings().memoryMb, loadMs });
  const answer = await isolate.load().finally(() => isolate.kill());
  return 'loaded' in answer ? answer.loaded.name : undefined;
}

/** Installed plugins stand in the order of their entries. */
function entryOf(tenant: string, name: string | undefined, { runner }: OpenPlugins, settings: Settings): PluginSettings | undefined {
  return settings.tenants.get(tenant)?.plugins?.[runner.installed(tenant).findIndex((plugin) => plugin.name === name)];
}

class OnForAll extends Rollout {
  constructor(
    private readonly others: Rollout,
    private readonly name: string,
  ) {
    super();
  }

  async stage(tenant: string, plugin: string, who: { key: string; facts: Record<string, Plain> }): Promise<Stage> {
    return plugin === this.name ? 'on' : this.others.stage(tenant, plugin, who);
  }
}

/** The one plugin of `other` in the place of the one with its name, or after all. */
class WithAnother extends PluginRunner {
  constructor(
    private readonly now: PluginRunner,
    private readonly other: PluginRunner,
  ) {
    super();
  }

  installed(tenant: string): readonly InstalledPlugin[] {
    const [another] = this.other.installed(tenant);
    const now = this.now.installed(tenant);
    if (!another) return now;
    return now.some(({ name }) => name === another.name) ? now.map((plugin) => (plugin.name === another.name ? another : plugin)) : [...now, another];
  }

  ask(tenant: string, plugin: string, hook: HookName, inputs: readonly unknown[]): Promise<HookAnswer[]> {
    const runner = this.other.installed(tenant).some(({ name }) => name === plugin) ? this.other : this.now;
    return runner.ask(tenant, plugin, hook, inputs);
  }
}
