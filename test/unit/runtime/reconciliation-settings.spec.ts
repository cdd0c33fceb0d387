import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectorError } from '#core';
import { Environment, loadSettings, reconcileRulesOf, ReconciliationSettings } from '#runtime';

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'reconciliation-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** The settings of `acme`, and of a `sister` who reaches Klaviyo so. */
function read(reconciliation?: string, sister?: string) {
  const file = join(folder, 'connector.yaml');
  const walletCrew = '    walletCrew: { apiKey: wc-key, webhookSecret: wc-webhook-secret }';
  const acme = ['  acme:', walletCrew, '    klaviyo: { apiKey: pk_key, listId: NEWS }', ...(reconciliation === undefined ? [] : [`    reconciliation: ${reconciliation}`])];
  writeFileSync(file, ['tenants:', ...acme, ...(sister === undefined ? [] : ['  sister:', walletCrew, `    klaviyo: ${sister}`])].join('\n'));
  return loadSettings(new Environment({ CONFIG_FILE: file }));
}

const load = (reconciliation?: string) => read(reconciliation).tenants.get('acme')!.reconciliation;

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
    expect(reconcileRulesOf(read(), 'acme')).toEqual({ graceMs: 60_000, strangers: true });
    expect(new ReconciliationSettings()).toEqual({ cron: '15 3 * * *', timeZone: 'UTC', graceSeconds: 60, everyProfile: true });
  });

  it('can be set', () => {
    const settings = read('{ cron: "0 0 4 * * 1-5", timeZone: Europe/Paris, graceSeconds: 0, everyProfile: false }');
    expect(settings.tenants.get('acme')!.reconciliation).toEqual({ cron: '0 0 4 * * 1-5', timeZone: 'Europe/Paris', graceSeconds: 0, everyProfile: false });
    expect(reconcileRulesOf(settings, 'acme')).toEqual({ graceMs: 0, strangers: false });
    expect(load('{ cron: off }')).toMatchObject({ cron: 'off', timeZone: 'UTC' });
  });

  it.each([
    ['has the same key', '{ apiKey: pk_key }', false],
    ['has the same key, and the address written in another way', '{ apiKey: pk_key, baseUrl: "https://a.klaviyo.com/" }', false],
    ['has an account of its own', '{ apiKey: pk_other }', true],
    ['has the same key somewhere else', '{ apiKey: pk_key, baseUrl: "http://localhost:4010" }', true],
  ])('where another tenant %s: its profiles of people nobody knows are written to only if they can be no customers of the other', (_, sister, strangers) => {
    const settings = read('{ everyProfile: true }', sister);
    for (const tenant of ['acme', 'sister']) expect(reconcileRulesOf(settings, tenant).strangers).toBe(strangers);
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
