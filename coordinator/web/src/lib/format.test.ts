import { expect, test } from 'vitest';
import { formatNumber, formatRho, formatSignificant, formatWithMargin, readableName } from './format';

test('thousands are grouped the way each language does', () => {
  expect(formatNumber(1240, 'it')).toBe('1.240');
  expect(formatNumber(1240, 'en')).toBe('1,240');
  expect(formatNumber(1234567, 'it')).toBe('1.234.567');
});

test('a negative value has a true minus and zero has no sign', () => {
  expect(formatNumber(-3, 'it')).toBe('\u22123');
  expect(formatNumber(-0.2, 'en')).toBe('0');
});

test('a margin is never stated smaller than it is', () => {
  expect(formatWithMargin(1240, 30.1, 'it')).toBe('1.240 ± 31');
  expect(formatWithMargin(1240, 30.1, 'en')).toBe('1,240 ± 31');
});

test('rho is shown from its integer', () => {
  expect(formatRho(100_000_000, 'it')).toBe('0,1');
  expect(formatRho(2_500_000, 'en')).toBe('0.0025');
});

test('an epsilon has two significant digits, a large number keeps its integer part', () => {
  expect(formatSignificant(2.1419, 'it')).toBe('2,1');
  expect(formatSignificant(1234.6, 'en')).toBe('1,235');
});

test('names in capitals become readable and others stay', () => {
  expect(readableName('RONCHETTO SUL NAVIGLIO - Q.RE LODOVICO IL MORO')).toBe('Ronchetto sul Naviglio - Q.re Lodovico Il Moro');
  expect(readableName('Quarto Oggiaro')).toBe('Quarto Oggiaro');
  expect(readableName('XXII MARZO')).toBe('XXII Marzo');
  expect(readableName("CITTA' STUDI")).toBe('Città Studi');
  expect(readableName("NIGUARDA - CA' GRANDA")).toBe("Niguarda - Ca' Granda");
});
