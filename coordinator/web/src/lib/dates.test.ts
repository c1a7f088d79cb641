import { expect, test } from 'vitest';
import { readDay, writtenDay } from './dates';

test('a day is read as it is written in both languages', () => {
  for (const text of ['5/3/2026', '05/03/2026', ' 05.03.2026 ', '5-3-2026', '05 03 2026', '2026-03-05']) expect(readDay(text)).toBe('2026-03-05');
  expect(writtenDay('2026-03-05')).toBe('05/03/2026');
  expect(readDay(writtenDay('2024-02-29'))).toBe('2024-02-29');
});

test('what is no day of the calendar is not read', () => {
  for (const text of ['', '31/02/2026', '29/02/2025', '13/13/2026', '5/3/26', '3 marzo', '2026-00-10', '00/01/2026']) expect(readDay(text)).toBeNull();
});
