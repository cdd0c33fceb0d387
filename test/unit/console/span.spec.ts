import { span } from '../../../apps/connector/src/console/browser/element.js';

it.each([
  [0, '0 s'],
  [2_340, '2.3 s'],
  [90_000, '90 s'],
  [120_000, '2 min'],
  [150_000, '2 min 30 s'],
  [180_000, '3 min'],
  [1_230_000, '21 min'],
  [7_200_000, '2 h'],
  [9_000_000, '2 h 30 min'],
])('the page says how long something took: %i ms are %s', (ms, says) => {
  expect(span(ms)).toBe(says);
});
