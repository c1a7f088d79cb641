// A query in one sentence a planner reads: what is counted, by what, when, of whom.
import type { CubeInfo, Filter, ForecastSummary, PlannedQuestion, Query, Taxonomy } from './api/types';
import type { Language } from './format';
import { isKey, type Key, type Translate } from './i18n/catalogue';
import { levelsOf } from './levels';
import { measureName } from './measures';
import { formatRange } from './periods';

export interface Words {
  t: Translate;
  language: Language;
  taxonomy: Taxonomy | null;
}

export function targetName(id: string, { language, taxonomy }: Words): string {
  return taxonomy?.targets.find((target) => target.id === id)?.[language] ?? id;
}
export function serviceName(id: string, { language, taxonomy }: Words): string {
  return taxonomy?.services.find((service) => service.id === id)?.[language] ?? id;
}

export function levelName(level: string, t: Translate): string {
  const key = `level.${level}`;
  return isLevelKey(key) ? t(key) : level;
}
const isLevelKey = (key: string): key is Key => ['level.micro-area', 'level.nil', 'level.municipio', 'level.city'].includes(key);

export function describeFilter(filter: Filter, words: Words): string {
  const { t } = words;
  if ('target' in filter) return targetName(filter.target, words);
  if ('sex' in filter) return sexName(filter.sex, t);
  if ('age' in filter)
    return filter.age.max >= 120 ? t('filter.age-from', { min: filter.age.min }) : t('filter.age', { min: filter.age.min, max: filter.age.max });
  if ('citizenship' in filter) {
    const key = `citizenship.${filter.citizenship}`;
    return t('filter.citizenship', { group: isKey(key) ? t(key) : filter.citizenship });
  }
  if ('not' in filter) return t('filter.not', { inner: describeFilter(filter.not, words) });
  const parts = ('all' in filter ? filter.all : filter.any).map((part) => describeFilter(part, words));
  return parts.join('all' in filter ? ', ' : ` ${t('filter.or')} `);
}

export function sexName(key: string, t: Translate): string {
  return key === 'F' ? t('sex.F') : key === 'M' ? t('sex.M') : t('sex.X');
}

/** The short name of a question: what, of whom, where, when. */
export function describeQuery(query: Query, words: Words): string {
  const { language } = words;
  return describeParts(query, words, formatRange(query.period.from, query.period.to, language));
}

/** The same of a question that has no span of its own. */
export function describePlanned(query: PlannedQuestion, words: Words): string {
  return describeParts(query, words, '');
}

function describeParts(query: PlannedQuestion, words: Words, span: string): string {
  const { t } = words;
  const what = measureName(query, t);
  const targets = query.by.target ?? [];
  const whom = targets.length === 0 ? '' : targets.length <= 3 ? targets.map((id) => targetName(id, words)).join(', ') : t('describe.targets', { count: targets.length });
  const levels = levelsOf(query.by.area);
  const splits = [
    // The city is no part of anything.
    levels.every((level) => level === 'city') ? t('describe.whole-city') : t('describe.by', { what: levels.map((level) => levelName(level, t)).join(' + ') }),
    ...(query.by.service ? [t('describe.by-service')] : []),
    ...(query.by.sex ? [t('describe.by-sex')] : []),
    ...(query.by.age_band ? [t('describe.by-age')] : []),
    ...(query.by.citizenship ? [t('describe.by-citizenship')] : []),
    ...(query.by.household ? [t('describe.by-household')] : []),
    ...(query.by.period ? [t(`describe.by-${query.by.period}`)] : []),
  ].join(', ');
  const services = query.services?.length ? t('describe.services', { services: query.services.map((id) => serviceName(id, words)).join(', ') }) : '';
  const filter = query.filter ? t('describe.filter', { filter: describeFilter(query.filter, words) }) : '';
  const head = whom === '' ? what : `${what}: ${whom}`;
  return [head, splits, span, services, filter].filter((part) => part !== '').join(' · ');
}

/** A kept forecast: what of, where, at which keys, how far ahead, and whether assumptions were added. */
export function describeForecast(
  one: Pick<ForecastSummary, 'wanted' | 'baseline'>,
  cubes: readonly CubeInfo[],
  words: Words & { keyName: (axis: string, key: string, by: PlannedQuestion['by']) => string },
): string {
  const question = cubes.find((known) => known.id === one.wanted.cube)?.definition.question;
  const at = Object.entries(one.wanted.at).map(([axis, key]) => (question ? words.keyName(axis, key, question.by) : key));
  const what = question ? describePlanned(question, words) : one.wanted.cube;
  const assumed = one.baseline ? [words.t('forecast.kept-adjusted')] : [];
  return [what, levelName(one.wanted.level, words.t), ...at, `+${one.wanted.horizon}`, ...assumed].join(' · ');
}
