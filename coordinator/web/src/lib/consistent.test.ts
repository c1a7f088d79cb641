import { expect, test } from 'vitest';
import type { Consistent, Query, Release, ReleaseSummary } from './api/types';
import { companions, madeConsistent, narrower } from './consistent';

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

test('questions about the same people are offered, one release of each', () => {
  const query = (by: Partial<Query['by']>, more: Partial<Query> = {}) =>
    ({ measure: 'persons', by: { area: 'nil', ...by }, period: { from: '2025-01', to: '2025-12' }, bounds: { cells: 1, per_cell: 1 }, ...more }) as unknown as Query;
  const one = (id: string, asked: Query, more: Partial<ReleaseSummary> = {}) => ({ id, query_hash: id, query: asked, study: 's', ...more }) as ReleaseSummary;
  const sex = one('sex', query({ sex: true }));
  const part = { query: 'q', query_hash: 'age', rho: 1, releases: [] };
  const age = [one('age-nil', query({ age_band: true }), { part_of: part }), one('age-city', query({ area: 'city', age_band: true }), { part_of: part })];
  const others = [
    one('elsewhere', query({ age_band: true }), { study: 'x' }),
    one('year-before', query({ age_band: true }, { period: { from: '2024-01', to: '2024-12' } })),
    one('summed', query({ age_band: true }), { derived_from: 'age-nil' }),
    one('target', query({ target: ['minors'] })),
    one('household', query({ household: true })),
  ];
  expect(companions(sex, [sex, ...age, ...others]).map((known) => known.id)).toEqual(['age-nil']);
  expect(companions({ ...sex, derived_from: 'r' }, age)).toEqual([]);
});

test('how much margins shrink is told in percent', () => {
  expect(narrower([10, 10], [9, 6])).toBe(25);
  expect(narrower([], [])).toBe(0);
});
