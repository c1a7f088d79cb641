import { expect, test } from 'vitest';
import type { Consistent, Release } from './api/types';
import { madeConsistent } from './consistent';

const release = { id: 'r', values: [3, -2, 40, 7], display: [3, 0, 40, 7], margin_95: [6, 6, 6, 6], variance: [9, 9, 9, 9] } as unknown as Release;
const level = { level: 'nil', release: 'r', dimensions: [], values: [2.4, -1, 38.6, 6], low: [], high: [], margin_95: [5, 4], variance: [6, 4], released_variance: 9, too_uncertain: [] };
const other = { ...level, level: 'city', release: 'c' };
const consistent = (levels: (typeof level)[]) => ({ levels }) as unknown as Consistent;

test('values of the level take the place of those released, with margins by area', () => {
  const made = madeConsistent(release, consistent([other, level]));
  expect(made.values).toEqual([2.4, -1, 38.6, 6]);
  expect(made.display).toEqual([2, 0, 39, 6]);
  expect(made.margin_95).toEqual([5, 5, 4, 4]);
  expect(made.too_uncertain).toEqual([true, true, false, false]);
});

test('without another level, or without estimates, the release stays as it is', () => {
  expect(madeConsistent(release, null)).toBe(release);
  expect(madeConsistent(release, consistent([level]))).toBe(release);
  expect(madeConsistent({ ...release, id: 'x' }, consistent([other, level])).values).toEqual(release.values);
});
