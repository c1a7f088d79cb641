import { expect, test } from 'vitest';
import type { Query, Release, ReleaseSummary } from './api/types';
import { translator } from './i18n/catalogue';
import { cellText, countsFor, offersOf, outwards } from './statistics';

const query = (measure: Query['measure'], more: Partial<Query> = {}): Query => ({
  version: 1, measure, by: { area: 'nil' }, period: { from: '2025-01', to: '2025-12' }, bounds: { cells: 1, per_cell: measure === 'sum' ? 50_000 : 1 }, rho: 1,
  ...(measure === 'sum' || measure === 'bins' ? { quantity: 'amount' as const } : {}), ...more,
});
const summary = (id: string, asked: Query, more: Partial<ReleaseSummary> = {}): ReleaseSummary => ({
  id, query: asked, measure: asked.measure, level: String(asked.by.area), study: 's', query_hash: id, released_at: '', nodes_answered: 1, ...more,
});
const release = (asked: Query) => summary('r', asked) as Release;

test('a sum is divided by a count of the same people only', () => {
  const sum = release(query('sum'));
  const persons = summary('p', query('persons', { rho: 7 }));
  expect(countsFor(sum, [persons], 'persons')?.id).toBe('p');
  expect(countsFor(sum, [persons], 'events')).toBeUndefined();
  const others = [
    summary('a', query('persons'), { study: 'other' }),
    summary('b', query('persons'), { derived_from: 'x' }),
    summary('c', query('persons', { bounds: { cells: 2, per_cell: 1 } })),
    summary('d', query('persons', { by: { area: 'nil', sex: true } })),
    summary('e', query('persons', { filter: { sex: 'F' } })),
  ];
  expect(countsFor(sum, others, 'persons')).toBeUndefined();
  expect(offersOf(sum, [persons, ...others]).map((offer) => offer.id)).toEqual(['per-presence', 'rate']);
});

test('bins offer quantiles, households are held against families, and municipi against nothing', () => {
  expect(offersOf(release(query('bins')), []).map((offer) => offer.id)).toEqual(['quantiles']);
  expect(offersOf(release(query('households')), [])[0]?.label).toBe('stat.per-families');
  expect(offersOf(release(query('persons', { by: { area: 'municipio' } })), [])).toEqual([]);
});

test('ends are rounded outwards to three digits', () => {
  expect(outwards(1234.5, false).value).toBe(1234);
  expect(outwards(12.341, true)).toEqual({ value: 12.4, digits: 1 });
  expect(outwards(12.341, false)).toEqual({ value: 12.3, digits: 1 });
  expect(outwards(0.012345, true)).toEqual({ value: 0.0124, digits: 4 });
  expect(outwards(0.3, false).value).toBe(0.3);
  expect(outwards(0, true)).toEqual({ value: 0, digits: 0 });
});

test('a number is said as what is known of it, and never bare', () => {
  const t = translator('en');
  const plain = { unit: 1, symbol: null };
  const euro = { unit: 100, symbol: 'amount' as const };
  expect(cellText({ estimate: 13, low: 12.04, high: 15.01 }, plain, 'en', t)).toBe('between 12 and 15.1');
  expect(cellText({ estimate: null, low: 12.5, high: null }, plain, 'en', t)).toBe('at least 12.5');
  expect(cellText({ estimate: null, low: null, high: null }, plain, 'en', t)).toBe('too uncertain');
  expect(cellText({ estimate: 5000, estimate_to: 10_000, low: 5000, high: 50_000 }, euro, 'en', t)).toBe('between 50 and 500\u00a0\u20ac');
  expect(cellText({ estimate: 5000, low: 100_000, high: null }, euro, 'it', translator('it'))).toBe('almeno 1.000\u00a0\u20ac');
});
