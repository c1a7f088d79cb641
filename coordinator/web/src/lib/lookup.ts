// Which area a point of the drawing lies in, found without the document: a grid of the frame names the few areas that can hold the
// point, and the even-odd rule decides among them. The cost of a look-up does not grow with the number of areas.
import { FRAME, type Drawing } from './geometry';

export type Lookup = (x: number, y: number) => string | null;

/** Side of a square of the grid, in units of the frame. */
const STEP = 12;
/** Radius of the dots that stand for pieces of a neighbourhood. */
export const DOT_RADIUS = 6.5;

type Points = readonly (readonly [number, number])[];

/** The rings of a path of absolute moves and lines, as d3 writes outlines. */
export function ringsOf(path: string): Points[] {
  return path
    .split('M')
    .filter((part) => part !== '')
    .map((part) => {
      const numbers = part.match(/-?\d+(?:\.\d+)?/g)?.map(Number) ?? [];
      return Array.from({ length: Math.floor(numbers.length / 2) }, (_, i) => [numbers[2 * i] ?? 0, numbers[2 * i + 1] ?? 0] as const);
    });
}

/** Whether a ray from the point crosses the rings an odd number of times. */
export function isInside(rings: readonly Points[], x: number, y: number): boolean {
  let inside = false;
  for (const ring of rings) {
    let before = ring.at(-1);
    for (const at of ring) {
      if (before && at[1] > y !== before[1] > y && x < ((before[0] - at[0]) * (y - at[1])) / (before[1] - at[1]) + at[0]) inside = !inside;
      before = at;
    }
  }
  return inside;
}

/** The look-up of a drawing. Dots lie on top; outlines without a key are passed over. */
export function lookupOf(drawing: Drawing): Lookup {
  const columns = Math.ceil(FRAME.width / STEP);
  const square = (x: number, y: number) => Math.floor(y / STEP) * columns + Math.floor(x / STEP);
  const squares = new Map<number, { key: string; rings: Points[] }[]>();
  for (const { key, path } of drawing.shapes) {
    if (key === null) continue;
    const rings = ringsOf(path);
    const xs = rings.flatMap((ring) => ring.map(([x]) => x));
    const ys = rings.flatMap((ring) => ring.map(([, y]) => y));
    if (xs.length === 0) continue;
    const [left, right] = extent(xs);
    const [top, bottom] = extent(ys);
    const shape = { key, rings };
    for (let row = Math.floor(top / STEP); row <= Math.floor(bottom / STEP); row++)
      for (let column = Math.floor(left / STEP); column <= Math.floor(right / STEP); column++) {
        const at = row * columns + column;
        const there = squares.get(at);
        if (there) there.push(shape);
        else squares.set(at, [shape]);
      }
  }
  return (x, y) => {
    const dot = drawing.dots.findLast((one) => Math.hypot(one.x - x, one.y - y) <= DOT_RADIUS);
    if (dot) return dot.key;
    return squares.get(square(x, y))?.find(({ rings }) => isInside(rings, x, y))?.key ?? null;
  };
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
