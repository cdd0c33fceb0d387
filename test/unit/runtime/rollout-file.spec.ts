import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { until } from '../../ports/until.js';
import { rolloutWorkplace, type Opened } from './support/rollout.js';

const { open, path } = rolloutWorkplace();
const write = (text: string) => writeFileSync(path('rollout.yaml'), text);
const offersOf = (rollout: string) => `tenants:\n  acme:\n    offers: ${rollout}\n`;
const becomes = async ({ stage }: Opened, wanted: string) => void (await until(async () => (await stage('ana')) === wanted));

describe('the rollout file', () => {
  it('counts over the configuration', async () => {
    write(offersOf('off'));
    const rollout = await open('on');
    expect(await rollout.stage('ana')).toBe('off');
    expect(await rollout.flags.stage('bolt', 'offers', { key: 'ana', facts: {} })).toBe('on');
    expect(rollout.offers()).toMatchObject({ stage: 'off for everybody', from: 'rollout file', rollout: { stage: 'off' } });
    expect(rollout.flags.state('acme')).toMatchObject({ source: 'configuration', file: path('rollout.yaml'), exists: true, changedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) });
  });

  it('is not needed', async () => {
    const rollout = await open('shadow');
    expect(await rollout.stage('ana')).toBe('shadow');
    expect(rollout.flags.state('acme')).toMatchObject({ exists: false, plugins: [{ from: 'configuration' }, { from: 'configuration' }] });
  });

  it('rolls a plugin forward and back while the process runs', async () => {
    const rollout = await open('off');
    for (const stage of ['shadow', 'on', 'off']) {
      write(offersOf(stage));
      await becomes(rollout, stage);
    }
    expect(rollout.log.lines.filter((line) => line.startsWith('info rollout changed'))).toEqual([
      'info rollout changed {"tenant":"acme","plugin":"offers","before":"off for everybody","now":"shadow for everybody"}',
      'info rollout changed {"tenant":"acme","plugin":"offers","before":"shadow for everybody","now":"on for everybody"}',
      'info rollout changed {"tenant":"acme","plugin":"offers","before":"on for everybody","now":"off for everybody"}',
    ]);
  });

  it('gives a plugin back to the configuration when it no longer names it', async () => {
    write(offersOf('off'));
    const rollout = await open('on');
    expect(await rollout.stage('ana')).toBe('off');
    write('# nothing any more\n');
    await becomes(rollout, 'on');
  });

  it('is noticed in a Kubernetes ConfigMap, where only a link above it is turned', async () => {
    const version = (name: string, stage: string) => {
      mkdirSync(path(name));
      writeFileSync(path(`${name}/rollout.yaml`), offersOf(stage));
      symlinkSync(name, path('..data_tmp'));
      renameSync(path('..data_tmp'), path('..data'));
    };
    version('..2026_1', 'off');
    symlinkSync('..data/rollout.yaml', path('rollout.yaml'));
    const rollout = await open('on');
    expect(await rollout.stage('ana')).toBe('off');
    version('..2026_2', 'shadow');
    rmSync(path('..2026_1'), { recursive: true });
    await becomes(rollout, 'shadow');
  });

  it.each([
    ['is no YAML', 'tenants: {acme: [', 'it is not readable YAML'],
    ['has a mistake', `${offersOf('{ percent: 500 }')}  bolt:\n    offers: on\n`, 'tenants.acme.offers.percent: '],
    ['names a plugin and says nothing', offersOf(''), 'tenants.acme.offers: must be off, shadow, on or a rollout'],
    ['has a word in the wrong place', `rollout: {}\n${offersOf('on')}`, 'rollout: there is no such setting'],
  ])('that %s changes nothing, and is shown until it is mended', async (_what, broken, problem) => {
    write(offersOf('shadow'));
    const rollout = await open('on');
    write(broken);
    const state = () => rollout.flags.state('acme') as { problem?: string };
    await until(() => state().problem !== undefined);
    expect(state().problem).toContain(problem);
    expect(await rollout.stage('ana')).toBe('shadow');
    expect(rollout.log.lines.filter((line) => line.startsWith('error') && line.includes('ROLLOUT_FILE_UNUSABLE'))).toHaveLength(1);
    expect(rollout.meter.counted).toEqual(['connector_rollout_changes_total refused']);
    write(offersOf('off'));
    await becomes(rollout, 'off');
    expect(state().problem).toBeUndefined();
  });

  it('that got lost switches nothing on again', async () => {
    write(offersOf('off'));
    const rollout = await open('on');
    rmSync(path('rollout.yaml'));
    await until(() => !(rollout.flags.state('acme') as { exists: boolean }).exists);
    expect(await rollout.stage('ana')).toBe('off');
    expect(rollout.flags.state('acme')).toMatchObject({ problem: expect.stringContaining('it is gone') });
  });

  it('with mistakes stops the start, and all of them are listed', async () => {
    write('tenants:\n  acme:\n    offers: beta\n    quiet-hours: { percent: -1 }\n    ofers: on\n  akme: { offers: on }\n');
    await expect(open('on')).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      detail: expect.stringMatching(/^(\n {2}ROLLOUT_FILE \(.*rollout\.yaml\): tenants\.(acme\.offers\.stage|acme\.quiet-hours\.percent|acme\.ofers|akme): [^\n]+){4}$/),
    });
  });

  it('may later name a plugin that is not here; the rest counts, and a warning is shown', async () => {
    const rollout = await open('on');
    write(`${offersOf('off')}    of-the-next-version: on\n`);
    await becomes(rollout, 'off');
    expect(rollout.flags.state('acme')).toMatchObject({ warning: 'tenants.acme.of-the-next-version: the tenant has no such plugin' });
    expect(rollout.log.lines.some((line) => line.startsWith('warn') && line.includes('of-the-next-version'))).toBe(true);
  });

  it('must be there where somebody names it', async () => {
    await expect(open('on', { file: { path: path('elsewhere.yaml'), isAsked: true } })).rejects.toThrow(/ROLLOUT_FILE \(.*elsewhere\.yaml\): there is no such file/);
  });

  it('has an example that is accepted, as it stands and with its lines in force', async () => {
    const example = readFileSync('config/rollout.example.yaml', 'utf8');
    write(example);
    expect((await open('shadow')).offers()).toMatchObject({ from: 'configuration', stage: 'shadow for everybody' });
    write(example.replaceAll(/^ {4}# (?= *(offers|percent|cohort|shadow):)/gm, '    '));
    expect((await open('shadow')).offers()).toMatchObject({ from: 'rollout file', stage: 'on for everybody with metadata.storeId Paris and for 5 % of the others; shadow for the rest' });
  });
});
