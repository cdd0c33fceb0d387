import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EvaluationContext } from '@openfeature/server-sdk';
import { until } from '../../ports/until.js';
import { rolloutWorkplace } from './support/rollout.js';

const { open, path } = rolloutWorkplace();

/** A provider file in plain JavaScript, as somebody would write one; what it was asked stands in `globalThis.asked`. */
function providerFile(resolve: string, form = 'export default provider;', extra = ''): string {
  writeFileSync(
    path('provider.mjs'),
    `globalThis.asked = [];
const provider = {
  metadata: { name: 'tiny' },
  async resolveStringEvaluation(flagKey, otherwise, context) {
    globalThis.asked.push({ flagKey, context });
    ${resolve}
  },
  ${extra}
};
${form}`,
  );
  return './provider.mjs';
}
const asked = () => (globalThis as unknown as { asked: { flagKey: string; context: EvaluationContext }[] }).asked;

describe('another OpenFeature provider', () => {
  it.each([
    ['itself', 'export default provider;'],
    ['by a function', 'export default () => provider;'],
    ['by a function that takes its time', 'export default async () => provider;'],
  ])('given %s decides instead of configuration and rollout file', async (_how, form) => {
    writeFileSync(path('rollout.yaml'), 'tenants: { acme: { offers: off } }');
    const rollout = await open('off', { provider: providerFile(`return { value: context.targetingKey === 'ana' ? 'on' : 'shadow' };`, form) });
    expect([await rollout.stage('ana'), await rollout.stage('ben')]).toEqual(['on', 'shadow']);
    expect(rollout.flags.state('acme')).toMatchObject({ source: 'provider', provider: 'tiny', status: 'READY' });
    expect(rollout.offers()).toMatchObject({ flag: 'plugin.acme.offers', from: 'provider', stage: 'as the provider says for each person', answers: { on: 1, shadow: 1, off: 0 }, failed: 0 });
  });

  it('is asked by person, tenant, plugin and facts, and never told an address or a number', async () => {
    const rollout = await open('off', { provider: providerFile(`return { value: 'on' };`) });
    await rollout.stage('p-1', { 'locale': 'fr-FR', 'language': 'fr', 'metadata.storeId': 'Paris', 'metadata.y2.tier': 2, 'metadata.contact': 'ana@example.com', 'metadata.eMail': 'x', 'metadata.mobilePhone': '+33612345678' });
    expect(asked()).toEqual([{ flagKey: 'plugin.acme.offers', context: { targetingKey: 'p-1', tenant: 'acme', plugin: 'offers', locale: 'fr-FR', language: 'fr', metadata: { storeId: 'Paris', y2_tier: 2 } } }]);
  });

  it.each([
    ['knows no such flag', `const error = new Error('no such flag'); error.code = 'FLAG_NOT_FOUND'; throw error;`, 'FLAG_NOT_FOUND'],
    ['fails', `throw new Error('ana@example.com broke it');`, 'GENERAL'],
    ['says something that is no stage', `return { value: 'beta' };`, 'NO_STAGE'],
  ])('that %s leaves the plugin to its entry in the configuration; without one it is off', async (_what, resolve, problem) => {
    const provider = providerFile(resolve);
    const said = await open({ percent: 100, stage: 'shadow' }, { provider });
    expect([await said.stage('ana'), await said.stage('ben')]).toEqual(['shadow', 'shadow']);
    expect(said.offers()).toMatchObject({ problem, failed: 2, answers: { shadow: 2 } });
    expect(said.meter.counted).toEqual(Array(2).fill(`connector_rollout_failures_total acme offers ${problem}`));
    expect(said.log.lines).toEqual([`warn the rollout provider has no stage for a plugin; its entry in the configuration counts {"tenant":"acme","plugin":"offers","flag":"plugin.acme.offers","code":"ROLLOUT_FLAG_UNUSABLE","reason":"${problem}"}`]);
    expect(await (await open(undefined, { provider })).stage('ana')).toBe('off');
  });

  it('that answers again is believed again', async () => {
    const rollout = await open('off', { provider: providerFile(`if (globalThis.asked.length === 1) throw new Error('not yet'); return { value: 'on' };`) });
    expect([await rollout.stage('ana'), await rollout.stage('ana')]).toEqual(['off', 'on']);
    expect(rollout.offers()).not.toHaveProperty('problem');
    expect(rollout.log.lines.at(-1)).toContain('answers again');
  });

  it('that never answers holds nobody up for long, and is then left alone for a while', async () => {
    const rollout = await open('shadow', { provider: providerFile('return new Promise(() => {});') });
    expect(await rollout.stage('ana')).toBe('shadow');
    expect(await rollout.stage('ben')).toBe('shadow');
    expect(asked()).toHaveLength(1);
    expect(rollout.offers()).toMatchObject({ problem: 'NO_ANSWER', failed: 2 });
  });

  it('that is not ready at the start does not keep the connector from starting, and is asked all the same', async () => {
    const rollout = await open('shadow', { provider: providerFile(`return { value: 'on' };`, undefined, `async initialize() { throw new Error('flagd is away'); },`) });
    expect(await rollout.stage('ana')).toBe('on');
    expect(rollout.flags.state('acme')).toMatchObject({ status: 'ERROR' });
    expect(rollout.log.lines[0]).toMatch(/^warn the rollout provider is not ready/);
  });

  it('is closed with the connector', async () => {
    const rollout = await open('off', { provider: providerFile(`return { value: 'on' };`, undefined, `async onClose() { globalThis.asked.push('closed'); },`) });
    rollout.flags.close();
    await until(() => (asked() as unknown[]).includes('closed'));
  });

  it.each([
    ['./nowhere.mjs', 'there is no file ./nowhere.mjs beside the configuration'],
    ['no-such-package-of-flags', 'the package no-such-package-of-flags is not installed'],
    ['yaml', 'the default export of yaml is no OpenFeature provider and no function that gives one'],
  ])('%s that cannot be had stops the start', async (provider, words) => {
    await expect(open('off', { provider })).rejects.toMatchObject({ code: 'SETTINGS_INVALID', detail: `\n  rollout.provider: ${words}` });
  });

  it('with a slip of the pen in it stops the start, and nothing of it is shown', async () => {
    writeFileSync(path('provider.mjs'), `throw new Error('secret-0123');`);
    await expect(open('off', { provider: './provider.mjs' })).rejects.toMatchObject({ detail: '\n  rollout.provider: ./provider.mjs cannot be loaded (Error)' });
  });
});

