// Days as people of both languages write them, day first: a date field of the browser follows the browser's language, not the page's.

/** `5/3/2026`, `05.03.2026` or `2026-03-05` as `2026-03-05`; null where it is no day of the calendar. */
export function readDay(text: string): string | null {
  const dayFirst = /^(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})$/.exec(text.trim());
  const yearFirst = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text.trim());
  const [year, month, day] = (dayFirst ? [dayFirst[3], dayFirst[2], dayFirst[1]] : [yearFirst?.[1], yearFirst?.[2], yearFirst?.[3]]).map(Number);
  if (year === undefined || month === undefined || day === undefined) return null;
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  return at.getUTCFullYear() === year && at.getUTCMonth() === month - 1 && at.getUTCDate() === day ? at.toISOString().slice(0, 10) : null;
}

/** `2026-03-05` as `05/03/2026`. */
export function writtenDay(iso: string): string {
  const [year, month, day] = iso.split('-');
  return year && month && day ? `${day}/${month}/${year}` : iso;
}
