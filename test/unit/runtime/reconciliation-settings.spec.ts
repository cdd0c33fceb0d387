import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectorError } from '#core';
import { Environment, loadSettings, reconcileRulesOf, ReconciliationSettings } from '#runtime';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'reconciliation-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function load(reconciliation?: string) {
  const file = join(folder, 'connector.yaml');
  const lines = ['tenants:', '  acme:', '    walletCrew: { apiKey: wc-key, webhookSecret: wc-webhook-secret }', '    klaviyo: { apiKey: pk_key, listId: NEWS }'];
  writeFileSync(file, [...lines, ...(reconciliation === undefined ? [] : [`    reconciliation: ${reconciliation}`])].join('\n'));
  return loadSettings(new Environment({ CONFIG_FILE: file })).tenants.get('acme')!.reconciliation;
}

function problems(reconciliation: string): string[] {
  try {
    load(reconciliation);
    return [];
  } catch (error) {
    return (error as ConnectorError).detail!.split('\n  ').slice(1);
  }
}

describe('how a tenant is reconciled', () => {
  it('needs no setting: every night, everybody, after a minute of grace', () => {
    expect(load()).toBeUndefined();
    expect(reconcileRulesOf(load())).toEqual({ graceMs: 60_000, strangers: true });
    expect(new ReconciliationSettings()).toEqual({ cron: '15 3 * * *', timeZone: 'UTC', graceSeconds: 60, everyProfile: true });
  });

  it('can be set', () => {
    const settings = load('{ cron: "0 0 4 * * 1-5", timeZone: Europe/Paris, graceSeconds: 0, everyProfile: false }');
    expect(settings).toEqual({ cron: '0 0 4 * * 1-5', timeZone: 'Europe/Paris', graceSeconds: 0, everyProfile: false });
    expect(reconcileRulesOf(settings)).toEqual({ graceMs: 0, strangers: false });
    expect(load('{ cron: off }')).toMatchObject({ cron: 'off', timeZone: 'UTC' });
  });

  it.each([
    ['{ cron: every night }', 'cron', 'must be a cron expression, or off'],
    ['{ cron: "61 3 * * *" }', 'cron', 'must be a cron expression, or off'],
    ['{ cron: "15 3 * *" }', 'cron', 'must be a cron expression, or off'],
    ['{ cron: "" }', 'cron', 'must be a cron expression, or off'],
    ['{ timeZone: Europe/Pariss }', 'timeZone', 'must be a time zone such as Europe/Paris'],
    ['{ timeZone: "" }', 'timeZone', 'must be a time zone such as Europe/Paris'],
    ['{ graceSeconds: -1 }', 'graceSeconds', ''],
    ['{ graceSeconds: 3601 }', 'graceSeconds', ''],
    ['{ graceSeconds: 1.5 }', 'graceSeconds', ''],
    ['{ everyProfile: sometimes }', 'everyProfile', ''],
    ['{ crom: off }', 'crom', ''],
  ])('%s is named by its path', (yaml, name, words) => {
    expect(problems(yaml)).toEqual([expect.stringMatching(new RegExp(`^tenants\\.acme\\.reconciliation\\.${name}: .*${words}`))]);
  });

  it('lists all that is wrong at once', () => {
    expect(problems('{ cron: never, timeZone: here, graceSeconds: -1 }')).toHaveLength(3);
  });
});
