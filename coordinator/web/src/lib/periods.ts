// Months `YYYY-MM` and quarters `YYYY-Qn`: counting, listing and naming them.
import type { Language } from './format';

const MONTHS: Record<Language, string[]> = {
  it: ['gennaio', 'febbraio', 'marzo', 'aprile', 'maggio', 'giugno', 'luglio', 'agosto', 'settembre', 'ottobre', 'novembre', 'dicembre'],
  en: ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
};

/** Months since year 0, so that months can be subtracted. NaN when the text is not a month. */
export function monthNumber(month: string): number {
  const parts = /^(\d{4})-(\d{2})$/.exec(month);
  return parts ? Number(parts[1]) * 12 + Number(parts[2]) - 1 : NaN;
}

export function monthOf(number: number): string {
  return `${Math.floor(number / 12)}-${String((number % 12) + 1).padStart(2, '0')}`;
}

/** All months from one to another, both included. */
export function monthsBetween(from: string, to: string): string[] {
  const first = monthNumber(from);
  const count = monthNumber(to) - first + 1;
  return count > 0 ? Array.from({ length: count }, (_, i) => monthOf(first + i)) : [];
}

export type Granularity = 'none' | 'month' | 'quarter' | 'year';
const PERIOD_MONTHS = { month: 1, quarter: 3, year: 12 } as const;

/** Whether the months begin and end with whole periods. */
export function areWhole(from: string, to: string, granularity: Granularity): boolean {
  if (granularity === 'none') return true;
  const length = PERIOD_MONTHS[granularity];
  return monthNumber(from) % length === 0 && (monthNumber(to) + 1) % length === 0 && monthNumber(to) >= monthNumber(from);
}

/** The narrowest whole periods that hold the months given. */
export function widen(from: string, to: string, granularity: Granularity): { from: string; to: string } {
  if (granularity === 'none') return { from, to };
  const length = PERIOD_MONTHS[granularity];
  const first = monthNumber(from);
  const last = monthNumber(to);
  return { from: monthOf(first - (first % length)), to: monthOf(last - (last % length) + length - 1) };
}

/** How many cells of time a query has. */
export function periodCount(from: string, to: string, granularity: Granularity): number {
  const months = monthNumber(to) - monthNumber(from) + 1;
  return months > 0 ? Math.ceil(months / (granularity === 'none' ? months : PERIOD_MONTHS[granularity])) : 0;
}

/** A month, a quarter or a range of months by name; other text as it came. */
export function formatPeriod(period: string, language: Language, style: 'long' | 'short' = 'short'): string {
  const quarter = /^(\d{4})-Q([1-4])$/.exec(period);
  if (quarter) {
    const short = language === 'it' ? `${quarter[2]}º trim. ${quarter[1]}` : `Q${quarter[2]} ${quarter[1]}`;
    const long = language === 'it' ? `${quarter[2]}º trimestre ${quarter[1]}` : `quarter ${quarter[2]}, ${quarter[1]}`;
    return style === 'short' ? short : long;
  }
  const range = /^(\d{4}-\d{2})(?:\.\.|\/|_)(\d{4}-\d{2})$/.exec(period);
  if (range) return formatRange(range[1] ?? '', range[2] ?? '', language, style);
  const name = MONTHS[language][monthNumber(period) % 12];
  return name === undefined ? period : `${style === 'short' ? name.slice(0, 3) : name} ${period.slice(0, 4)}`;
}

/** 'gen – dic 2025', 'nov 2024 – feb 2025', '2025'. */
export function formatRange(from: string, to: string, language: Language, style: 'long' | 'short' = 'short'): string {
  if (from === to) return formatPeriod(from, language, style);
  const sameYear = from.slice(0, 4) === to.slice(0, 4);
  if (from.endsWith('-01') && to.endsWith('-12')) return sameYear ? from.slice(0, 4) : `${from.slice(0, 4)}–${to.slice(0, 4)}`;
  const start = formatPeriod(from, language, style);
  return `${sameYear ? start.slice(0, -5) : start} – ${formatPeriod(to, language, style)}`;
}
