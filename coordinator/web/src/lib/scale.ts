// From values to classes and colours: few round classes, one hue running dark, readable without colour vision.
import { interpolateRgbBasis } from 'd3-interpolate';
import { scaleThreshold } from 'd3-scale';
import { formatNumber, type Language } from './format';
import type { Translate } from './i18n/catalogue';

// Lightness falls evenly, so that the order survives every kind of colour blindness and a grey print.
const RAMP = interpolateRgbBasis(['#e6f0fa', '#b4d3ef', '#74aadb', '#3a7fc1', '#11579b', '#082f5e']);

export interface ColourClass {
  from: number;
  /** exclusive; null for the highest class */
  to: number | null;
  colour: string;
}
export interface ColourScale {
  classes: ColourClass[];
  colourOf: (value: number) => string;
}

/** A number with at most two significant digits near the one given. */
export function roundBreak(value: number): number {
  if (value < 10) return Math.round(value);
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  const step = value / unit >= 50 ? 5 : value / unit >= 20 ? 2 : 1;
  return Math.round(value / unit / step) * unit * step;
}

/** Class limits at rounded quantiles of the positive values: ascending, without repetition. */
export function breaks(values: readonly number[], classes: number): number[] {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  if (sorted.length === 0) return [];
  const limits: number[] = [];
  for (let i = 1; i < classes; i++) {
    const place = (i / classes) * (sorted.length - 1);
    const low = sorted[Math.floor(place)] ?? 0;
    const high = sorted[Math.ceil(place)] ?? low;
    const limit = roundBreak(low + (high - low) * (place - Math.floor(place)));
    if (limit > (limits.at(-1) ?? 0)) limits.push(limit);
  }
  return limits;
}

export function colourScale(values: readonly number[], classes = 6): ColourScale {
  const limits = breaks(values, classes);
  const colours = Array.from({ length: limits.length + 1 }, (_, i) => RAMP(limits.length === 0 ? 0.5 : i / limits.length));
  const scale = scaleThreshold<number, string>().domain(limits).range(colours);
  return {
    classes: colours.map((colour, i) => ({ from: i === 0 ? 0 : (limits[i - 1] ?? 0), to: limits[i] ?? null, colour })),
    colourOf: (value) => scale(value),
  };
}

/** A class in words: `40 – 59`, `under 40`, `60 and over`. */
export function classText({ from, to }: ColourClass, language: Language, t: Translate): string {
  const number = (value: number) => formatNumber(value, language);
  if (to === null) return t('map.legend-above', { from: number(from) });
  return from === 0 ? t('map.legend-below', { to: number(to) }) : t('map.legend-between', { from: number(from), to: number(to - 1) });
}
