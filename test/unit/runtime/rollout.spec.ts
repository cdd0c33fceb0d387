import fc from 'fast-check';
import type { Stage } from '#core';
import { readPluginRollout } from '#runtime';
import { rolloutWorkplace } from './support/rollout.js';

const { open } = rolloutWorkplace();
const people = Array.from({ length: 2_000 }, (_, i) => `person-${i}`);
const share = (stages: Stage[], stage: Stage) => (stages.filter((one) => one === stage).length / stages.length) * 100;

describe('a plugin', () => {
  it.each([
    ['nothing is said about it', undefined, 'on'],
    ['it is on', 'on', 'on'],
    ['it is off', { stage: 'off' }, 'off'],
    ['it is switched off in one word', 'off', 'off'],
    ['Helm wrote its "off" as false', { stage: false }, 'off'],
    ['Helm wrote its "on" as true', true, 'on'],
    ['it is in shadow', 'shadow', 'shadow'],
    ['it is on for nobody', { percent: 0 }, 'off'],
    ['it is on for nobody, and shadow for the rest', { percent: 0, shadow: true }, 'shadow'],
    ['it is on for all of a hundred', { percent: 100, shadow: true }, 'on'],
    ['it is switched off whatever else stands there', { stage: 'off', percent: 50, shadow: true, cohort: { locale: ['fr'] } }, 'off'],
  ])('has one stage for everybody where %s', async (_when, rollout, stage) => {
    const { stage: stageOf, offers } = await open(rollout);
    expect(await Promise.all(people.slice(0, 50).map((key) => stageOf(key, { locale: 'fr' })))).toEqual(Array(50).fill(stage));
    expect(offers()).toMatchObject({ stage: `${stage} for everybody`, answers: { [stage]: 50 } });
  });

  it('that a tenant does not have takes no part', async () => {
    const { flags } = await open('on');
    expect(await flags.stage('acme', 'no-such-plugin', { key: 'ana', facts: {} })).toBe('off');
    expect(await flags.stage('nobody', 'offers', { key: 'ana', facts: {} })).toBe('off');
  });
});

describe('a percentage', () => {
  it.each([1, 5, 25, 50, 90])('of %d lets about so many of a hundred people in', async (percent) => {
    const { stage } = await open({ percent });
    const found = share(await Promise.all(people.map((key) => stage(key))), 'on');
    // Four standard deviations: by chance once in 16 000.
    expect(Math.abs(found - percent)).toBeLessThan(4 * Math.sqrt((percent * (100 - percent)) / people.length));
  });

  it('always lets the same people in, in every replica and for every event about them', async () => {
    const [one, other] = [await open({ percent: 30 }), await open({ percent: 30, shadow: true })];
    for (const key of people.slice(0, 300)) {
      const stage = await one.stage(key, { 'metadata.storeId': 'Paris' });
      expect(await one.stage(key)).toBe(stage);
      expect(await other.stage(key)).toBe(stage === 'on' ? 'on' : 'shadow');
    }
  });

  it('only adds people when it grows, and only takes people out when it shrinks', async () => {
    const percent = fc.double({ min: 0, max: 100, noNaN: true });
    await fc.assert(
      fc.asyncProperty(percent, percent, fc.array(fc.string(), { minLength: 1, maxLength: 30 }), async (a, b, keys) => {
        const [less, more] = [await open({ percent: Math.min(a, b) }), await open({ percent: Math.max(a, b) })];
        for (const key of keys) if ((await less.stage(key)) === 'on') expect(await more.stage(key)).toBe('on');
      }),
      { numRuns: 100 },
    );
  });

  it('is not always of the same people for every plugin', async () => {
    const { flags } = await open({ percent: 10 }, { plugins: new Map([['acme', new Map(['a', 'b'].map((name) => [name, readPluginRollout({ percent: 10 }, '', [])]))]]) });
    const both = await Promise.all(people.map(async (key) => (await flags.stage('acme', 'a', { key, facts: {} })) === 'on' && (await flags.stage('acme', 'b', { key, facts: {} })) === 'on'));
    expect(both.filter(Boolean).length).toBeLessThan(people.length * 0.03);
  });
});

