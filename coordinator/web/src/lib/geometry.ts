// From the outlines of the neighbourhoods to what the map draws at each level, in a fixed drawing frame.
import { geoIdentity, geoPath } from 'd3-geo';
import type { Feature, Geometry } from 'geojson';
import type { AreaFacts, Geography, Outline, Outlines, Ring } from './api/types';

export const FRAME = { width: 720, height: 640, margin: 10 } as const;

export interface Shape {
  nil: string;
  /** the area of the chosen level this outline shows; null where it holds several pieces, which are drawn as dots */
  key: string | null;
  path: string;
}
export interface Dot {
  key: string;
  x: number;
  y: number;
}
export interface Drawing {
  shapes: Shape[];
  dots: Dot[];
  /** neighbourhoods drawn with one municipio although they lie in several */
  simplified: number;
}

// Degrees of longitude are shorter than those of latitude: one factor for the whole city is exact enough to draw.
function flatten(outline: Outline, factor: number): Feature {
  const ring = (points: Ring): [number, number][] => points.map(([lon, lat]) => [lon * factor, lat]);
  const { geometry } = outline;
  const flat: Geometry =
    geometry.type === 'Polygon'
      ? { type: 'Polygon', coordinates: geometry.coordinates.map(ring) }
      : { type: 'MultiPolygon', coordinates: geometry.coordinates.map((polygon) => polygon.map(ring)) };
  return { type: 'Feature', properties: {}, geometry: flat };
}

/** The outline paths of all neighbourhoods, fitted to the frame. Planar, so the winding of rings does not matter. */
export function project(outlines: Outlines): { nil: string; path: string; centre: [number, number] }[] {
  const first = outlines.features[0];
  if (!first) return [];
  const latitude = (first.geometry.type === 'Polygon' ? first.geometry.coordinates[0]?.[0]?.[1] : first.geometry.coordinates[0]?.[0]?.[0]?.[1]) ?? 45.46;
  const factor = Math.cos((latitude * Math.PI) / 180);
  const features = outlines.features.map((outline) => flatten(outline, factor));
  const { width, height, margin } = FRAME;
  const fitted = geoIdentity()
    .reflectY(true)
    .fitExtent([[margin, margin], [width - margin, height - margin]], { type: 'FeatureCollection', features });
  const draw = geoPath(fitted).digits(1);
  return features.map((feature, i) => ({
    nil: String(outlines.features[i]?.properties.nil),
    path: draw(feature) ?? '',
    centre: draw.centroid(feature),
  }));
}

const DOT_STEP = 15;

/** What the map draws for a level. */
export function drawing(projected: ReturnType<typeof project>, geography: Geography, level: string): Drawing {
  const facts = new Map<string, AreaFacts>(geography.areas.map((area) => [String(area.nil), area]));
  const cityKey = geography.levels.find((known) => known.id === 'city')?.keys[0] ?? 'milano';
  const dots: Dot[] = [];
  let simplified = 0;
  const shapes = projected.map(({ nil, path, centre }): Shape => {
    const municipi = (facts.get(nil)?.municipi ?? []).map(String);
    if (level === 'nil') return { nil, key: nil, path };
    if (level === 'city') return { nil, key: cityKey, path };
    if (level === 'municipio') {
      if (municipi.length > 1) simplified += 1;
      return { nil, key: municipi[0] ?? null, path };
    }
    if (municipi.length <= 1) return { nil, key: municipi[0] === undefined ? null : `${nil}.${municipi[0]}`, path };
    municipi.forEach((municipio, i) => dots.push({ key: `${nil}.${municipio}`, x: centre[0] + (i - (municipi.length - 1) / 2) * DOT_STEP, y: centre[1] }));
    return { nil, key: null, path };
  });
  return { shapes, dots, simplified };
}
