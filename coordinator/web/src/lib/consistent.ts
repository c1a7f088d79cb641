// A release with the values of its level that agree with the other levels of its question, in place of those released.
import type { Consistent, Release } from './api/types';

/** The release as it is where its level is not among the estimates, or there is no other level to agree with. */
export function madeConsistent(release: Release, consistent: Consistent | null): Release {
  const level = consistent?.levels.find((known) => known.release === release.id);
  if (!level || (consistent?.levels.length ?? 0) < 2 || level.values.length !== release.values.length) return release;
  const inner = level.values.length / level.margin_95.length;
  const margin = level.values.map((_, cell) => level.margin_95[Math.floor(cell / inner)] ?? 0);
  return {
    ...release,
    values: level.values,
    display: level.values.map((value) => Math.max(0, Math.round(value))),
    variance: level.values.map((_, cell) => level.variance[Math.floor(cell / inner)] ?? 0),
    margin_95: margin,
    too_uncertain: level.values.map((value, cell) => (margin[cell] ?? 0) > value),
  };
}
