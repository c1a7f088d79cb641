import { expect, test } from 'vitest';
import { editsText, editText, type EditNames } from './edits';
import { translator } from './i18n/catalogue';

const names: EditNames = { t: translator('en'), number: (value) => value.toFixed(1), site: (id) => `site ${id}`, area: (key) => `area ${key}` };

test('each edit says what it does, and where', () => {
  expect(editText({ edit: 'open', site: 'a' }, names)).toBe('Opens site a');
  expect(editText({ edit: 'extend', site: 'a', places: 1 }, names)).toBe('site a: 1 more place');
  expect(editText({ edit: 'move', site: 'a', to: 'b' }, names)).toBe('Moves site a to site b');
  expect(editText({ edit: 'demand', factor: 1.1, area: '9' }, names)).toBe('Need, area 9: 10.0 %');
  expect(editText({ edit: 'demand', factor: 0.5 }, names)).toBe('Need, the whole city: -50.0 %');
});

test('what was done to many areas at once is one line', () => {
  const forecast = { edit: 'forecast', area: '9', demand: 3, variance: 1, from: 'f' } as const;
  expect(editsText([forecast, { ...forecast, area: '10' }], names)).toBe('Need as forecast, in 2 areas');
  expect(editsText([forecast], names)).toBe('Forecast need, area 9');
});
