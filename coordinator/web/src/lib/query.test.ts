import { expect, test } from 'vitest';
import { buildQuery, defaultCells, defaultPerCell, fieldOfPath, formFault, rhoAt, RHO_STEPS, stepOf, type AskForm } from './query';

const form: AskForm = {
  study: 's', measure: 'persons', quantity: 'amount', edges: '50 100', household: false, byService: false, area: 'nil', targets: [], sex: false, ageBand: false, granularity: 'none', from: '2025-01', to: '2025-12',
  services: [], filterTarget: '', filterSex: '', ageMin: null, ageMax: null, cells: null, perCell: null, rho: 100_000_000,
};

test('what is not chosen is absent', () => {
  expect(buildQuery(form)).toEqual({
    version: 1, measure: 'persons', by: { area: 'nil' }, period: { from: '2025-01', to: '2025-12' }, bounds: { cells: 1, per_cell: 1 }, rho: 100_000_000,
  });
});

test('what is chosen is there', () => {
  const query = buildQuery({
    ...form, measure: 'events', targets: ['minors', 'low-income'], sex: true, ageBand: true, granularity: 'quarter', services: ['home-care'],
    filterTarget: 'alone-75-plus', filterSex: 'F', ageMin: 65,
  });
  expect(query.by).toEqual({ area: 'nil', target: ['minors', 'low-income'], sex: true, age_band: true, period: 'quarter' });
  expect(query.services).toEqual(['home-care']);
  expect(query.filter).toEqual({ all: [{ target: 'alone-75-plus' }, { sex: 'F' }, { age: { min: 65, max: 200 } }] });
  expect(query.bounds).toEqual({ cells: 8, per_cell: 12 });
});

test('by default a person may be in one cell per target and period', () => {
  expect(defaultCells({ ...form, targets: ['a', 'b', 'c'], granularity: 'month' })).toBe(36);
  expect(defaultCells(form)).toBe(1);
});

test('persons count once whatever the bound says', () => {
  expect(buildQuery({ ...form, perCell: 9 }).bounds.per_cell).toBe(1);
  expect(defaultPerCell({ ...form, measure: 'events' })).toBe(48);
});

test('the form names the field it cannot send', () => {
  expect(formFault(form)).toBeNull();
  expect(formFault({ ...form, study: '' })?.field).toBe('study');
  expect(formFault({ ...form, to: '2024-12' })).toEqual({ field: 'period', code: 'invalid-period' });
  expect(formFault({ ...form, granularity: 'quarter', from: '2025-02' })?.code).toBe('quarters-not-whole');
  expect(formFault({ ...form, ageMin: 70, ageMax: 60 })?.field).toBe('filter');
  expect(formFault({ ...form, cells: 0 })?.field).toBe('cells');
});

test('a refusal finds its field in either way of writing paths', () => {
  expect(fieldOfPath('$.by.target[0]')).toBe('targets');
  expect(fieldOfPath('/query/by/area')).toBe('area');
  expect(fieldOfPath('$.query.period.from')).toBe('period');
  expect(fieldOfPath('$.bounds.per_cell')).toBe('per_cell');
  expect(fieldOfPath('$.bounds')).toBe('cells');
  expect(fieldOfPath('$.filter.all[2].age.min')).toBe('filter');
  expect(fieldOfPath('$')).toBeNull();
  expect(fieldOfPath(undefined)).toBeNull();
});

test('the accuracy slider ends exactly at the limit and its steps read back', () => {
  const limit = 500_000_000;
  expect(rhoAt(RHO_STEPS, limit)).toBe(limit);
  expect(rhoAt(0, limit)).toBe(5_000_000);
  for (let step = 0; step <= RHO_STEPS; step++) {
    expect(Number.isInteger(rhoAt(step, limit))).toBe(true);
    expect(stepOf(rhoAt(step, limit), limit)).toBe(step);
  }
});

test('sums are asked in cents and minutes, bins with their ends', () => {
  const sum = buildQuery({ ...form, measure: 'sum', granularity: 'quarter', perCell: 12.5 });
  expect([sum.quantity, sum.bounds, sum.edges]).toEqual(['amount', { cells: 4, per_cell: 1250 }, undefined]);
  expect(buildQuery({ ...form, measure: 'sum', quantity: 'duration' }).bounds.per_cell).toBe(120 * 60);
  const bins = buildQuery({ ...form, measure: 'bins' });
  expect([bins.edges, bins.bounds.per_cell]).toEqual([[5000, 10000], 1]);
  expect(formFault({ ...form, measure: 'bins', edges: '9 3' })).toEqual({ field: 'edges', code: 'edges-not-rising' });
});

test('households have no sex or age, and a first time is in one period', () => {
  expect(buildQuery({ ...form, measure: 'households', sex: true, ageBand: true, household: true }).by).toEqual({ area: 'nil', household: true });
  expect(defaultCells({ ...form, measure: 'first-time', granularity: 'month' })).toBe(1);
  expect(defaultCells({ ...form, byService: true, granularity: 'year' })).toBe(2);
  expect(formFault({ ...form, granularity: 'year', to: '2025-11' })?.code).toBe('years-not-whole');
});
