import { expect, test } from 'vitest';
import type { ComparedItem } from './api/types';
import { atOf, betweenText, byRank, differenceText, rankText, surest, unionList, unionsOf, unionsText } from './comparison';
import { translator } from './i18n/catalogue';

const t = translator('en');
const interval = (low: number, high: number) => ({ estimate: (low + high) / 2, low, high });
const item = (key: string, rank: number, verdict: 'higher' | 'lower' | 'too-uncertain', p: number): ComparedItem => ({
  key,
  areas: [key],
  now: interval(1, 2),
  rank: { rank, best: rank, worst: rank + 1 },
  difference: { ...interval(1, 2), p_value: p, verdict },
});

test('numbers are said between two, never narrower than they are', () => {
  expect(betweenText(interval(57.2, 77.4), false, 'en', t)).toBe('between 57 and 78');
  expect(betweenText(interval(-4, 3.2), false, 'en', t)).toBe('between 0 and 4');
  expect(betweenText(interval(1.2341, 5.6781), true, 'en', t)).toBe('between 1.23 and 5.68');
  expect(differenceText(interval(-3.2, 4.1), false, 'en', t)).toBe('between \u22124 and +5');
  expect(differenceText(interval(-9.8, -2.3), false, 'en', t)).toBe('between \u221210 and \u22122');
});

test('places are intervals of places', () => {
  expect(rankText(item('a', 3, 'higher', 0), 88, t)).toBe('3 to 4 of 88');
  const one = { ...item('a', 3, 'higher', 0), rank: { rank: 3, best: 3, worst: 3 } };
  expect(rankText(one, 88, t)).toBe('3 of 88');
  const items = [item('a', 3, 'higher', 0.01), item('b', 1, 'higher', 0.001), item('c', 2, 'lower', 0.5)];
  expect(byRank(items).map(({ key }) => key)).toEqual(['b', 'c', 'a']);
  expect(surest(items, 'higher').map(({ key }) => key)).toEqual(['b', 'a']);
});

test('unions are read line by line', () => {
  expect(unionsOf('north: 9 10\n\nsouth: 40,41+42')).toBe('north:9+10,south:40+41+42');
  expect(unionsOf('')).toBe('');
  expect(unionsOf('north')).toBeNull();
  expect(unionsOf('north:')).toBeNull();
});

test('axes without areas become parameters', () => {
  const dimensions = [{ name: 'area', keys: ['1', '2'] }, { name: 'target', keys: ['minors', 'low-income'] }, { name: 'period', keys: ['2025-Q1'] }];
  expect(atOf(dimensions, { target: 1 })).toEqual({ target: 'low-income', period: '2025-Q1' });
});

test('unions of an address are read as they are written', () => {
  const text = 'north:9+10,south:40';
  expect(unionList(text)).toEqual([{ name: 'north', keys: ['9', '10'] }, { name: 'south', keys: ['40'] }]);
  expect(unionsText(unionList(text))).toBe(text);
  expect(unionList('')).toEqual([]);
});
