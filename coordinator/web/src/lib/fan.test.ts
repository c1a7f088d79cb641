import { expect, test } from 'vitest';
import type { ForecastSeries } from './api/types';
import { fan, niceTicks } from './fan';

const width = { privacy: 0.5, process: 0.3, counting: 0.1, growth: 0.1 };
const series: ForecastSeries = {
  key: '1',
  past: [{ value: 10, low: 5, high: 15 }, null, { value: 12, low: 7, high: 17 }],
  ahead: [
    { mean: 13, low: [12, 10, 8], high: [14, 16, 18], width },
    { mean: 14, low: [12, 10, 7], high: [16, 18, 21], width },
  ],
  explanation: { level: 12, slope: 1, season: [], model: 'level', borrowed_season: false, borrowed_level: false, unusual: [] },
  backtest: [],
};

test('gaps stay gaps, and the widest band lies behind', () => {
  const drawn = fan(series, ['a', 'b', 'c'], ['d', 'e']);
  expect(drawn.past.match(/M/g)).toHaveLength(2);
  expect(drawn.bands).toHaveLength(3);
  const ys = (path: string) => [...path.matchAll(/[\d.]+ ([\d.]+)/g)].map((found) => Number(found[1]));
  const [widest, , narrowest] = drawn.bands.map(ys);
  expect(Math.min(...(widest ?? []))).toBeLessThan(Math.min(...(narrowest ?? [])));
  expect(drawn.labels.map(({ period }) => period)).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('ticks are round', () => {
  expect(niceTicks(0, 21)).toEqual([0, 10, 20]);
  expect(niceTicks(-3, 9)).toEqual([0, 5]);
  expect(niceTicks(4, 4)).toEqual([4]);
});
