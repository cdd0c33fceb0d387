import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plain, Stage } from '#core';
import { readPluginRollout, RolloutFlags, type RolloutOptions } from '#runtime';
import { KeptLog, KeptMeter } from '../../../support/system-fakes.js';

export interface Opened {
  flags: RolloutFlags;
  log: KeptLog;
  meter: KeptMeter;
  /** The stage of somebody for the plugin `offers` of the tenant `acme`. */
  stage(key: string, facts?: Record<string, Plain>): Promise<Stage>;
  /** How things stand with that plugin. */
  offers(): ReturnType<RolloutFlags['state']>['plugins'][number];
}

/** A folder for a test's files, and everything that was opened in it; gone after each test. */
export function rolloutWorkplace() {
  const opened: RolloutFlags[] = [];
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'rollout-'))));
  afterEach(() => {
    for (const flags of opened.splice(0)) flags.close();
    rmSync(folder, { recursive: true });
  });
  const open = async (rollout: unknown, options: Partial<RolloutOptions> = {}): Promise<Opened> => {
    const problems: string[] = [];
    const configured = rollout === undefined ? undefined : readPluginRollout(rollout, 'rollout', problems);
    if (problems.length > 0) throw new Error(problems.join('\n'));
    const log = new KeptLog();
    const meter = new KeptMeter();
    const plugins = new Map([['acme', new Map([['offers', configured], ['quiet-hours', undefined]])], ['bolt', new Map([['offers', configured]])]]);
    const flags = await RolloutFlags.open({ plugins, configFile: join(folder, 'connector.yaml'), file: { path: join(folder, 'rollout.yaml'), isAsked: false }, log, meter, lookEveryMs: 5, ...options });
    opened.push(flags);
    return { flags, log, meter, stage: (key, facts = {}) => flags.stage('acme', 'offers', { key, facts }), offers: () => flags.state('acme').plugins.find(({ name }) => name === 'offers')! };
  };
  return { open, path: (name: string) => join(folder, name) };
}
