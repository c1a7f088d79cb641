// Amounts, rules and policies in words. Pure: the language comes in.
import type { Words } from '../describe';
import { levelName, targetName } from '../describe';
import { formatDate, formatRho, formatSignificant } from '../format';
import { codeText, isKey } from '../i18n/catalogue';
import type { Allowed, BudgetLine, Loss } from './types';

/** `ρ 0,1`, on one line. */
export function rhoText(nanoRho: number, { language }: Words): string {
  return `ρ\u00a0${formatRho(nanoRho, language)}`;
}

/** `ρ 0,1 · ε 2,14`, broken between the two only. */
export function lossText({ rho, epsilon }: Loss, words: Words): string {
  return rho === 0 ? '0' : `${rhoText(rho, words)} · ε\u00a0${formatSignificant(epsilon, words.language)}`;
}

/** `art6-1-e` and `art2-sexies-2-s` as lawyers write them; anything else stands for itself. */
export function basisText(id: string, { language }: Words): string {
  const found = /^art(\d+)(-sexies)?-(\d+)-([a-z]+)$/.exec(id);
  if (!found) return id;
  const [, article, sexies, paragraph, letter] = found;
  const law = sexies ? (language === 'it' ? 'Codice' : 'Italian Code') : language === 'it' ? 'RGPD' : 'GDPR';
  return language === 'it' ? `art. ${article}${sexies ? '-sexies' : ''}, par. ${paragraph}, lett. ${letter}) ${law}` : `Art. ${article}${sexies ? '-sexies' : ''}(${paragraph})(${letter}) ${law}`;
}

export function basesText(ids: readonly string[], words: Words): string {
  return listed(ids, (id) => basisText(id, words), words);
}

/** A category of data in words. */
export function categoryName(id: string, { t }: Words): string {
  const key = `category.${id}`;
  return isKey(key) ? t(key) : id;
}

export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

export function purposeName(purpose: string, { t }: Words): string {
  return codeText(t, 'purpose', purpose);
}

export function allowedText({ auto, manual }: Allowed, words: Words): string {
  const { t } = words;
  const parts = [
    ...(auto === null ? [] : [t('policy.allowed-auto', { rho: rhoText(auto, words) })]),
    ...(manual === null ? [] : [t('policy.allowed-manual', { rho: rhoText(manual, words) })]),
  ];
  return parts.length === 0 ? t('policy.allowed-not') : parts.join(', ');
}

/** Words of a rule's lists; `any` has a word of its own. */
export function listed(ids: readonly string[], name: (id: string) => string, { t }: Words): string {
  return ids.map((id) => (id === 'any' ? t('policy.any') : name(id))).join(', ');
}

export function measuresText(ids: readonly string[], words: Words): string {
  const name = (id: string) => {
    // A policy speaks of sums and bins whatever the quantity.
    const key = id === 'sum' || id === 'bins' ? `policy.measure.${id}` : `measure.${id}`;
    return isKey(key) ? words.t(key) : id;
  };
  return listed(ids, name, words);
}

export function levelsText(ids: readonly string[], { t }: Words): string {
  return ids.map((id) => levelName(id, t)).join(', ');
}

/** Who a compared point is about: everybody, a category, a target. */
export function subjectText(subject: string, words: Words): string {
  const [kind, id] = subject.split(' ', 2);
  if (kind === 'category') return words.t('policy.category', { id: categoryName(id ?? '', words) });
  if (kind === 'target') return targetName(id ?? '', words);
  return words.t('policy.everybody');
}

/** Until when a budget lasts. */
export function exhaustionText(line: BudgetLine, { t, language }: Words): string {
  if (line.exhaustion === null) return '–';
  const when = line.exhausted_at === null ? '' : formatDate(line.exhausted_at, language);
  return t(`budgets.exhaustion.${line.exhaustion}`, { when });
}

/** Which part of a budget is spent, in percent from 0 to 100; `null` without a cap. */
export function spentShare({ spent, cap }: Pick<BudgetLine, 'spent' | 'cap'>): number | null {
  if (cap === null) return null;
  return cap.rho === 0 ? 100 : Math.min(100, (spent.rho / cap.rho) * 100);
}
