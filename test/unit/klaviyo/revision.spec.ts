import { daysUntilRetirement, retirementOf, retirementWarningDays, revision } from '#klaviyo';

describe('The pinned Klaviyo revision', () => {
  it('retires two years after its release', () => {
    expect(new Date(retirementOf('2026-07-15')).toISOString()).toBe('2028-07-15T00:00:00.000Z');
  });

  it('counts the days that are left', () => {
    expect(daysUntilRetirement(Date.UTC(2028, 6, 5), '2026-07-15')).toBe(10);
    expect(daysUntilRetirement(Date.UTC(2028, 6, 16), '2026-07-15')).toBe(-1);
  });

  // Red from 2028-04-16 on: then it is time to move to a newer revision and a newer klaviyo-api.
  it('turns red 90 days before the revision retires', () => {
    expect(daysUntilRetirement(Date.now(), revision)).toBeGreaterThanOrEqual(retirementWarningDays);
  });
});
