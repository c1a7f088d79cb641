import { expect, test } from 'vitest';
import { translator } from '../i18n/catalogue';
import { allowedText, basisText, exhaustionText, lossText, spentShare, subjectText } from './words';

const words = { t: translator('it'), language: 'it' as const, taxonomy: null };
const loss = (rho: number) => ({ rho, epsilon: 2.14 });

test('a loss is said as rho and epsilon, and nothing as nothing', () => {
  expect(lossText(loss(100_000_000), words)).toBe('ρ\u00a00,1 · ε\u00a02,1');
  expect(lossText(loss(0), words)).toBe('0');
});

test('what is allowed names at once and with approval apart', () => {
  expect(allowedText({ auto: null, manual: null }, words)).toBe('non ammesso');
  expect(allowedText({ auto: 250_000_000, manual: null }, words)).toBe('ρ\u00a00,25 subito');
  expect(allowedText({ auto: 250_000_000, manual: 500_000_000 }, words)).toBe('ρ\u00a00,25 subito, ρ\u00a00,5 con approvazione');
});

test('a budget says how much of it is spent and until when it lasts', () => {
  const line = { key: '', spent: loss(300), cap: loss(1_000), left: loss(700), exhaustion: 'at' as const, exhausted_at: '2026-12-31T12:00:00Z' };
  expect(spentShare(line)).toBe(30);
  expect(exhaustionText(line, words)).toContain('31 dic 2026');
  expect(spentShare({ spent: loss(5), cap: null })).toBeNull();
  expect(spentShare({ spent: loss(5), cap: loss(0) })).toBe(100);
  expect(exhaustionText({ ...line, exhaustion: null, exhausted_at: null }, words)).toBe('–');
});

test('a legal basis is written as lawyers write it', () => {
  expect(basisText('art6-1-e', words)).toBe('art. 6, par. 1, lett. e) RGPD');
  expect(basisText('art2-sexies-2-s', { ...words, language: 'en' })).toBe('Art. 2-sexies(2)(s) Italian Code');
  expect(basisText('something-else', words)).toBe('something-else');
});

test('subjects of compared points are words', () => {
  expect(subjectText('everybody', words)).toBe('nessun gruppo in particolare');
  expect(subjectText('category origin', words)).toBe('categoria origine (cittadinanza)');
  expect(subjectText('target minors', words)).toBe('minors');
});
