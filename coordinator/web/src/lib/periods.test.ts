import { expect, test } from 'vitest';
import { areWhole, formatPeriod, formatRange, monthNumber, monthOf, monthsBetween, periodCount, widen } from './periods';

test('months count across years', () => {
  expect(monthsBetween('2024-11', '2025-02')).toEqual(['2024-11', '2024-12', '2025-01', '2025-02']);
  expect(monthsBetween('2025-02', '2025-01')).toEqual([]);
  expect(monthOf(monthNumber('2025-12'))).toBe('2025-12');
  expect(monthNumber('2025-13x')).toBeNaN();
});

test('quarters are whole or widened', () => {
  expect(areWhole('2025-01', '2025-06', 'quarter')).toBe(true);
  expect(areWhole('2025-02', '2025-06', 'quarter')).toBe(false);
  expect(widen('2025-02', '2025-10', 'quarter')).toEqual({ from: '2025-01', to: '2025-12' });
});

test('cells of time follow the granularity', () => {
  expect(periodCount('2025-01', '2025-12', 'none')).toBe(1);
  expect(periodCount('2025-01', '2025-12', 'month')).toBe(12);
  expect(periodCount('2025-01', '2025-12', 'quarter')).toBe(4);
  expect(periodCount('2025-12', '2025-01', 'month')).toBe(0);
});

test('periods have names in both languages', () => {
  expect(formatPeriod('2025-03', 'it')).toBe('mar 2025');
  expect(formatPeriod('2025-03', 'en', 'long')).toBe('March 2025');
  expect(formatPeriod('2025-Q2', 'it')).toBe('2º trim. 2025');
  expect(formatPeriod('2025-Q2', 'en')).toBe('Q2 2025');
  expect(formatPeriod('2025-01..2025-06', 'it')).toBe('gen – giu 2025');
  expect(formatPeriod('whole', 'it')).toBe('whole');
});

test('whole years are named by the year', () => {
  expect(formatRange('2025-01', '2025-12', 'it')).toBe('2025');
  expect(formatRange('2021-01', '2025-12', 'it')).toBe('2021–2025');
  expect(formatRange('2024-11', '2025-02', 'en')).toBe('Nov 2024 – Feb 2025');
});
