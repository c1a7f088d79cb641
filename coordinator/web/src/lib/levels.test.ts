import { expect, test } from 'vitest';
import { isFiner, levelsFrom } from './levels';

test('a study of neighbourhoods offers neighbourhoods and coarser', () => {
  expect(levelsFrom('nil')).toEqual(['nil', 'municipio', 'city']);
  expect(levelsFrom('something-new')).toHaveLength(4);
});

test('finer means smaller areas', () => {
  expect(isFiner('nil', 'city')).toBe(true);
  expect(isFiner('city', 'nil')).toBe(false);
  expect(isFiner('nil', 'nil')).toBe(false);
});
