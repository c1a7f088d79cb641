import { expect, test } from 'vitest';
import type { Release, ReleaseSummary } from './api/types';
import { firstToShow, readingOf, rowsAlong, scaleValues, sortRows } from './view';

const release = {
  dimensions: [
    { name: 'area', keys: ['1', '2', 'unknown'] },
    { name: 'period', keys: ['2025-01', '2025-02'] },
  ],
  values: [100, 110, -2, 3, 50, 60],
  display: [100, 110, 0, 3, 50, 60],
  margin_95: [10, 10, 12, 12, 9, 9],
  display_minimum: null,
} as unknown as Release;

test('rows follow the chosen period', () => {
  expect(rowsAlong(release, 'area', { period: 1 }).map((row) => row.display)).toEqual([110, 3, 60]);
  expect(rowsAlong(release, 'period', { area: 0 }).map((row) => row.key)).toEqual(['2025-01', '2025-02']);
});

test('a value smaller than its margin is uncertain, a value under the minimum is below', () => {
  expect(readingOf(100, 100, 10, 5)).toBe('sound');
  expect(readingOf(-2, 0, 12, 0)).toBe('uncertain');
  expect(readingOf(3, 3, 1, 5)).toBe('below');
});

test('what the server calls too uncertain is so', () => {
  const judged = { ...release, too_uncertain: [true, false, true, true, false, false] } as Release;
  expect(rowsAlong(judged, 'area', { period: 0 }).map((row) => row.reading)).toEqual(['uncertain', 'uncertain', 'sound']);
});

test('colours span all periods and leave the unknown area out', () => {
  expect(scaleValues(release, { period: 0 })).toEqual([100, 0, 110, 3]);
});

test('sorting keeps the unknown area last', () => {
  const names: Record<string, string> = { '1': 'Zara', '2': 'Affori', unknown: 'A' };
  const rows = rowsAlong(release, 'area', { period: 0 });
  const sorted = (by: 'name' | 'value', ascending: boolean) => sortRows(rows, by, ascending, (key) => names[key] ?? '', new Intl.Collator('it')).map((row) => row.key);
  expect(sorted('name', true)).toEqual(['2', '1', 'unknown']);
  expect(sorted('value', false)).toEqual(['1', '2', 'unknown']);
});

test('the map opens with the newest release by neighbourhood alone, or with the newest', () => {
  const summary = (id: string, level: string, by: object, measure = 'persons') => ({ id, measure, level, query: { by } }) as unknown as ReleaseSummary;
  const groups = summary('a', 'nil', { area: 'nil', target: ['minors'] });
  const plain = summary('b', 'nil', { area: 'nil', sex: false });
  expect(firstToShow([groups, summary('e', 'nil', { area: 'nil' }, 'events'), plain, summary('c', 'nil', { area: 'nil' })])?.id).toBe('b');
  expect(firstToShow([groups, summary('d', 'city', { area: 'city' })])?.id).toBe('a');
  expect(firstToShow([])).toBeUndefined();
});
