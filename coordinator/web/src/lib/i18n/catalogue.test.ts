import { expect, test } from 'vitest';
import { codeText, translator } from './catalogue';
import { en } from './en';
import { it } from './it';

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();

test('both languages have the same keys', () => {
  expect(Object.keys(en).sort()).toEqual(Object.keys(it).sort());
});

test('both languages fill the same places', () => {
  for (const key of Object.keys(it) as (keyof typeof it)[]) expect(placeholders(en[key]), key).toEqual(placeholders(it[key]));
});

test('no text is empty', () => {
  for (const catalogue of [it, en]) for (const [key, text] of Object.entries(catalogue)) expect(text.trim(), key).not.toBe('');
});

test('people summed over organisations are never called persons', () => {
  expect(it['measure.persons']).toBe('Presenze');
  expect(en['measure.persons']).toBe('Presences');
});

test('a code nobody knows is shown, not hidden', () => {
  expect(codeText(translator('it'), 'problem', 'brand-new')).toContain('brand-new');
  expect(codeText(translator('en'), 'rule', 'brand-new')).toContain('brand-new');
});

test('parameters fill their places and unknown places stay visible', () => {
  expect(translator('it')('area.municipio', { number: 3 })).toBe('Municipio 3');
  expect(translator('en')('area.municipio')).toContain('{number}');
});
