import { phoneReader } from '#runtime';

describe('phone numbers', () => {
  it.each([
    ['FR', '06 12 34 56 78', '+33612345678'],
    ['FR', '+33 (0)6 12 34 56 78', '+33612345678'],
    ['FR', '0033 6 12 34 56 78', '+33612345678'],
    ['FR', '+49 170 1234567', '+491701234567'],
    ['US', '(415) 555-2671', '+14155552671'],
    ['GB', '07400 123456', '+447400123456'],
    ['IT', '312 345 6789', '+393123456789'],
    [undefined, '+33612345678', '+33612345678'],
  ])('in %s, "%s" is %s', (country, written, number) => {
    expect(phoneReader(country)(written)).toBe(number);
  });

  it.each([
    [undefined, '06 12 34 56 78'],
    ['FR', '612'],
    ['FR', '+33 6 12 34 56'],
    ['FR', '+33 6 12 34 56 78 90 12'],
    ['FR', 'call me'],
    ['FR', ''],
    ['FR', '00000000000'],
    ['US', '(555) 123-45'],
    ['FR', 'x'.repeat(10_000)],
  ])('in %s, "%s" is no usable number', (country, written) => {
    expect(phoneReader(country)(written)).toBeUndefined();
  });
});
