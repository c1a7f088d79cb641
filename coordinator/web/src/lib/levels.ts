// The levels of the city from fine to coarse.
export const LEVELS = ['micro-area', 'nil', 'municipio', 'city'] as const;

/** The levels not finer than the one given; all of them when it is unknown. */
export function levelsFrom(finest: string): string[] {
  const at = (LEVELS as readonly string[]).indexOf(finest);
  return LEVELS.slice(Math.max(0, at));
}

export function isFiner(level: string, than: string): boolean {
  const order = LEVELS as readonly string[];
  return order.indexOf(than) >= 0 && order.indexOf(level) < order.indexOf(than);
}

/** The levels a question asks for, from coarse to fine. */
export function levelsOf(area: string | Readonly<Record<string, number>>): string[] {
  return typeof area === 'string' ? [area] : LEVELS.filter((level) => level in area).toReversed();
}
