import fc from 'fast-check';
import type { PersonView } from '#core';
import { askHook } from '#isolate';
import { firstMomentAt, localMinutes } from '../../../libs/plugins/src/local-time.js';
import quietHours from '../../../libs/plugins/src/quiet-hours.js';
import { aPerson } from './samples.js';

const nights = { quiet: [{ from: '21:00', to: '08:00' }], zone: 'Europe/Paris' };

async function allow(now: string, settings: Record<string, unknown> = nights, person?: Partial<PersonView>) {
  const answer = await askHook(quietHours, 'allowNotification', { notification: { message: 'Hello' }, now: Date.parse(now), ...(person ? { person: aPerson(person) } : {}) }, settings);
  return typeof answer === 'object' && 'at' in answer ? new Date(answer.at).toISOString() : answer;
}

describe('quiet hours', () => {
  it.each([
    ['by day', '2026-06-10T12:00:00Z', true],
    ['in the very minute they end', '2026-06-10T06:00:00Z', true],
    ['in the minute before they begin', '2026-06-10T18:59:59Z', true],
    ['in the very minute they begin', '2026-06-10T19:00:00Z', '2026-06-11T06:00:00.000Z'],
    ['late in the evening', '2026-06-10T21:30:15Z', '2026-06-11T06:00:00.000Z'],
    ['early in the morning', '2026-06-11T05:59:59Z', '2026-06-11T06:00:00.000Z'],
    ['in winter, when Paris is another hour away', '2026-12-10T22:00:00Z', '2026-12-11T07:00:00.000Z'],
  ])('hold a notification back until the morning: %s', async (_when, now, answer) => {
    expect(await allow(now)).toBe(answer);
  });

  it.each([
    ['the night an hour is skipped', '2026-03-28T22:00:00Z', '2026-03-29T06:00:00.000Z'],
    ['the night an hour comes twice', '2026-10-24T22:00:00Z', '2026-10-25T07:00:00.000Z'],
    ['within the hour that comes twice, the first time', '2026-10-25T00:30:00Z', '2026-10-25T07:00:00.000Z'],
    ['within the hour that comes twice, the second time', '2026-10-25T01:30:00Z', '2026-10-25T07:00:00.000Z'],
  ])('end at eight by the clock on the wall: %s', async (_when, now, answer) => {
    expect(await allow(now)).toBe(answer);
  });

  it('end as soon as the clocks have passed it where they never show it', async () => {
    expect(await allow('2026-03-29T00:30:00Z', { quiet: [{ from: '22:00', to: '02:30' }], zone: 'Europe/Paris' })).toBe('2026-03-29T01:00:00.000Z');
  });

  it('end when the clocks show it for the first time where they show it twice, and are over the second time unless it is quiet again', async () => {
    const settings = { quiet: [{ from: '22:00', to: '02:30' }], zone: 'Europe/Paris' };
    expect(await allow('2026-10-24T23:30:00Z', settings)).toBe('2026-10-25T00:30:00.000Z');
    expect(await allow('2026-10-25T01:10:00Z', settings)).toBe('2026-10-25T01:30:00.000Z');
  });

  describe('are those of the place where the person is:', () => {
    const settings = { ...nights, zones: { 'US': 'America/New_York', 'pt-BR': 'America/Sao_Paulo', 'GB': 'Europe/London' } };
    it.each([
      ['nobody known: the zone of the tenant', undefined, '2026-06-11T06:00:00.000Z'],
      ['a time zone said outright', { metadata: { timezone: 'Asia/Tokyo' } }, true],
      ['a time zone that is none', { metadata: { timezone: 'Moon/Base' } }, '2026-06-11T06:00:00.000Z'],
      ['a country', { metadata: { country: 'US' } }, true],
      ['a country of the account', { account: { country: 'GB' } }, '2026-06-11T07:00:00.000Z'],
      ['a whole locale', { locale: 'pt-BR' }, '2026-06-11T11:00:00.000Z'],
      ['the region of a locale', { locale: 'en-GB' }, '2026-06-11T07:00:00.000Z'],
      ['a country nobody has given a zone', { metadata: { country: 'DE' } }, '2026-06-11T06:00:00.000Z'],
    ])('%s', async (_how, person, answer) => {
      expect(await allow('2026-06-11T00:30:00Z', settings, person)).toBe(answer);
    });
  });

  it('may begin on some days only: a night that began on a quiet day is quiet to its end', async () => {
    const weekends = { quiet: [{ from: '18:00', to: '10:00', days: ['friday', 'saturday'] }], zone: 'Europe/Paris' };
    expect(await allow('2026-06-11T20:00:00Z', weekends)).toBe(true);
    expect(await allow('2026-06-12T20:00:00Z', weekends)).toBe('2026-06-13T08:00:00.000Z');
    expect(await allow('2026-06-14T07:00:00Z', weekends)).toBe('2026-06-14T08:00:00.000Z');
    expect(await allow('2026-06-15T07:00:00Z', weekends)).toBe(true);
  });

  it('may follow each other: a quiet Sunday after a quiet night, and the night after it', async () => {
    const settings = { quiet: [...nights.quiet, { from: '00:00', to: '24:00', days: ['sunday'] }], zone: 'Europe/Paris' };
    expect(await allow('2026-06-13T20:00:00Z', settings)).toBe('2026-06-15T06:00:00.000Z');
  });

  it('that never end forbid it', async () => {
    expect(await allow('2026-06-13T20:00:00Z', { quiet: [{ from: '00:00', to: '24:00' }], zone: 'UTC' })).toEqual({ skip: 'It is quiet all week.' });
  });

  it('once over, let the notification go', async () => {
    const zones = ['Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC'];
    const quiet = fc.record({ from: fc.constantFrom('00:00', '01:30', '21:00', '22:15'), to: fc.constantFrom('00:15', '02:30', '03:00', '08:00') });
    const around = ['2026-03-08', '2026-03-29', '2026-10-25', '2026-11-01', '2026-04-05', '2026-06-01'].map((day) => Date.parse(day));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...zones), quiet, fc.constantFrom(...around), fc.integer({ min: -1_440, max: 1_440 }), async (zone, one, day, minutes) => {
        const settings = { quiet: [one], zone };
        const now = day + minutes * 60_000;
        const ask = (at: number) => askHook(quietHours, 'allowNotification', { notification: {}, now: at }, settings);
        const answer = await ask(now);
        if (answer === true) return;
        const { at } = answer as { at: number };
        expect(at).toBeGreaterThan(now);
        expect(await ask(at)).toBe(true);
        expect(await ask(at - 60_000)).not.toBe(true);
      }),
    );
  });
});

describe('local time', () => {
  it('is found again from what the clocks show, unless they skip it', () => {
    fc.assert(
      fc.property(fc.constantFrom('Europe/Paris', 'America/Sao_Paulo', 'Australia/Lord_Howe'), fc.integer({ min: 29_000_000, max: 30_000_000 }), fc.integer({ min: 0, max: 3_000 }), (zone, minute, ahead) => {
        const at = firstMomentAt(zone, localMinutes(zone, minute * 60_000) + ahead, minute * 60_000);
        expect(at).toBeGreaterThanOrEqual(minute * 60_000);
        expect(localMinutes(zone, at)).toBeGreaterThanOrEqual(localMinutes(zone, minute * 60_000) + ahead);
        if (ahead > 0) expect(localMinutes(zone, at - 60_000)).toBeLessThan(localMinutes(zone, minute * 60_000) + ahead);
      }),
    );
  });
});
