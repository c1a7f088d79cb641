import { expect, test } from 'vitest';
import { codeText, problemText, translator } from './catalogue';
import { en } from './en';
import { it } from './it';

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort();
/** What a text chooses a word by. */
const counted = (text: string) => [...text.matchAll(/\{(\w+)\|[^|{}]*\|[^|{}]*\}/g)].map((found) => found[1]);

test('both languages have the same keys', () => {
  expect(Object.keys(en).sort()).toEqual(Object.keys(it).sort());
});

test('both languages fill the same places', () => {
  for (const key of Object.keys(it) as (keyof typeof it)[]) expect(placeholders(en[key]), key).toEqual(placeholders(it[key]));
});

test('a word is chosen by a number the text shows, with both its forms', () => {
  for (const catalogue of [it, en]) {
    for (const [key, text] of Object.entries(catalogue)) {
      expect(text.match(/\{[^{}]*\|/g)?.length ?? 0, key).toBe(counted(text).length);
      for (const name of counted(text)) expect(placeholders(text), key).toContain(name);
    }
  }
});

test('one of a thing is said in the singular', () => {
  const [italian, english] = [translator('it'), translator('en')];
  expect(italian('forecast.inside-of', { share: '100 %', origins: 1 })).toBe('100 % di 1 prova');
  expect(english('forecast.inside-of', { share: '100 %', origins: 1 })).toBe('100 % of 1 trial');
  expect(english('forecast.inside-of', { share: '96 %', origins: 24 })).toBe('96 % of 24 trials');
  expect(italian('simulate.count-gains', { count: '1' })).toBe('1 zona ci guadagna');
  expect(english('asked.progress', { done: 0, total: 1 })).toBe('0 of 1 organisation is done');
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

test('a refusal is said in the words of its field, where there are any', () => {
  const refused = (path: string) => problemText(translator('it'), { code: 'out-of-range', params: {}, path });
  expect(refused('$.front')).toContain('50');
  expect(refused('$.basis.sites[3]')).toBe(translator('it')('problem.out-of-range'));
});

test('parameters fill their places and unknown places stay visible', () => {
  expect(translator('it')('area.municipio', { number: 3 })).toBe('Municipio 3');
  expect(translator('en')('area.municipio')).toContain('{number}');
});
