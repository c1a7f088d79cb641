import { expect, test } from 'vitest';
import { breaks, colourScale, roundBreak } from './scale';

const skewed = Array.from({ length: 88 }, (_, i) => Math.round(5 * 1.07 ** i));

test('class limits ascend and are round', () => {
  const limits = breaks(skewed, 6);
  expect(limits).toHaveLength(5);
  expect([...limits].sort((a, b) => a - b)).toEqual(limits);
  for (const limit of limits) expect(roundBreak(limit)).toBe(limit);
});

test('every value has the colour of its class', () => {
  const scale = colourScale(skewed);
  for (const value of [-4, 0, ...skewed]) {
    const own = scale.classes.find((c, i) => (i === 0 || value >= c.from) && (c.to === null || value < c.to));
    expect(scale.colourOf(value)).toBe(own?.colour);
  }
});

test('colours get darker from class to class', () => {
  const light = (colour: string) => (colour.match(/\d+/g) ?? []).reduce((sum, part) => sum + Number(part), 0);
  const lights = colourScale(skewed).classes.map((c) => light(c.colour));
  for (let i = 1; i < lights.length; i++) expect(lights[i]).toBeLessThan(lights[i - 1] ?? 0);
});

test('equal or missing values make one or two classes, not an error', () => {
  expect(colourScale([]).classes).toHaveLength(1);
  expect(colourScale([7, 7, 7]).classes.length).toBeLessThanOrEqual(2);
  expect(colourScale([-3, 0]).classes).toHaveLength(1);
});
