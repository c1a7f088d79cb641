// What can be worked out of a release for nothing, and how such a number is said: always as an interval, or as too uncertain.
import type { Query, Release, ReleaseSummary, StatisticCell } from './api/types';
import { formatNumber, type Language } from './format';
import type { Key, Translate } from './i18n/catalogue';
import { quantitySize } from './measures';

export interface Offer {
  id: string;
  label: Key;
  /** parameters of the request */
  wanted: Record<string, string>;
  /** how many of the server's units make one of those people read */
  unit: number;
  /** euros and hours say what they are; rates and means per event too */
  symbol: 'amount' | 'duration' | null;
}

/** The question without what a sum and a count of the same people may differ in. */
function population(query: Query): string {
  const { by, period, services, filter, bounds } = query;
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]));
  };
  return JSON.stringify(sorted({ by, period, services: services ?? [], filter: filter ?? null, cells: bounds.cells }));
}

/** Releases by which a sum can be divided: of the same study and people, in the same cells. The server has the last word. */
export function countsFor(release: ReleaseSummary, releases: readonly ReleaseSummary[], measure: 'persons' | 'events'): ReleaseSummary | undefined {
  const same = population(release.query);
  return releases.find((other) => other.study === release.study && other.measure === measure && !other.derived_from && population(other.query) === same);
}

/** What a release offers, the most telling first. */
export function offersOf(release: Release, releases: readonly ReleaseSummary[]): Offer[] {
  const { query } = release;
  const quantity = query.quantity ?? 'amount';
  const ofQuantity = { unit: quantitySize(quantity), symbol: quantity };
  if (query.measure === 'bins') return [{ id: 'quantiles', label: 'stat.quantiles', wanted: { kind: 'quantiles' }, ...ofQuantity }];
  const offers: Offer[] = [];
  if (query.measure === 'sum') {
    const [persons, events] = [countsFor(release, releases, 'persons'), countsFor(release, releases, 'events')];
    if (persons) offers.push({ id: 'per-presence', label: 'stat.per-presence', wanted: { kind: 'mean', of: persons.id }, ...ofQuantity });
    if (events) offers.push({ id: 'per-event', label: 'stat.per-event', wanted: { kind: 'mean', of: events.id }, ...ofQuantity });
  }
  if (query.by.area === 'nil' || query.by.area === 'city') {
    const label = query.measure === 'households' ? 'stat.per-families' : 'stat.per-residents';
    const unit = query.measure === 'sum' ? ofQuantity : { unit: 1, symbol: null };
    offers.push({ id: 'rate', label, wanted: { kind: 'rate', of: 'residents' }, ...unit });
  }
  return offers;
}

/** Three significant digits, so that the lower end is not shown higher nor the upper end lower than they are. */
export function outwards(value: number, up: boolean): { value: number; digits: number } {
  if (value === 0) return { value: 0, digits: 0 };
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const factor = 10 ** Math.min(digits, 6);
  const scaled = value * factor;
  const near = Math.round(scaled);
  const whole = Math.abs(scaled - near) < 1e-9 * Math.max(1, Math.abs(scaled)) ? near : up ? Math.ceil(scaled) : Math.floor(scaled);
  return { value: whole / factor, digits: Math.min(digits, 6) };
}

/** `between 12 and 15`, `at least 12`, or that it is too uncertain. */
export function cellText(cell: StatisticCell, offer: Pick<Offer, 'unit' | 'symbol'>, language: Language, t: Translate): string {
  const number = (value: number, up: boolean) => {
    const shown = outwards(value / offer.unit, up);
    return formatNumber(shown.value, language, shown.digits);
  };
  const unit = offer.symbol === 'amount' ? '\u00a0\u20ac' : offer.symbol === 'duration' ? `\u00a0${t('quantity.duration')}` : '';
  if (cell.low === null) return t('stat.too-uncertain');
  if (cell.high === null) return t('stat.at-least', { low: number(cell.low, false) + unit });
  return t('stat.between', { low: number(cell.low, false), high: number(cell.high, true) + unit });
}
