import { expect, test } from 'vitest';
import type { Geography, Outlines, Ring } from './api/types';
import { drawing, FRAME, project } from './geometry';

const square = (lon: number, lat: number): Ring => [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat + 0.01], [lon, lat]];
const outlines: Outlines = {
  type: 'FeatureCollection',
  features: [
    { type: 'Feature', properties: { nil: 1 }, geometry: { type: 'Polygon', coordinates: [square(9.1, 45.4)] } },
    { type: 'Feature', properties: { nil: '15' }, geometry: { type: 'MultiPolygon', coordinates: [[square(9.2, 45.5).reverse()]] } },
  ],
};
const area = (nil: number, municipi: number[]) => ({ nil, name: '', residents: 1, families: 1, area_km2: 1, centroid: [9, 45] as [number, number], municipi });
const geography: Geography = {
  version: '1', schematic: false, source: '', outlines_source: null, outlines_url: '', levels: [{ id: 'city', keys: ['milano'] }], areas: [area(1, [1]), area(15, [3, 2])],
};

test('outlines lie inside the frame with north at the top, whatever their winding', () => {
  const [south, north] = project(outlines);
  for (const shape of [south, north]) {
    const numbers = (shape?.path.match(/-?[\d.]+/g) ?? []).map(Number);
    expect(numbers.length).toBeGreaterThan(6);
    for (const value of numbers) expect(value >= 0 && value <= FRAME.width).toBe(true);
  }
  expect(north?.centre[1]).toBeLessThan(south?.centre[1] ?? 0);
});

test('a neighbourhood in two municipi is dots at micro-area level and its main municipio above', () => {
  const projected = project(outlines);
  const fine = drawing(projected, geography, 'micro-area');
  expect(fine.shapes.map((shape) => shape.key)).toEqual(['1.1', null]);
  expect(fine.dots.map((dot) => dot.key)).toEqual(['15.3', '15.2']);
  const coarse = drawing(projected, geography, 'municipio');
  expect(coarse.shapes.map((shape) => shape.key)).toEqual(['1', '3']);
  expect(coarse.simplified).toBe(1);
});

test('the city is one area', () => {
  expect(new Set(drawing(project(outlines), geography, 'city').shapes.map((shape) => shape.key))).toEqual(new Set(['milano']));
});
