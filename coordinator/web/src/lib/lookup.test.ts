import { describe, expect, it } from 'vitest';
import type { Drawing } from './geometry';
import { isInside, lookupOf, ringsOf } from './lookup';

const ring = 'M10,10L40,10L40,40L10,40ZM20,20L30,20L30,30L20,30Z';
const drawing: Drawing = {
  shapes: [
    { nil: '1', key: 'ring', path: ring },
    { nil: '2', key: 'hole', path: 'M20,20L30,20L30,30L20,30Z' },
    { nil: '3', key: null, path: 'M50,10L90,10L90,40L50,40Z' },
    { nil: '4', key: 'far', path: 'M600.5,600L700,600L650.25,638.5Z' },
  ],
  dots: [{ key: 'dot', x: 60, y: 25 }],
  simplified: 0,
};

describe('which area a point lies in', () => {
  const at = lookupOf(drawing);
  it('knows an area from its hole', () => {
    expect(at(12, 12)).toBe('ring');
    expect(at(25, 25)).toBe('hole');
  });
  it('finds nothing between areas, and none without a key', () => {
    expect(at(45, 12)).toBeNull();
    expect(at(85, 35)).toBeNull();
    expect(at(-5, 900)).toBeNull();
  });
  it('takes a dot before what lies under it', () => expect(at(63, 27)).toBe('dot'));
  it('reads numbers with and without a fraction', () => expect(at(650, 610)).toBe('far'));
  it('agrees with going through all areas, point by point', () => {
    const shapes = drawing.shapes.filter((shape) => shape.key !== null).map((shape) => ({ key: shape.key, rings: ringsOf(shape.path) }));
    for (let x = 0.5; x < 100; x += 3)
      for (let y = 0.5; y < 60; y += 3) {
        const slow = Math.hypot(60 - x, 25 - y) <= 6.5 ? 'dot' : (shapes.find(({ rings }) => isInside(rings, x, y))?.key ?? null);
        expect(at(x, y), `${x}, ${y}`).toBe(slow);
      }
  });
});
