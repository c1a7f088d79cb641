import { expect, test } from 'vitest';
import type { Query, Taxonomy } from './api/types';
import { areaNames } from './areas';
import { describeQuery, type Words } from './describe';
import { translator } from './i18n/catalogue';

const taxonomy: Taxonomy = {
  version: '1', hash: '', areas: [],
  targets: [
    { id: 'minors', it: 'Minori', en: 'Minors', description_it: '', description_en: '', finest_level: 'micro-area', reads_household: false, sensitive: false, unit: 'person', area: 'families', group_harm: null, must_be_named: false },
  ],
  services: [{ id: 'home-care', it: 'Assistenza domiciliare', en: 'Home care' }],
  age_bands: [],
  sexes: [],
};
const query: Query = {
  version: 1, measure: 'persons', by: { area: 'nil', target: ['minors'], period: 'quarter' }, period: { from: '2025-01', to: '2025-12' },
  bounds: { cells: 4, per_cell: 1 }, rho: 100_000_000,
};
const it: Words = { t: translator('it'), language: 'it', taxonomy };
const en: Words = { t: translator('en'), language: 'en', taxonomy };

test('a query reads as one sentence in both languages', () => {
  expect(describeQuery(query, it)).toBe('Presenze: Minori · per quartiere (NIL), per trimestre · 2025');
  expect(describeQuery(query, en)).toBe('Presences: Minors · by neighbourhood (NIL), by quarter · 2025');
});

test('services and filters are named', () => {
  const asked = { ...query, services: ['home-care'], filter: { all: [{ sex: 'F' }, { age: { min: 65, max: 200 } }, { not: { target: 'minors' } }] } };
  expect(describeQuery(asked, it)).toContain('Assistenza domiciliare');
  expect(describeQuery(asked, it)).toContain('donne, dai 65 anni, non Minori');
});

test('several levels and a citizenship are named, too', () => {
  const asked: Query = { ...query, by: { area: { nil: 60, city: 40 } }, filter: { citizenship: 'non-eu' } };
  expect(describeQuery(asked, it)).toBe('Presenze · per città + quartiere (NIL) · 2025 · tra: cittadinanza altri paesi');
});

test('the whole city is no part', () => {
  expect(describeQuery({ ...query, by: { area: 'city' } }, it)).toBe('Presenze · in tutta la città · 2025');
});

test('an id the vocabulary does not know is shown as it is', () => {
  expect(describeQuery({ ...query, by: { area: 'nil', target: ['new-group'] } }, it)).toContain('new-group');
});

test('areas have names at every level', () => {
  const geography = {
    version: '1', schematic: true, source: '', outlines_source: null, levels: [], outlines_url: '',
    areas: [
      { nil: 15, name: 'PORTA TICINESE', residents: 1, families: 1, area_km2: 1, centroid: [9, 45] as [number, number], municipi: [1, 5] },
      { nil: '2', name: 'Brera', residents: 1, families: 1, area_km2: 1, centroid: [9, 45] as [number, number], municipi: ['1'] },
    ],
  };
  const { name } = areaNames(geography, it.t);
  expect(name('nil', '15')).toBe('Porta Ticinese');
  expect(name('nil', 'unknown')).toBe('Zona non nota');
  expect(name('municipio', '3')).toBe('Municipio 3');
  expect(name('micro-area', '15.5')).toBe('Porta Ticinese · Municipio 5');
  expect(name('micro-area', '15.0')).toBe('Porta Ticinese · municipio non noto');
  expect(name('micro-area', '2.1')).toBe('Brera');
  expect(name('city', 'milano')).toBe('Milano');
});
