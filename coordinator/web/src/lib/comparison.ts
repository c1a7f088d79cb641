// How compared areas are said and ordered: always between two numbers, a place among others as an interval of places.
import type { ComparedItem, CubeInfo, Dimension, Interval, Release, ReleaseSummary } from './api/types';
import { formatNumber, type Language } from './format';
import type { Key, Translate } from './i18n/catalogue';
import { outwards } from './statistics';

/** `between 57 and 78`; counts are whole and not shown below zero, rates keep three digits. */
export function betweenText(interval: Interval, isRate: boolean, language: Language, t: Translate): string {
  const end = (value: number, up: boolean) => {
    const least = Math.max(0, value);
    if (!isRate) return formatNumber(up ? Math.ceil(least - 1e-9) : Math.floor(least + 1e-9), language);
    const shown = outwards(least, up);
    return formatNumber(shown.value, language, shown.digits);
  };
  return t('compare.between', { low: end(interval.low, false), high: end(interval.high, true) });
}

/** A change or difference between two numbers with their signs. */
export function differenceText(interval: Interval, isRate: boolean, language: Language, t: Translate): string {
  const end = (value: number, up: boolean) => {
    const shown = isRate ? outwards(Math.abs(value), up === value > 0) : { value: Math[up === value > 0 ? 'ceil' : 'floor'](Math.abs(value)), digits: 0 };
    const sign = value > 0 && shown.value > 0 ? '+' : value < 0 && shown.value > 0 ? '\u2212' : '';
    return sign + formatNumber(shown.value, language, shown.digits);
  };
  return t('compare.between', { low: end(interval.low, false), high: end(interval.high, true) });
}

/** `1st to 4th of 88`, or one place alone. */
export function rankText(item: ComparedItem, count: number, t: Translate): string {
  const { best, worst } = item.rank;
  return best === worst ? t('compare.rank-one', { rank: best, count }) : t('compare.rank', { best, worst, count });
}

export const verdictKey = (item: ComparedItem): Key => `compare.${item.difference?.verdict ?? 'too-uncertain'}`;

/** Whether the two probably differ. */
export const isClaimed = (item: ComparedItem): boolean => item.difference?.verdict === 'higher' || item.difference?.verdict === 'lower';

/** The larger first. */
export function byRank(items: readonly ComparedItem[]): ComparedItem[] {
  return items.toSorted((a, b) => a.rank.rank - b.rank.rank || b.now.estimate - a.now.estimate);
}

/** Those that probably differ, the surest first. */
export function surest(items: readonly ComparedItem[], verdict: 'higher' | 'lower'): ComparedItem[] {
  return items.filter((item) => item.difference?.verdict === verdict).toSorted((a, b) => (a.difference?.p_value ?? 1) - (b.difference?.p_value ?? 1));
}

/** Keys of a release's other axes as parameters of a comparison. */
export function atOf(dimensions: readonly Dimension[], chosen: Readonly<Record<string, number>>): Record<string, string> {
  const at: Record<string, string> = {};
  for (const { name, keys } of dimensions) {
    const key = keys[chosen[name] ?? 0];
    if (name !== 'area' && key !== undefined) at[name] = key;
  }
  return at;
}

/** `north: 9 10` and `south: 40` on lines of their own, as the server takes them; null where a line is none. */
export function unionsOf(text: string): string | null {
  const parts: string[] = [];
  for (const line of text.split('\n').map((line) => line.trim()).filter(Boolean)) {
    const found = /^([^:,+]+):\s*(\S.*)$/.exec(line);
    const keys = (found?.[2] ?? '').split(/[\s,+]+/).filter(Boolean);
    if (!found?.[1] || keys.length === 0) return null;
    parts.push(`${found[1].trim()}:${keys.join('+')}`);
  }
  return parts.join(',');
}

export interface Union {
  name: string;
  keys: string[];
}
/** The unions of an address, as they are shown: `north:9+10,south:40`. */
export function unionList(text: string): Union[] {
  return text
    .split(',')
    .map((part) => part.split(':'))
    .flatMap(([name, keys]) => (name && keys ? [{ name, keys: keys.split('+') }] : []));
}
export const unionsText = (unions: readonly Union[]): string => unions.map(({ name, keys }) => `${name}:${keys.join('+')}`).join(',');

/** Whether rates can be given: residents are published by NIL and for the city, and amounts are no people. */
export const hasRates = (release: Pick<Release, 'level' | 'measure'>): boolean =>
  ['nil', 'city'].includes(release.level) && !['sum', 'bins'].includes(release.measure);

/** The release an overview opens with: the newest of people by neighbourhood, of those that compare with an earlier period if there is one. */
export function overviewRelease(releases: readonly ReleaseSummary[]): ReleaseSummary | undefined {
  const fits = releases.filter((one) => one.level === 'nil' && one.measure === 'persons' && !one.derived_from);
  return fits.find((one) => one.query.by.period) ?? fits[0];
}

/** Levels at which a cube can be forecast, from coarse to fine. */
export const hasPast = (cube: CubeInfo): boolean => cube.asked.some((asked) => asked.release !== null);
