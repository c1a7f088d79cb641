import { expect, test } from 'vitest';
import { matches, pageOf } from './paging';

test('pages hold all items once', () => {
  const items = Array.from({ length: 45 }, (_, i) => i);
  expect([1, 2, 3].flatMap((page) => pageOf(items, page, 20).items)).toEqual(items);
  expect(pageOf(items, 1, 20).pages).toBe(3);
});

test('a page outside the list is the nearest one', () => {
  expect(pageOf([1, 2, 3], 9, 2)).toEqual({ items: [3], page: 2, pages: 2 });
  expect(pageOf([], NaN, 2)).toEqual({ items: [], page: 1, pages: 1 });
});

test('searching ignores case and accents', () => {
  expect(matches('Presenze · per età', 'ETA presenze')).toBe(true);
  expect(matches('Presenze', 'interventi')).toBe(false);
  expect(matches('anything', '')).toBe(true);
});
