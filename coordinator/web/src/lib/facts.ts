// What a release says of itself in an exported file: the price in privacy, the question, who is in it.
import type { Release } from './api/types';
import { formatDate, formatSignificant, type Language } from './format';
import type { Translate } from './i18n/catalogue';
import { oddsOf } from './intervals';

/** The question's query where a split answer has several releases; otherwise the hash of the question is its code. */
export const questionCode = (release: Release): string => release.part_of?.query ?? release.query_hash;

export function releaseFacts(release: Release, values: 'consistent' | 'released'): Record<string, string | number> {
  return {
    release: release.id,
    query: questionCode(release),
    query_hash: release.query_hash,
    study: release.study,
    released_at: release.released_at,
    estimand: release.estimand,
    values,
    confidence: oddsOf(release) === 'nine' ? 0.9 : 0.95,
    epsilon: release.privacy.epsilon,
    delta: release.privacy.delta,
    rho_nano: release.privacy.rho,
    mechanism: release.privacy.mechanism,
    nodes_answered: release.coverage.answered.length,
    nodes_missing: missing(release),
  };
}

const missing = (release: Release) => release.coverage.refused.length + release.coverage.offline.length + release.coverage.expired.length;

export function releaseNotes(release: Release, language: Language, t: Translate): string[] {
  return [
    t('city.export-odds', { odds: t(oddsOf(release) === 'nine' ? 'city.nine' : 'city.nineteen') }),
    t('city.export-coverage', { answered: release.coverage.answered.length, missing: missing(release), date: formatDate(release.released_at, language) }),
    t('city.export-privacy', { epsilon: formatSignificant(release.privacy.epsilon, language), delta: formatSignificant(release.privacy.delta, language), query: questionCode(release), release: release.id }),
  ];
}
