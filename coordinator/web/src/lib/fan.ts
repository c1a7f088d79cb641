// The drawing of a forecast: the past with its margins, then a fan of intervals, in a fixed frame.
import type { ForecastSeries } from './api/types';

export const FAN = { width: 760, height: 300, left: 52, right: 44, top: 10, bottom: 28 } as const;

export interface Fan {
  /** areas of the levels, the widest first */
  bands: string[];
  past: string;
  pastBand: string;
  mean: string;
  /** where the past ends */
  now: number;
  ticks: { y: number; value: number }[];
  labels: { x: number; period: string }[];
}

/** Round steps of 1, 2 or 5 that divide a range in about four. */
export function niceTicks(low: number, high: number): number[] {
  const raw = (high - low) / 4;
  if (!(raw > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((unit) => unit * power >= raw) ?? 10) * power;
  const ticks: number[] = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) ticks.push(at + 0); // no minus zero
  return ticks;
}

/** `width` is that of the place it is drawn in, so that its words keep their size on a narrow screen. */
export function fan(series: ForecastSeries, past: readonly string[], ahead: readonly string[], width: number = FAN.width): Fan {
  const steps = series.adjusted ?? series.ahead;
  const all = [...past, ...ahead];
  const ends = [...series.past.flatMap((one) => (one ? [one.low, one.high] : [])), ...steps.flatMap((one) => [...one.low, ...one.high])];
  const low = Math.min(0, ...ends);
  const high = Math.max(1, ...ends);
  const { height, left, right, top, bottom } = FAN;
  const x = (i: number) => left + (i / Math.max(1, all.length - 1)) * (width - left - right);
  const y = (value: number) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const at = (i: number, value: number) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
  const outline = (points: { i: number; low: number; high: number }[]) =>
    points.length === 0 ? '' : `M${[...points.map((p) => at(p.i, p.high)), ...points.toReversed().map((p) => at(p.i, p.low))].join('L')}Z`;

  // Gaps in the past stay gaps.
  const runs: { i: number; value: number; low: number; high: number }[][] = [[]];
  series.past.forEach((one, i) => {
    if (one) runs.at(-1)?.push({ i, ...one });
    else if (runs.at(-1)?.length) runs.push([]);
  });
  const drawn = runs.filter((run) => run.length > 0);
  const last = drawn.at(-1)?.at(-1);
  const start = last && last.i === past.length - 1 ? [{ i: last.i, low: last.value, high: last.value }] : [];
  const levels = steps[0]?.low.map((_, level) => level) ?? [];
  // A label takes some hundred units; the last period is always named, and its neighbours give way.
  const every = Math.max(1, Math.ceil(all.length / Math.max(2, Math.floor((width - left) / 100))));
  return {
    bands: levels.toReversed().map((level) => outline([...start, ...steps.map((one, step) => ({ i: past.length + step, low: one.low[level] ?? 0, high: one.high[level] ?? 0 }))])),
    past: drawn.map((run) => `M${run.map((p) => at(p.i, p.value)).join('L')}`).join(''),
    pastBand: drawn.map(outline).join(''),
    mean: `M${[...start.map((p) => at(p.i, p.low)), ...steps.map((one, step) => at(past.length + step, one.mean))].join('L')}`,
    now: x(Math.max(0, past.length - 1)),
    ticks: niceTicks(low, high).map((value) => ({ value, y: y(value) })),
    labels: all.map((period, i) => ({ period, x: x(i) })).filter((_, i) => (all.length - 1 - i) % every === 0),
  };
}
