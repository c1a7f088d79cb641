// How an area is filled: by its class with a pattern where the number says little, or by a palette that fades with uncertainty.
import type { LegendEntry } from './export';
import type { Suppressed } from './palette';
import type { ColourScale } from './scale';
import type { Row } from './view';

export type Pattern = 'hatch' | 'dots';
export type Paint = (row: Row) => { fill: string; pattern: Pattern | null };

const below = { fill: '#ffffff', pattern: 'dots' } as const;

export const hatching =
  (scale: ColourScale): Paint =>
  (row) =>
    row.reading === 'below' ? below : { fill: scale.colourOf(row.display), pattern: row.reading === 'uncertain' ? 'hatch' : null };

export const fading =
  (palette: Suppressed): Paint =>
  (row) =>
    row.reading === 'below' ? below : { fill: palette.colourOf(row.display, (row.high - row.low) / 2), pattern: null };

/** The classes of a scale as a legend, each said by `label`. */
export const legendOf = (scale: ColourScale, label: (one: ColourScale['classes'][number]) => string): LegendEntry[] =>
  scale.classes.map((one) => ({ colour: one.colour, label: label(one) }));
