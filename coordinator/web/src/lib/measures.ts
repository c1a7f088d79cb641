// What can be counted, in which unit it is shown, and how bins are named. Queries count cents and minutes; people read euros and hours.
import type { Measure, Query, Quantity, Release } from './api/types';
import { formatNumber, type Language } from './format';
import type { Translate } from './i18n/catalogue';

export const MEASURES: readonly Measure[] = ['persons', 'events', 'households', 'first-time', 'sum', 'bins'];
export const QUANTITIES: readonly Quantity[] = ['amount', 'duration'];

export const isMeasure = (id: string): id is Measure => MEASURES.includes(id as Measure);
export const readsQuantity = (measure: Measure): boolean => measure === 'sum' || measure === 'bins';
/** Whether one person may add more than one to a cell. */
export const isWeighted = (measure: Measure): boolean => measure === 'events' || measure === 'sum';
/** Whether units are households, which have no sex or age. */
export const ofHouseholds = (measure: Measure): boolean => measure === 'households';

/** How many of the query's units make one of those people read. */
export function unitSize(query: Pick<Query, 'measure' | 'quantity'>): number {
  if (query.measure !== 'sum') return 1;
  return quantitySize(query.quantity ?? 'amount');
}
export function quantitySize(quantity: Quantity): number {
  return quantity === 'amount' ? 100 : 60;
}

export function measureName(query: Pick<Query, 'measure' | 'quantity'>, t: Translate): string {
  if (query.measure === 'sum') return t(query.quantity === 'duration' ? 'measure.sum-duration' : 'measure.sum-amount');
  if (query.measure === 'bins') return t(query.quantity === 'duration' ? 'measure.bins-duration' : 'measure.bins-amount');
  return t(`measure.${query.measure}`);
}

/** A release in the unit people read. Margins stay as wide as they are, values stay unbiased. */
export function inUnits(release: Release): Release {
  const size = unitSize(release.query);
  if (size === 1) return release;
  const divided = (values: number[]) => values.map((value) => value / size);
  return {
    ...release,
    values: divided(release.values),
    display: divided(release.display),
    variance: release.variance.map((value) => value / size ** 2),
    margin_95: divided(release.margin_95),
    margin_9999: divided(release.margin_9999),
    ...(release.low && release.high ? { low: divided(release.low), high: divided(release.high) } : {}),
  };
}

/** `0-9999` as '0 – 100 €', `10000+` as '100 € e oltre': the upper end is shown as where the next bin begins. */
export function binName(key: string, quantity: Quantity, language: Language, t: Translate): string {
  const size = quantitySize(quantity);
  const unit = quantity === 'amount' ? '€' : language === 'it' ? 'ore' : 'hours';
  const number = (value: number) => formatNumber(value / size, language, 2);
  const open = /^(\d+)\+$/.exec(key);
  if (open) return t('bin.open', { from: number(Number(open[1])), unit });
  const closed = /^(\d+)-(\d+)$/.exec(key);
  return closed ? t('bin.between', { from: number(Number(closed[1])), to: number(Number(closed[2]) + 1), unit }) : key;
}

/** Ends of bins as typed, in euros or hours, to cents or minutes; null where the text is not a rising list of positive numbers. */
export function parseEdges(text: string, quantity: Quantity): number[] | null {
  const size = quantitySize(quantity);
  const parts = text.split(/[;\s]+/).filter((part) => part !== '');
  const edges = parts.map((part) => Math.round(Number(part.replace(',', '.')) * size));
  const rising = edges.every((edge, i) => Number.isFinite(edge) && edge > (edges[i - 1] ?? 0));
  return edges.length > 0 && edges.length <= 63 && rising ? edges : null;
}
