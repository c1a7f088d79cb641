import { expect, test } from 'vitest';
import type { Consistent, Release } from './api/types';
import { it as italian } from './i18n/it';
import { between, oddsOf, withEnds } from './intervals';

const t = (key: string, values: Record<string, unknown> = {}) => (italian as Record<string, string>)[key]!.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
const release = { id: 'r', values: [10, -3] } as unknown as Release;
const level = { release: 'r', level: 'nil', low: [7.2, -9], high: [12.1, 3] };
const one = { levels: [level] } as unknown as Consistent;
const two = { levels: [{ ...level, release: 'other' }, level] } as unknown as Consistent;

test('ends come with the values they belong to', () => {
  expect(withEnds(release, one, false).low).toEqual([7.2, -9]);
  expect(withEnds(release, two, true).high).toEqual([12.1, 3]);
  expect(withEnds(release, two, false)).toBe(release);
  expect(withEnds(release, null, true)).toBe(release);
  expect([oddsOf(release), oddsOf(withEnds(release, one, false))]).toEqual(['nineteen', 'nine']);
});

test('an interval is said outwards and not below zero', () => {
  expect(between(7.2, 12.1, 'it', t as never)).toBe('tra 7 e 13');
  expect(between(-9, 3, 'it', t as never)).toBe('tra 0 e 3');
});
