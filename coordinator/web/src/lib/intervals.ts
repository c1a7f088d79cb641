// Every number of a release between two others. Where the server gives ends that hold nine times in ten they are taken; elsewhere the
// margin the release states, which holds 19 times in 20.
import type { Consistent, Release } from './api/types';
import { formatNumber, type Language } from './format';
import type { Translate } from './i18n/catalogue';

export type Odds = 'nine' | 'nineteen';

/** The release with the ends of its cells' intervals, where the estimates that agree are those of its cells. */
export function withEnds(release: Release, consistent: Consistent | null, agree: boolean): Release {
  const level = consistent?.levels.find((known) => known.release === release.id);
  const single = (consistent?.levels.length ?? 0) < 2;
  // Where levels were made to agree, their ends belong to the values that agree and to no others.
  if (!level || level.low.length !== release.values.length || !(agree || single)) return release;
  return { ...release, low: level.low, high: level.high };
}

export const oddsOf = (release: Release): Odds => (release.low ? 'nine' : 'nineteen');

/** `between 57 and 78`: outwards to whole numbers, and not below zero, where nobody can be. */
export function between(low: number, high: number, language: Language, t: Translate): string {
  const end = (value: number, up: boolean) => {
    const least = Math.max(0, value);
    return formatNumber(up ? Math.ceil(least - 1e-9) : Math.floor(least + 1e-9), language);
  };
  return t('compare.between', { low: end(low, false), high: end(high, true) });
}
