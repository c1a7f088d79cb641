import { expect, test } from 'vitest';
import { suppressed, tierOf } from './palette';

const values = Array.from({ length: 60 }, (_, i) => 5 * (i + 1));

test('the wider the interval, the fewer classes are told apart', () => {
  const { tiers } = suppressed(values);
  expect(tiers.map((tier) => tier.classes.length)).toEqual([6, 3, 2, 1]);
  for (const { classes } of tiers) expect([classes[0]?.from, classes.at(-1)?.to]).toEqual([0, null]);
});

test('values that are told apart when sure have one colour when unsure', () => {
  const { colourOf } = suppressed(values);
  expect(colourOf(10, 1)).not.toBe(colourOf(290, 1));
  expect(colourOf(10, 11)).toBe(colourOf(290, 300));
  expect([tierOf(100, 10), tierOf(100, 40), tierOf(100, 90), tierOf(100, 120), tierOf(-3, 1)]).toEqual([0, 1, 2, 3, 3]);
});
