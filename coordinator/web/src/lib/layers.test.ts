import { describe, expect, it } from 'vitest';
import type { Drawing } from './geometry';
import { NO_VALUE, layersOf, shapesOf } from './layers';

const drawing: Drawing = {
  shapes: [
    { nil: '1', key: 'a', path: 'M0,0Z' },
    { nil: '2', key: 'b', path: 'M1,1Z' },
    { nil: '3', key: 'a', path: 'M2,2Z' },
    { nil: '4', key: null, path: 'M3,3Z' },
  ],
  dots: [],
  simplified: 0,
};
const look = (key: string) => (key === 'a' ? { fill: '#111111', pattern: null } : { fill: '#111111', pattern: 'hatch' as const });

describe('what is put into the document', () => {
  it('gives each area a path of its own while they are few', () => {
    const layers = layersOf(drawing, look, false);
    expect(layers.map(({ key }) => key)).toEqual(['a', 'b', 'a', null]);
    expect(layers[3]?.look).toEqual(NO_VALUE);
  });
  it('gives areas of one look one path, and loses none', () => {
    const layers = layersOf(drawing, look, true);
    expect(layers.map(({ path }) => path)).toEqual(['M0,0ZM2,2Z', 'M1,1Z', 'M3,3Z']);
    expect(layers.every(({ key }) => key === null)).toBe(true);
  });
  it('finds all outlines of an area', () => expect(shapesOf(drawing).get('a')).toEqual(['M0,0Z', 'M2,2Z']));
});
