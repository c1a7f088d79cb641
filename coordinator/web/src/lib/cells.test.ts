import { expect, test } from 'vitest';
import { cellCount, cellIndex, indicesAlong, strides } from './cells';

const dimensions = [
  { name: 'area', keys: ['1', '2', 'unknown'] },
  { name: 'target', keys: ['minors', 'low-income'] },
  { name: 'period', keys: ['2025-01', '2025-02', '2025-03', '2025-04'] },
];

test('the last dimension runs fastest', () => {
  expect(strides(dimensions)).toEqual([8, 4, 1]);
  expect(cellIndex(dimensions, {})).toBe(0);
  expect(cellIndex(dimensions, { period: 3 })).toBe(3);
  expect(cellIndex(dimensions, { target: 1 })).toBe(4);
  expect(cellIndex(dimensions, { area: 2, target: 1, period: 3 })).toBe(cellCount(dimensions) - 1);
});

test('every cell has its own place', () => {
  const places = new Set<number>();
  for (let area = 0; area < 3; area++)
    for (let target = 0; target < 2; target++)
      for (let period = 0; period < 4; period++) places.add(cellIndex(dimensions, { area, target, period }));
  expect(places.size).toBe(24);
});

test('running along one dimension holds the others', () => {
  expect(indicesAlong(dimensions, 'area', { target: 1, period: 2 })).toEqual([6, 14, 22]);
  expect(indicesAlong(dimensions, 'period', { area: 1 })).toEqual([8, 9, 10, 11]);
});

test('a dimension that is absent counts as one cell', () => {
  expect(indicesAlong([], 'area', {})).toEqual([0]);
  expect(cellCount([])).toBe(1);
});
