// From what the form holds to a query, and from a refusal's path back to the field of the form.
import type { Filter, Measure, Quantity, Query } from './api/types';
import { isWeighted, ofHouseholds, parseEdges, quantitySize, readsQuantity } from './measures';
import { areWhole, monthNumber, periodCount, type Granularity } from './periods';

export interface AskForm {
  study: string;
  measure: Measure;
  quantity: Quantity;
  /** Ends of bins as typed, in euros or hours. */
  edges: string;
  area: string;
  targets: string[];
  sex: boolean;
  ageBand: boolean;
  household: boolean;
  byService: boolean;
  granularity: Granularity;
  from: string;
  to: string;
  services: string[];
  filterTarget: string;
  filterSex: string;
  ageMin: number | null;
  ageMax: number | null;
  /** null: the default, which follows the question */
  cells: number | null;
  /** in events, euros or hours */
  perCell: number | null;
  /** nano-rho */
  rho: number;
}

/** The greatest age a filter may name. */
export const MAX_AGE = 200;
/** Events of one person counted per cell and month unless the planner says otherwise. */
export const EVENTS_PER_MONTH = 4;
const EVENTS_PER_CELL_AT_MOST = 60;
/** Euros and hours of one person counted per cell and month. */
const QUANTITY_PER_MONTH: Record<Quantity, number> = { amount: 100, duration: 10 };
/** Of the services that count, how many one person is expected to use in a period. */
const SERVICES_PER_PERSON = 2;

/** As many cells as a person can be in: once per target, service and period. Sex, age band, household and home are one each. */
export function defaultCells(form: Pick<AskForm, 'measure' | 'targets' | 'byService' | 'services' | 'from' | 'to' | 'granularity'>): number {
  const periods = form.measure === 'first-time' ? 1 : Math.max(1, periodCount(form.from, form.to, form.granularity));
  const services = form.byService ? Math.min(SERVICES_PER_PERSON, form.services.length || SERVICES_PER_PERSON) : 1;
  return Math.max(1, form.targets.length) * services * periods;
}

/** In events, euros or hours. */
export function defaultPerCell(form: Pick<AskForm, 'measure' | 'quantity' | 'from' | 'to' | 'granularity'>): number {
  if (!isWeighted(form.measure)) return 1;
  const all = Math.max(1, periodCount(form.from, form.to, 'month'));
  const months = Math.ceil(all / Math.max(1, periodCount(form.from, form.to, form.granularity)));
  if (form.measure === 'sum') return months * QUANTITY_PER_MONTH[form.quantity];
  return Math.min(EVENTS_PER_CELL_AT_MOST, months * EVENTS_PER_MONTH);
}

/** The query the form means. Absent choices stay absent, so that equal questions have equal JSON. */
export function buildQuery(form: AskForm): Query {
  const by: Query['by'] = { area: form.area };
  if (form.targets.length > 0) by.target = [...form.targets];
  if (form.byService) by.service = true;
  if (form.sex && !ofHouseholds(form.measure)) by.sex = true;
  if (form.ageBand && !ofHouseholds(form.measure)) by.age_band = true;
  if (form.household) by.household = true;
  if (form.granularity !== 'none') by.period = form.granularity;

  const all: Filter[] = [];
  if (form.filterTarget !== '') all.push({ target: form.filterTarget });
  if (form.filterSex !== '') all.push({ sex: form.filterSex });
  if (form.ageMin !== null || form.ageMax !== null) all.push({ age: { min: form.ageMin ?? 0, max: form.ageMax ?? MAX_AGE } });

  const size = form.measure === 'sum' ? quantitySize(form.quantity) : 1;
  const query: Query = {
    version: 1,
    measure: form.measure,
    by,
    period: { from: form.from, to: form.to },
    bounds: { cells: form.cells ?? defaultCells(form), per_cell: isWeighted(form.measure) ? Math.round((form.perCell ?? defaultPerCell(form)) * size) : 1 },
    rho: form.rho,
  };
  if (readsQuantity(form.measure)) query.quantity = form.quantity;
  if (form.measure === 'bins') query.edges = parseEdges(form.edges, form.quantity) ?? [];
  if (form.services.length > 0) query.services = [...form.services];
  if (all.length > 0) query.filter = { all };
  return query;
}

export type FieldId =
  | 'study' | 'measure' | 'edges' | 'area' | 'targets' | 'split' | 'period' | 'services' | 'filter' | 'cells' | 'per_cell' | 'rho';

/** A fault the form itself can see, by field, as a code of the catalogue. */
export function formFault(form: AskForm): { field: FieldId; code: string } | null {
  if (form.study === '') return { field: 'study', code: 'choose-study' };
  if (!(monthNumber(form.from) <= monthNumber(form.to))) return { field: 'period', code: 'invalid-period' };
  if (form.granularity !== 'none' && !areWhole(form.from, form.to, form.granularity)) return { field: 'period', code: form.granularity === 'year' ? 'years-not-whole' : 'quarters-not-whole' };
  if (form.measure === 'bins' && parseEdges(form.edges, form.quantity) === null) return { field: 'edges', code: 'edges-not-rising' };
  const ageOk = (age: number | null) => age === null || (Number.isInteger(age) && age >= 0 && age <= MAX_AGE);
  if (!ageOk(form.ageMin) || !ageOk(form.ageMax) || (form.ageMin ?? 0) > (form.ageMax ?? MAX_AGE)) return { field: 'filter', code: 'invalid-age' };
  const boundOk = (bound: number | null) => bound === null || (Number.isInteger(bound) && bound >= 1);
  if (!boundOk(form.cells)) return { field: 'cells', code: 'out-of-range' };
  if (!boundOk(form.perCell)) return { field: 'per_cell', code: 'out-of-range' };
  return null;
}

const FIELD_OF_PATH: [RegExp, FieldId][] = [
  [/^study\b/, 'study'],
  [/^measure\b/, 'measure'],
  [/^quantity\b/, 'measure'],
  [/^edges\b/, 'edges'],
  [/^by\.area\b/, 'area'],
  [/^by\.target\b/, 'targets'],
  [/^by\.period\b/, 'period'],
  [/^by\b/, 'split'],
  [/^period\b/, 'period'],
  [/^services\b/, 'services'],
  [/^filter\b/, 'filter'],
  [/^bounds\.per_cell\b/, 'per_cell'],
  [/^bounds\b/, 'cells'],
  [/^rho\b/, 'rho'],
];

/** The field a refusal's path (`$.by.target[0]`, `/query/by/target/0`) speaks of; null when it is none of ours. */
export function fieldOfPath(path: string | undefined): FieldId | null {
  if (path === undefined) return null;
  const plain = path.replace(/^\$\.?/, '').replace(/^\//, '').replaceAll('/', '.').replace(/^query\.?/, '');
  return FIELD_OF_PATH.find(([pattern]) => pattern.test(plain))?.[1] ?? null;
}

/** Places of the accuracy slider: steps of equal ratio from a hundredth of the limit to the limit. */
export const RHO_STEPS = 40;
const RHO_RANGE = 100;

export function rhoAt(step: number, limit: number): number {
  const exact = limit * RHO_RANGE ** (step / RHO_STEPS - 1);
  if (step >= RHO_STEPS) return limit;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(exact)) - 1);
  return Math.min(limit, Math.max(1, Math.round(exact / unit) * unit));
}

export function stepOf(rho: number, limit: number): number {
  const step = Math.round((Math.log(rho / limit) / Math.log(RHO_RANGE) + 1) * RHO_STEPS);
  return Math.min(RHO_STEPS, Math.max(0, step));
}
