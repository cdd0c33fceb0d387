import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HookAnswer } from '#core';
import { loadPlugins, readSettings, type IsolatedPlugins } from '#runtime';
import { KeptLog, KeptMeter, ManualClock } from './system-fakes.js';

/** A folder with plugins as somebody has put them beside their configuration. */
export class PluginFiles {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'plugins-')));
  readonly log = new KeptLog();
  readonly meter = new KeptMeter();
  readonly clock = new ManualClock();
  private readonly loaded: IsolatedPlugins[] = [];
  private files = 0;

  get configFile(): string {
    return join(this.folder, 'connector.yaml');
  }

  write(name: string, source: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, source);
    return `./${name}`;
  }

  /** A plugin with these members; gives the path that an entry names it by. */
  plugin(members: string, { name = 'sample', before = '' } = {}): string {
    return this.write(`plugin-${++this.files}.mjs`, `${before}\nexport default { name: '${name}', api: 1, ${members} };\n`);
  }

  /** Loads the entries of one tenant, or of several. */
  async load(entries: unknown[] | Record<string, unknown[]>, { loadMs = 20_000 } = {}): Promise<IsolatedPlugins> {
    const keys = { walletCrew: { apiKey: 'wc-key', webhookSecret: 'wc-webhook-secret' }, klaviyo: { apiKey: 'pk_key' } };
    const tenants = Object.entries(Array.isArray(entries) ? { acme: entries } : entries).map(([id, plugins]) => [id, { ...keys, plugins }]);
    const problems: string[] = [];
    const settings = readSettings({ tenants: Object.fromEntries(tenants) as object }, problems);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    const runner = await loadPlugins(settings, { configFile: this.configFile, clock: this.clock, log: this.log, meter: this.meter, loadMs });
    this.loaded.push(runner);
    return runner;
  }

  async remove(): Promise<void> {
    await Promise.all(this.loaded.map((runner) => runner.close()));
    rmSync(this.folder, { recursive: true });
  }
}

/** The values of answers, or the codes in place of those that failed. */
export const inShort = (answers: HookAnswer[]) => answers.map((answer) => (answer.ok ? answer.value : answer.code));
