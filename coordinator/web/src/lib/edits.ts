// Edits of a scenario in words.
import type { Edit } from './api/planning';
import type { Translate } from './i18n/catalogue';

/** How sites, areas and numbers are written. */
export interface EditNames {
  t: Translate;
  number: (value: number) => string;
  site: (id: string) => string;
  area: (key: string) => string;
}

export function editText(edit: Edit, { t, number, site, area }: EditNames): string {
  switch (edit.edit) {
    case 'extend':
      return t('simulate.did-extend', { site: site(edit.site), places: edit.places });
    case 'move':
      return t('simulate.did-move', { site: site(edit.site), to: site(edit.to) });
    case 'demand':
      return t('simulate.did-demand', { where: edit.area ? area(edit.area) : t('simulate.everywhere'), percent: number(100 * (edit.factor - 1)) });
    case 'forecast':
      return t('simulate.did-forecast', { where: area(edit.area) });
    default:
      return t(`simulate.did-${edit.edit}`, { site: site(edit.site) });
  }
}

/** Edits that were made as one. */
export function editsText(group: readonly Edit[], names: EditNames): string {
  const [first] = group;
  return group.length === 1 && first ? editText(first, names) : names.t('demand.did-everywhere', { count: group.length });
}