describe('a cohort', () => {
  it('is in as a whole, and nobody else', async () => {
    const { stage, offers } = await open({ cohort: { 'metadata.storeId': ['Paris', 'Lyon'] } });
    expect(await stage('ana', { 'metadata.storeId': 'Paris' })).toBe('on');
    expect(await stage('ana', { 'metadata.storeId': 'Nice' })).toBe('off');
    expect(await stage('ana')).toBe('off');
    expect(offers()).toMatchObject({ stage: 'on for everybody with metadata.storeId Paris or Lyon; off for the rest', answers: { on: 1, off: 2, shadow: 0 } });
  });

  it('has to match in every fact that it names', async () => {
    const { stage } = await open({ cohort: { 'metadata.storeId': 'Paris', 'metadata.vip': true } });
    expect(await stage('ana', { 'metadata.storeId': 'Paris', 'metadata.vip': true })).toBe('on');
    expect(await stage('ana', { 'metadata.storeId': 'Paris', 'metadata.vip': false })).toBe('off');
    expect(await stage('ana', { 'metadata.storeId': 'Paris' })).toBe('off');
  });

  it.each([
    [{ 'metadata.storeId': [12] }, { 'metadata.storeId': '12' }],
    [{ 'metadata.y2.storeId': ['Paris'] }, { 'metadata.y2.storeId': 'Paris' }],
    [{ locale: ['fr'] }, { locale: 'fr-FR' }],
    [{ locale: ['fr-FR'] }, { locale: 'fr_FR' }],
    [{ language: ['fr'] }, { locale: 'fr-FR', language: 'fr' }],
  ])('%j is how people write %j', async (cohort, facts) => {
    expect(await (await open({ cohort })).stage('ana', facts)).toBe('on');
  });

  it.each([
    [{ locale: ['fr-FR'] }, { locale: 'fr-BE' }],
    [{ 'metadata.constructor': ['x'] }, { 'metadata.storeId': 'Paris' }],
    [{ 'metadata.storeId': ['Paris'] }, { 'metadata.storeid': 'Paris' }],
  ])('%j does not mean %j', async (cohort, facts) => {
    expect(await (await open({ cohort })).stage('ana', facts)).toBe('off');
  });

  it('is in beside a percentage of everybody else', async () => {
    const { stage, offers } = await open({ percent: 20, cohort: { locale: ['fr'] }, shadow: true });
    const french = await Promise.all(people.map((key) => stage(key, { locale: 'fr-FR' })));
    const others = await Promise.all(people.map((key) => stage(key, { locale: 'de-DE' })));
    expect(share(french, 'on')).toBe(100);
    expect(Math.abs(share(others, 'on') - 20)).toBeLessThan(4);
    expect(share(others, 'on') + share(others, 'shadow')).toBe(100);
    expect(offers().stage).toBe('on for everybody with locale fr and for 20 % of the others; shadow for the rest');
  });

  it('or a percentage may be in shadow only', async () => {
    const { stage } = await open({ stage: 'shadow', cohort: { locale: ['fr'] } });
    expect([await stage('ana', { locale: 'fr' }), await stage('ana')]).toEqual(['shadow', 'off']);
  });
});

describe('a rollout with mistakes', () => {
  it.each([
    ['beta', 'r.stage'],
    [{ stage: 'beta' }, 'r.stage'],
    [5, 'r.stage'],
    [[], 'r.stage'],
    [{ percent: 101 }, 'r.percent'],
    [{ percent: -1 }, 'r.percent'],
    [{ percent: '5' }, 'r.percent'],
    [{ shadow: 'yes' }, 'r.shadow'],
    [{ percentage: 5 }, 'r.percentage'],
    [{ cohort: ['Paris'] }, 'r.cohort'],
    [{ cohort: {} }, 'r.cohort'],
    [{ cohort: { storeId: ['Paris'] } }, 'r.cohort.storeId'],
    [{ cohort: { email: ['ana@example.com'] } }, 'r.cohort.email'],
    [{ cohort: { 'metadata.storeId': [] } }, 'r.cohort.metadata.storeId'],
    [{ cohort: { 'metadata.storeId': [null] } }, 'r.cohort.metadata.storeId'],
    [{ cohort: { locale: null } }, 'r.cohort.locale'],
  ])('%j is a problem at %s, and no value is shown', (rollout, path) => {
    const problems: string[] = [];
    readPluginRollout(rollout, 'r', problems);
    expect(new Set(problems.map((problem) => problem.split(': ')[0]))).toEqual(new Set([path]));
    expect(problems.join()).not.toMatch(/beta|Paris|example/);
  });

  it('lists all of them', () => {
    const problems: string[] = [];
    readPluginRollout({ stage: 'beta', percent: 200, shadow: 1, cohort: { storeId: 'Paris', locale: [] }, typo: 1 }, 'r', problems);
    expect(problems.map((problem) => problem.split(':')[0]).toSorted()).toEqual(['r.cohort.locale', 'r.cohort.storeId', 'r.percent', 'r.shadow', 'r.stage', 'r.typo']);
  });
});
