// A city of as many areas as Milan has census sections, served to the pages in place of its neighbourhoods: no organisation answers by
// section, but nothing in the website may lean on areas being few. What the pages do with it is their own code, unchanged.
import { existsSync, readFileSync } from 'node:fs';

export const MANY = 6_079;
const SECTIONS = new URL('../../../shared/data/areas/milano_sections_2011.geojson', import.meta.url);

/** The outlines of Milan's sections where their file is at hand, or as many squares over the same ground; and which of both. */
function outlines() {
  if (existsSync(SECTIONS)) {
    const { features } = JSON.parse(readFileSync(SECTIONS, 'utf8'));
    return { what: 'the sections of 2011', shapes: features.map(({ geometry }) => geometry) };
  }
  const side = Math.ceil(Math.sqrt(MANY));
  const [west, south, width, height] = [9.04, 45.39, 0.24, 0.15];
  const corner = (column, row) => [west + (width * column) / side, south + (height * row) / side];
  const shapes = Array.from({ length: MANY }, (_, i) => {
    const [column, row] = [i % side, Math.floor(i / side)];
    return { type: 'Polygon', coordinates: [[corner(column, row), corner(column, row + 1), corner(column + 1, row + 1), corner(column + 1, row), corner(column, row)]] };
  });
  return { what: 'squares', shapes };
}

/** Answers of the service about areas, widened to `MANY`; returns what the outlines are. `release` is the one that is opened. */
export async function serveMany(page, release) {
  const { what, shapes } = outlines();
  const keys = shapes.map((_, i) => String(i + 1));
  const widened = (pattern, change) =>
    page.route(pattern, async (route) => {
      const response = await route.fetch();
      return route.fulfill({ response, json: change(await response.json()) });
    });
  await page.route('**/api/v1/geography/outlines/**', (route) =>
    route.fulfill({ json: { type: 'FeatureCollection', features: shapes.map((geometry, i) => ({ type: 'Feature', properties: { nil: keys[i] }, geometry })) } }),
  );
  await widened('**/api/v1/geography', (geography) => ({
    ...geography,
    levels: geography.levels.map((level) => (level.id === 'nil' ? { ...level, keys } : level)),
    areas: keys.map((nil, i) => ({ ...geography.areas[i % geography.areas.length], nil, name: `AREA ${nil}`, municipi: [1] })),
  }));
  await widened(`**/api/v1/releases/${release}`, (answer) => {
    const areas = answer.dimensions[0].keys.length;
    const wider = (values) => {
      if (!Array.isArray(values) || values.length % areas !== 0 || values.length === 0 || typeof values[0] === 'object') return values;
      const inner = values.length / areas;
      return keys.flatMap((_, i) => values.slice((i % areas) * inner, ((i % areas) + 1) * inner));
    };
    const arrays = Object.fromEntries(Object.entries(answer).filter(([, value]) => Array.isArray(value)).map(([name, value]) => [name, wider(value)]));
    return { ...answer, ...arrays, dimensions: [{ ...answer.dimensions[0], keys }, ...answer.dimensions.slice(1)], low: undefined, high: undefined };
  });
  await page.route(`**/api/v1/releases/${release}/consistent`, (route) => route.fulfill({ status: 404, contentType: 'application/problem+json', body: '{"code":"not-found","status":404}' }));
  return what;
}
