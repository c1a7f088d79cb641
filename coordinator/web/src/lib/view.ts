// One slice of a release as rows for map and table: nothing is computed from the values but how to show them.
import type { Release, ReleaseSummary } from './api/types';
import { indicesAlong, type Selection } from './cells';

/** Of releases, newest first, the one the map opens with: the newest of all persons by neighbourhood and nothing else, if there is one. */
export function firstToShow(releases: ReleaseSummary[]): ReleaseSummary | undefined {
  const isPlain = ({ measure, level, query }: ReleaseSummary) =>
    measure === 'persons' && level === 'nil' && !query.services?.length && !query.filter && Object.values(query.by).filter(Boolean).length === 1;
  return releases.find(isPlain) ?? releases[0];
}

/** How far a value can be read. `below`: under the display minimum. `uncertain`: its margin is larger than itself. */
export type Reading = 'sound' | 'uncertain' | 'below';

export interface Row {
  key: string;
  index: number;
  /** unbiased, may be negative */
  value: number;
  /** rounded and non-negative, for reading */
  display: number;
  margin: number;
  /** ends of the interval it is read by; not cut at zero */
  low: number;
  high: number;
  reading: Reading;
}

export function readingOf(value: number, display: number, margin: number, minimum: number): Reading {
  if (display < minimum) return 'below';
  return margin > Math.abs(value) ? 'uncertain' : 'sound';
}

function row(release: Release, key: string, index: number): Row {
  const value = release.values[index] ?? 0;
  const display = release.display[index] ?? Math.max(0, Math.round(value));
  const margin = release.margin_95[index] ?? Infinity;
  const reading = readingOf(value, display, margin, release.display_minimum ?? 0);
  const uncertain = release.too_uncertain?.[index];
  const low = release.low?.[index] ?? value - margin;
  const high = release.high?.[index] ?? value + margin;
  return { key, index, value, display, margin, low, high, reading: reading === 'below' || uncertain === undefined ? reading : uncertain ? 'uncertain' : 'sound' };
}

/** The rows met along one dimension, the others standing at the selection. */
export function rowsAlong(release: Release, along: string, selection: Selection): Row[] {
  const keys = release.dimensions.find((dimension) => dimension.name === along)?.keys ?? [''];
  return indicesAlong(release.dimensions, along, selection).map((index, i) => row(release, keys[i] ?? '', index));
}

/** What the map's colours must span: every area in every period, so that moving through time keeps the scale. */
export function scaleValues(release: Release, selection: Selection): number[] {
  const periods = release.dimensions.find((dimension) => dimension.name === 'period')?.keys.length ?? 1;
  const values: number[] = [];
  for (let period = 0; period < periods; period++)
    for (const row of rowsAlong(release, 'area', { ...selection, period })) if (row.key !== 'unknown') values.push(row.display);
  return values;
}

export type SortBy = 'name' | 'value' | 'margin';
export function sortRows(rows: readonly Row[], by: SortBy, ascending: boolean, nameOf: (key: string) => string, collator: Intl.Collator): Row[] {
  const sign = ascending ? 1 : -1;
  const names = new Map(rows.map(({ key }) => [key, nameOf(key)]));
  const order: Record<SortBy, (a: Row, b: Row) => number> = {
    name: (a, b) => collator.compare(names.get(a.key) ?? '', names.get(b.key) ?? ''),
    value: (a, b) => a.value - b.value,
    margin: (a, b) => a.margin - b.margin,
  };
  // The unknown area is no place: it stays last whatever the order.
  return [...rows].sort((a, b) => Number(a.key === 'unknown') - Number(b.key === 'unknown') || sign * order[by](a, b) || order.name(a, b));
}
