// The line and band of one area's values over the periods of a release, in a fixed drawing frame.
import type { Row } from './view';

export const TREND = { width: 340, height: 120, left: 4, right: 4, top: 8, bottom: 6 } as const;

export interface Trend {
  line: string;
  band: string;
  points: { x: number; y: number }[];
  zero: number;
}

/** Null when there are fewer than two periods: one value is no trend. */
export function trend(rows: readonly Row[]): Trend | null {
  if (rows.length < 2) return null;
  const { width, height, left, right, top, bottom } = TREND;
  const low = Math.min(0, ...rows.map((row) => row.low));
  const high = Math.max(1, ...rows.map((row) => row.high));
  const x = (i: number) => left + (i / (rows.length - 1)) * (width - left - right);
  const y = (value: number) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const at = (i: number, value: number) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
  const upper = rows.map((row, i) => at(i, row.high));
  const lower = rows.map((row, i) => at(i, row.low)).reverse();
  return {
    line: `M${rows.map((row, i) => at(i, row.value)).join('L')}`,
    band: `M${[...upper, ...lower].join('L')}Z`,
    points: rows.map((row, i) => ({ x: x(i), y: y(row.value) })),
    zero: y(0),
  };
}