describe('the flags for flagd in docs/rollout.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/rollout.md'), 'utf8');
  const flags = /```json\n(\{\n {2}"\$schema": "https:\/\/flagd[\s\S]*?)```/.exec(page)![1]!;

  it('do with flagd\'s own rules what the page says', async () => {
    writeFileSync(path('flags.json'), flags);
    writeFileSync(
      path('flagd.cjs'),
      `const { FlagdCore } = require(${JSON.stringify(require.resolve('@openfeature/flagd-core'))});
const core = new FlagdCore();
core.setConfigurations(require('node:fs').readFileSync(${JSON.stringify(path('flags.json'))}, 'utf8'));
module.exports = { metadata: { name: 'flagd rules' }, resolveStringEvaluation: async (...asked) => core.resolveStringEvaluation(...asked) };`,
    );
    const { flags: rollout } = await open('off', { provider: './flagd.cjs' });
    const stage = (key: string, facts = {}, plugin = 'offers') => rollout.stage('acme', plugin, { key, facts });
    expect(await stage('ana', { 'metadata.storeId': 'Paris' })).toBe('on');
    const others = await Promise.all(Array.from({ length: 2_000 }, (_, i) => stage(`person-${i}`, { 'metadata.storeId': 'Nice' })));
    expect(others.filter((one) => one === 'on').length / 20).toBeGreaterThan(3);
    expect(others.filter((one) => one === 'on').length / 20).toBeLessThan(7);
    expect(others.every((one) => one !== 'off')).toBe(true);
    expect(await stage('ana', {}, 'quiet-hours')).toBe('shadow');
  });
});
