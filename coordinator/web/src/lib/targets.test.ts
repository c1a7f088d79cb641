import { expect, test } from 'vitest';
import type { Target, Taxonomy } from './api/types';
import { groupTargets, matches } from './targets';

const target = (id: string, area: string, it: string, description_it = ''): Target => ({
  id, it, en: id, description_it, description_en: '', finest_level: 'nil', reads_household: false, sensitive: false, unit: 'person', area, group_harm: null, must_be_named: false,
});
const targets = [target('minors', 'families', 'Minori'), target('low-income', 'poverty', 'Basso reddito', 'In povertà'), target('odd', 'elsewhere', 'Altro')];
const taxonomy: Taxonomy = {
  version: '1', hash: '', targets, services: [], age_bands: [], sexes: [],
  areas: [{ id: 'poverty', it: 'Povertà', en: 'Poverty' }, { id: 'elderly', it: 'Anziani', en: 'Older people' }, { id: 'families', it: 'Famiglie', en: 'Families' }],
};

test('groups come in the order of areas, empty ones are left out and no target is lost', () => {
  const groups = groupTargets(taxonomy, targets, 'it');
  expect(groups.map((group) => [group.name, group.targets.map((one) => one.id)])).toEqual([
    ['Povertà', ['low-income']], ['Famiglie', ['minors']], ['', ['odd']],
  ]);
});

test('a search finds words in any order, without accents, in names and descriptions', () => {
  const found = (search: string) => targets.filter((one) => matches(one, search, 'it')).map((one) => one.id);
  expect(found('')).toEqual(['minors', 'low-income', 'odd']);
  expect(found('POVERTA basso')).toEqual(['low-income']);
  expect(found('minori reddito')).toEqual([]);
});
