// The gap of demand and offer on a map: lacking places in one hue, places to spare in another, and hatching where the noise is too large
// to say which. What may be said comes from the server.
import type { ComparedItem } from './api/types';
import { isClaimed } from './comparison';
import type { LegendEntry } from './export';
import { formatNumber, type Language } from './format';
import type { Key, Translate } from './i18n/catalogue';
import type { Paint } from './paint';
import { breaks } from './scale';
import type { Row } from './view';

const LACKING = ['#fbd9c3', '#f2a679', '#d9692f', '#a33c08'] as const;
const TO_SPARE = '#a9cbe8';
const UNSURE = '#e9edf1';

/** An area of a gap map is read like one of any other; `reading` says whether anything may be claimed. */
export function gapRow(item: ComparedItem, index: number): Row {
  const { estimate, low, high } = item.now;
  return { key: item.key, index, value: estimate, display: Math.round(estimate), margin: (high - low) / 2, low, high, reading: item.difference && !isClaimed(item) ? 'uncertain' : 'sound' };
}

export interface GapScale {
  limits: number[];
  /** Whether places are lacking anywhere. */
  isLacking: boolean;
  paint: Paint;
}
export function gapScale(rows: readonly Row[]): GapScale {
  const lacking = rows.filter((row) => row.reading === 'sound' && row.value > 0).map((row) => row.value);
  const limits = breaks(lacking, LACKING.length);
  return {
    limits,
    isLacking: lacking.length > 0,
    paint: (row) => {
      if (row.reading !== 'sound') return { fill: UNSURE, pattern: 'hatch' };
      if (row.value <= 0) return { fill: TO_SPARE, pattern: null };
      return { fill: LACKING[limits.filter((limit) => limit <= row.value).length] ?? LACKING[3], pattern: null };
    },
  };
}

export function gapLegend({ limits, isLacking }: GapScale, language: Language, t: Translate): LegendEntry[] {
  const number = (value: number) => formatNumber(value, language);
  const lacking = [0, ...limits].map((from, i) => {
    const to = limits[i];
    return { colour: LACKING[i] ?? LACKING[3], label: to === undefined ? t('offer.legend-more', { from: number(from) }) : t('offer.legend-between', { from: number(from), to: number(to) }) };
  });
  return [...(isLacking ? lacking : []), { colour: TO_SPARE, label: t('offer.legend-spare') }, { colour: UNSURE, label: t('offer.legend-unsure'), hatched: true }];
}

export const gapVerdict = (item: ComparedItem): Key =>
  item.difference?.verdict === 'higher' ? 'offer.more' : item.difference?.verdict === 'lower' ? 'offer.fewer' : 'offer.unsure';
