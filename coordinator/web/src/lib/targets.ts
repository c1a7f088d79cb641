// Target groups by area of users, and which of them a search means. Names come from the taxonomy, in the reader's language.
import type { Target, Taxonomy } from './api/types';

export interface TargetGroup {
  id: string;
  name: string;
  targets: Target[];
}

/** Letters without accents or case, so that `povertà` is found as `poverta`. */
function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Whether every word searched for stands in a target's names, description or identifier. */
export function matches(target: Target, search: string, language: 'it' | 'en'): boolean {
  const description = language === 'it' ? target.description_it : target.description_en;
  const text = plain(`${target[language]} ${description} ${target.id}`);
  return plain(search).split(/\s+/).every((word) => text.includes(word));
}

/** Targets by area, in the taxonomy's order; areas without any are left out, targets of no known area come last. */
export function groupTargets(taxonomy: Taxonomy, targets: Target[], language: 'it' | 'en'): TargetGroup[] {
  const known = new Set(taxonomy.areas.map((area) => area.id));
  const groups = taxonomy.areas.map((area) => ({ id: area.id, name: area[language], targets: targets.filter((target) => target.area === area.id) }));
  const others = targets.filter((target) => !known.has(target.area));
  return [...groups, { id: '', name: '', targets: others }].filter((group) => group.targets.length > 0);
}
