import { expect, test } from 'vitest';
import type { Outlines } from './api/types';
import { csvOf, geojsonOf, pictureOf, wrapped, type Sheet } from './export';

const sheet: Sheet = {
  name: 'r-1',
  title: 'Presences & more',
  columns: ['area', 'area_name', 'low', 'high'],
  rows: [
    ['1', '=Duomo, "centre"', 57, 78],
    ['unknown', 'Unknown', null, 3],
  ],
  facts: { epsilon: 1.5, query: 'q-1' },
  notes: ['Nine times in ten.'],
};

test('every row of a table says what it is of, and none is a formula', () => {
  expect(csvOf(sheet).split('\r\n')).toEqual(['area,area_name,low,high,epsilon,query', '1,"\'=Duomo, ""centre""",57,78,1.5,q-1', 'unknown,Unknown,,3,1.5,q-1', '']);
});

test('areas have the outlines there are', () => {
  const geometry = { type: 'Polygon', coordinates: [[[9, 45]]] };
  const outlines = { type: 'FeatureCollection', features: [{ type: 'Feature', properties: { nil: 1 }, geometry }] } as unknown as Outlines;
  const found = JSON.parse(geojsonOf(sheet, outlines));
  expect(found.query).toBe('q-1');
  expect(found.features[0]).toEqual({ type: 'Feature', geometry, properties: { area: '1', area_name: '=Duomo, "centre"', low: 57, high: 78 } });
  expect(found.features[1].geometry).toBeNull();
});

test('a picture stands alone: title, legend, notes and facts are in it', () => {
  const { svg } = pictureOf(sheet, '<svg class="map" role="img" viewBox="0 0 10 10"><path d="M0 0"/></svg>', { width: 600, height: 400 }, [{ colour: '#fff', label: '57 < 78', hatched: true }, { colour: '#fff', label: 'fewer than 5', dotted: true }]);
  expect(svg.match(/<circle/g)).toHaveLength(6);
  for (const part of ['Presences &amp; more', 'Nine times in ten.', '57 &lt; 78', '&quot;epsilon&quot;:1.5', 'viewBox="0 0 10 10" x="0"']) expect(svg).toContain(part);
  expect(svg).not.toContain('class=');
});

test('notes are broken between words', () => {
  expect(wrapped('one two three four', 9)).toEqual(['one two', 'three', 'four']);
});
