// Numbers and times as people of each language write them.
export type Language = 'it' | 'en';

const LOCALE: Record<Language, string> = { it: 'it-IT', en: 'en-GB' };
const cache = new Map<string, Intl.NumberFormat>();

function numberFormat(language: Language, digits: number): Intl.NumberFormat {
  const key = `${language}${digits}`;
  const known = cache.get(key);
  if (known) return known;
  // Italian leaves four-digit numbers ungrouped unless told: columns of numbers need one rule.
  const made = new Intl.NumberFormat(LOCALE[language], { maximumFractionDigits: digits, useGrouping: 'always' });
  cache.set(key, made);
  return made;
}

export function formatNumber(value: number, language: Language, digits = 0): string {
  return numberFormat(language, digits).format(Object.is(Math.round(value * 10 ** digits), -0) ? 0 : value).replace('-', '\u2212');
}

/** `1.240 ± 31`: the margin is rounded up, so that it is never stated smaller than it is. */
export function formatWithMargin(value: number, margin: number, language: Language): string {
  return `${formatNumber(value, language)} ± ${formatNumber(Math.ceil(margin), language)}`;
}

/** Two significant digits: epsilon and standard deviations are not known better. */
export function formatSignificant(value: number, language: Language, digits = 2): string {
  if (!Number.isFinite(value)) return '\u221e';
  return new Intl.NumberFormat(LOCALE[language], { maximumSignificantDigits: Math.max(digits, Math.ceil(Math.log10(Math.abs(value) + 1))) }).format(value);
}

/** Bytes in the unit that people read: kB below a megabyte. */
export function formatBytes(bytes: number, language: Language): string {
  const [value, unit] = bytes < 999_500 ? [bytes / 1_000, 'kilobyte'] : [bytes / 1_000_000, 'megabyte'];
  return new Intl.NumberFormat(LOCALE[language], { style: 'unit', unit, maximumFractionDigits: unit === 'kilobyte' ? 0 : 1 }).format(value);
}

/** nano-rho (the integer the ledgers hold) as rho. */
export function formatRho(nanoRho: number, language: Language): string {
  return formatSignificant(nanoRho / 1e9, language, 3);
}

export function formatDateTime(iso: string, language: Language): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return new Intl.DateTimeFormat(LOCALE[language], { dateStyle: 'medium', timeStyle: 'short' }).format(at);
}

export function formatDate(iso: string, language: Language): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  return new Intl.DateTimeFormat(LOCALE[language], { dateStyle: 'medium' }).format(at);
}

/** Names typed in capitals ('QUARTO OGGIARO') as they are read ('Quarto Oggiaro'); other names stay as they are. */
export function readableName(name: string): string {
  if (name !== name.toUpperCase() || !/[A-Z]{3}/.test(name)) return name;
  const small = new Set(['di', 'del', 'della', 'delle', 'dei', 'sul', 'sulla', 'al', 'alla', 'e', 'la', 'le', 'in', 'a', 'da']);
  return name
    .toLowerCase()
    .split(/([\s\-'’.()/]+)/)
    .map((part, i) => (i > 0 && small.has(part) ? part : /^(xx|xxii|ii|iii|iv|vi|vii|qt\d?)$/.test(part) ? part.toUpperCase() : part.charAt(0).toUpperCase() + part.slice(1)))
    .join('')
    .replaceAll('Q.Re', 'Q.re')
    // Capitals carry no accents in the source; the apostrophe of Ca’ Granda is one.
    .replace(/\bCitta['’]/g, 'Città');
}
