// Where a cell of a release stands: row-major over its dimensions, the last dimension running fastest.
import type { Dimension } from './api/types';

/** A key index for every dimension that is held fixed, by dimension name. */
export type Selection = Readonly<Record<string, number>>;

/** How many places one step along each dimension moves in the flat vector. */
export function strides(dimensions: readonly Dimension[]): number[] {
  const result = new Array<number>(dimensions.length).fill(1);
  for (let i = dimensions.length - 2; i >= 0; i--) result[i] = (result[i + 1] ?? 1) * (dimensions[i + 1]?.keys.length ?? 1);
  return result;
}

/** The place of one cell; a dimension the selection does not name stands at its first key. */
export function cellIndex(dimensions: readonly Dimension[], selection: Selection): number {
  const steps = strides(dimensions);
  return dimensions.reduce((place, dimension, i) => place + (selection[dimension.name] ?? 0) * (steps[i] ?? 0), 0);
}

/** The places met when one dimension runs over all its keys and the others stay at the selection. */
export function indicesAlong(dimensions: readonly Dimension[], along: string, selection: Selection): number[] {
  const running = dimensions.find((dimension) => dimension.name === along);
  return (running?.keys ?? ['']).map((_, i) => cellIndex(dimensions, { ...selection, [along]: i }));
}

/** The number of cells. */
export function cellCount(dimensions: readonly Dimension[]): number {
  return dimensions.reduce((count, dimension) => count * dimension.keys.length, 1);
}
