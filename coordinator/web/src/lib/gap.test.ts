import { expect, test } from 'vitest';
import type { ComparedItem } from './api/types';
import { gapLegend, gapRow, gapScale } from './gap';
import { translator } from './i18n/catalogue';

const item = (key: string, estimate: number, verdict: 'higher' | 'lower' | 'too-uncertain') =>
  ({ key, now: { estimate, low: estimate - 5, high: estimate + 5 }, rank: { rank: 1, best: 1, worst: 1 }, difference: { verdict } }) as unknown as ComparedItem;
const rows = [item('1', 20, 'higher'), item('2', 200, 'higher'), item('3', -40, 'lower'), item('4', 3, 'too-uncertain')].map(gapRow);

test('what may not be claimed has no colour of its own', () => {
  const { paint } = gapScale(rows);
  const [small, large, spare, unsure] = rows.map(paint);
  expect(new Set([small?.fill, large?.fill, spare?.fill, unsure?.fill]).size).toBe(4);
  expect([small?.pattern, spare?.pattern, unsure?.pattern]).toEqual([null, null, 'hatch']);
});

test('the legend names only what may be on the map', () => {
  const names = (of: typeof rows) => gapLegend(gapScale(of), 'en', translator('en')).length;
  expect(names(rows.filter((row) => row.value < 10))).toBe(2);
  expect(names(rows)).toBeGreaterThan(2);
});
