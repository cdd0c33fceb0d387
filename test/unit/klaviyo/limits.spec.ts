import { backgroundOf } from '#core';
import { LearnedLimits, limitFromHeader, limits, retryAfterMs, shareOf } from '../../../libs/klaviyo/src/limits.js';

describe('Klaviyo limits', () => {
  it('are read from the header as Klaviyo writes it', () => {
    expect(limitFromHeader('75, 75;w=1, 750;w=60')).toEqual({ burst: 75, steady: 750 });
    expect(limitFromHeader('10, 10;w=1')).toEqual({ burst: 10 });
  });

  it.each([undefined, '', 'unlimited', '0, 0;w=1, 0;w=60', '75;w=3600', 75])('keep the table when the header says %p', (header) => {
    expect(limitFromHeader(header)).toEqual({});
  });

  it('learn per operation, and what the header says beats the table', () => {
    const learned = new LearnedLimits(1);
    learned.learn('get_profiles', '75, 75;w=1, 700;w=60');
    expect(learned.of('get_profiles')).toEqual({ burst: 75, steady: 700 });
    expect(learned.of('get_events')).toEqual({ burst: 350, steady: 3500 });
  });

  it('leave to others what is not our share', () => {
    const learned = new LearnedLimits(0.5);
    expect(learned.of('create_event')).toEqual({ burst: 175, steady: 1750 });
    learned.learn('create_event', '300, 300;w=1, 3000;w=60');
    expect(learned.of('create_event')).toEqual({ burst: 150, steady: 1500 });
  });

  it('always leave one call, however small the share', () => {
    expect(shareOf({ burst: 1, steady: 15 }, 0.01)).toEqual({ burst: 1, steady: 1 });
  });

  it.each([
    ['reads', { burst: 75, steady: 750 }, { burst: 17, steady: 675 }],
    ['bulk', { burst: 10, steady: 150 }, { burst: 4, steady: 135 }],
    ['a small share', { burst: 2, steady: 5 }, { burst: 1, steady: 4 }],
    ['two calls', { burst: 2, steady: 2 }, { burst: 1, steady: 1 }],
    ['one call, which nobody can leave a part of', { burst: 1, steady: 1 }, { burst: 1, steady: 1 }],
  ])('leave live traffic a part of each window, and spread the rest over the minute: %s', (_of, limit, background) => {
    expect(backgroundOf(limit)).toEqual(background);
  });

  it('keep every request half a megabyte below the documented 5 MB', () => {
    expect(Math.max(...Object.values(limits).map(({ maxBytes }) => maxBytes))).toBe(4_500_000);
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 8, 1, 12);
  it.each([
    ['12', 12_000],
    ['Tue, 01 Sep 2026 12:00:30 GMT', 30_000],
    ['Tue, 01 Sep 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['-3', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%p is read as %p ms', (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected);
  });
});
