// A release with the values of its level that agree with the other levels of its question, in place of those released.
import type { Consistent, Query, Release, ReleaseSummary } from './api/types';

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

/** At most so many questions are taken together with another. */
export const MOST_WITH = 3;

/** Axes of whose keys everybody has exactly one: questions may differ in them and still count the same people. */
const EXCLUSIVE = ['sex', 'age_band', 'citizenship', 'household'] as const;

/** What must be the same of two questions for their sums to be; the server checks the rest, and says what it refuses. */
function people(query: Query): string {
  const by = Object.entries(query.by).filter(([axis]) => axis !== 'area' && !(EXCLUSIVE as readonly string[]).includes(axis));
  return JSON.stringify([query.measure, query.quantity, query.period, query.services, query.filter, query.bounds.per_cell, Boolean(query.by.household), by.toSorted()]);
}

/** Releases of other questions about the same people, one of each question. */
export function companions(release: ReleaseSummary, releases: readonly ReleaseSummary[]): ReleaseSummary[] {
  const question = (one: ReleaseSummary) => one.part_of?.query_hash ?? one.query_hash;
  if (release.derived_from) return [];
  const seen = new Set([question(release)]);
  return releases.filter((one) => {
    const fits = !one.derived_from && one.study === release.study && people(one.query) === people(release.query) && !seen.has(question(one));
    if (fits) seen.add(question(one));
    return fits;
  });
}

/** By how many percent margins of `made` are narrower than those of `before`, on the average over cells. */
export function narrower(before: readonly number[], made: readonly number[]): number {
  const sum = (of: readonly number[]) => of.reduce((total, one) => total + one, 0);
  return sum(before) > 0 ? Math.round(100 * (1 - sum(made) / sum(before))) : 0;
}
