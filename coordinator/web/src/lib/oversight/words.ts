// Amounts, rules and policies in words. Pure: the language comes in.
import type { Words } from '../describe';
import { levelName, targetName } from '../describe';
import { formatDate, formatRho, formatSignificant } from '../format';
import { codeText, isKey } from '../i18n/catalogue';
import { measureName } from '../measures';
import type { Allowed, BudgetLine, Loss } from './types';

/** `ρ 0,1 · ε 2,14`. */
export function lossText({ rho, epsilon }: Loss, { language }: Words): string {
  return rho === 0 ? '0' : `ρ ${formatRho(rho, language)} · ε ${formatSignificant(epsilon, language)}`;
}

export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

export function purposeName(purpose: string, { t }: Words): string {
  return codeText(t, 'purpose', purpose);
}

export function allowedText({ auto, manual }: Allowed, { t, language }: Words): string {
  const parts = [
    ...(auto === null ? [] : [t('policy.allowed-auto', { rho: `ρ ${formatRho(auto, language)}` })]),
    ...(manual === null ? [] : [t('policy.allowed-manual', { rho: `ρ ${formatRho(manual, language)}` })]),
  ];
  return parts.length === 0 ? t('policy.allowed-not') : parts.join(', ');
}

/** Words of a rule's lists; `any` has a word of its own. */
export function listed(ids: readonly string[], name: (id: string) => string, { t }: Words): string {
  return ids.map((id) => (id === 'any' ? t('policy.any') : name(id))).join(', ');
}

export function measuresText(ids: readonly string[], words: Words): string {
  const name = (id: string) => (isKey(`measure.${id}`) ? measureName({ measure: id } as Parameters<typeof measureName>[0], words.t) : id);
  return listed(ids, name, words);
}

export function levelsText(ids: readonly string[], { t }: Words): string {
  return ids.map((id) => levelName(id, t)).join(', ');
}

/** Who a compared point is about: everybody, a category, a target. */
export function subjectText(subject: string, words: Words): string {
  const [kind, id] = subject.split(' ', 2);
  if (kind === 'category') return words.t('policy.category', { id });
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
