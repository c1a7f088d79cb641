import { expect, test } from 'vitest';
import type { Release } from './api/types';
import { translator } from './i18n/catalogue';
import { binName, inUnits, measureName, parseEdges, unitSize } from './measures';

test('sums are shown in euros and hours, everything else as counted', () => {
  expect(unitSize({ measure: 'sum', quantity: 'amount' })).toBe(100);
  expect(unitSize({ measure: 'sum', quantity: 'duration' })).toBe(60);
  expect(unitSize({ measure: 'bins', quantity: 'amount' })).toBe(1);
  const release = { query: { measure: 'sum', quantity: 'amount' }, values: [-50, 1250], display: [0, 1250], variance: [40000, 40000], margin_95: [392, 392], margin_9999: [800, 800] } as unknown as Release;
  const shown = inUnits(release);
  expect(shown.values).toEqual([-0.5, 12.5]);
  expect(shown.variance).toEqual([4, 4]);
  expect(shown.margin_95).toEqual([3.92, 3.92]);
});

test('bins are named from where they begin to where the next begins', () => {
  const [it, en] = [translator('it'), translator('en')];
  expect(binName('0-9999', 'amount', 'it', it)).toBe('da 0 a 100 €');
  expect(binName('10000+', 'amount', 'en', en)).toBe('100 € and over');
  expect(binName('60-89', 'duration', 'en', en)).toBe('1 to 1.5 hours');
  expect(binName('strange', 'duration', 'en', en)).toBe('strange');
});

test('ends of bins are read with commas and refused when they do not rise', () => {
  expect(parseEdges('50; 100,5 500', 'amount')).toEqual([5000, 10050, 50000]);
  expect(parseEdges('1 2 8', 'duration')).toEqual([60, 120, 480]);
  for (const text of ['', '0', '5 5', '9 3', 'ten', '1 -2']) expect(parseEdges(text, 'amount'), text).toBeNull();
});

test('every measure has a name', () => {
  const t = translator('it');
  expect(measureName({ measure: 'sum', quantity: 'duration' }, t)).toBe('Ore');
  expect(measureName({ measure: 'households' }, t)).toBe('Nuclei familiari');
});
