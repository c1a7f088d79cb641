// A value-suppressing palette: the wider an interval is for its value, the fewer classes are told apart and the paler they are (Correll,
// Moritz and Heer 2018). What cannot be told apart by the numbers is not told apart by colours either.
import { interpolateRgb } from 'd3-interpolate';
import { colourScale, type ColourClass, type ColourScale } from './scale';

export type Palette = 'hatch' | 'suppress';

/** Half the interval over the value, up to which a tier reaches; how many classes of the full scale it takes together; how pale it is. */
const TIERS = [
  { upTo: 0.2, together: 1, pale: 0 },
  { upTo: 0.5, together: 2, pale: 0.35 },
  { upTo: 1, together: 3, pale: 0.62 },
] as const;
const NOTHING = '#d5dae0';

export interface Tier {
  /** null where no colour tells anything */
  upTo: number | null;
  classes: ColourClass[];
}
export interface Suppressed {
  scale: ColourScale;
  tiers: Tier[];
  colourOf: (value: number, halfWidth: number) => string;
}

/** Which tier a value is in; the last where its interval is wider than it. */
export function tierOf(value: number, halfWidth: number): number {
  const relative = value > 0 ? halfWidth / value : Infinity;
  const tier = TIERS.findIndex(({ upTo }) => relative <= upTo);
  return tier < 0 ? TIERS.length : tier;
}

export function suppressed(values: readonly number[]): Suppressed {
  const scale = colourScale(values);
  const tiers: Tier[] = TIERS.map(({ upTo, together, pale }) => {
    const classes: ColourClass[] = [];
    for (let first = 0; first < scale.classes.length; first += together) {
      const group = scale.classes.slice(first, first + together);
      const middle = group[Math.floor((group.length - 1) / 2)];
      const colour = interpolateRgb(middle?.colour ?? NOTHING, NOTHING)(pale);
      classes.push({ from: group[0]?.from ?? 0, to: group.at(-1)?.to ?? null, colour });
    }
    return { upTo, classes };
  });
  tiers.push({ upTo: null, classes: [{ from: 0, to: null, colour: NOTHING }] });
  return {
    scale,
    tiers,
    colourOf: (value, halfWidth) => {
      const classes = tiers[tierOf(value, halfWidth)]?.classes ?? [];
      return classes.findLast((one) => one.from <= value)?.colour ?? NOTHING;
    },
  };
}
