import { expect, test } from 'vitest';
import { trend, TREND } from './trend';
import type { Row } from './view';

const row = (value: number, margin: number): Row => ({ key: '', index: 0, value, display: Math.max(0, value), margin, low: value - margin, high: value + margin, reading: 'sound' });

test('one period is no trend', () => {
  expect(trend([row(5, 1)])).toBeNull();
});

test('the band holds the line and stays inside the frame', () => {
  const made = trend([row(10, 4), row(-2, 4), row(30, 4)]);
  expect(made?.points.map((point) => Math.round(point.x))).toEqual([4, 170, 336]);
  const ys = [...(made?.band.matchAll(/ ([\d.-]+)/g) ?? [])].map((found) => Number(found[1]));
  expect(Math.min(...ys)).toBeGreaterThanOrEqual(TREND.top - 0.1);
  expect(Math.max(...ys)).toBeLessThanOrEqual(TREND.height - TREND.bottom + 0.1);
  for (const point of made?.points ?? []) expect(point.y >= Math.min(...ys) && point.y <= Math.max(...ys)).toBe(true);
});
