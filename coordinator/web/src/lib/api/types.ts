// The JSON of /api/v1 as the coordinator sends it: identifiers, codes and numbers, never sentences.

export type Role = 'analyst' | 'organisation' | 'dpo' | 'admin';
export interface Account {
  name: string;
  role: Role;
  organisation?: string;
}

export interface AreaFacts {
  nil: string | number;
  name: string;
  residents: number;
  families: number;
  area_km2: number;
  centroid: [number, number];
  municipi: (string | number)[];
}
export interface Geography {
  version: string;
  schematic: boolean;
  source: string;
  outlines_source: string | null;
  levels: { id: string; keys: string[] }[];
  areas: AreaFacts[];
  outlines_url: string;
}
export type Ring = [number, number][];
export interface Outline {
  type: 'Feature';
  properties: { nil: string | number };
  geometry: { type: 'Polygon'; coordinates: Ring[] } | { type: 'MultiPolygon'; coordinates: Ring[][] };
}
export interface Outlines {
  type: 'FeatureCollection';
  features: Outline[];
}

export interface Target {
  id: string;
  it: string;
  en: string;
  description_it: string;
  description_en: string;
  finest_level: string;
  reads_household: boolean;
  sensitive: boolean;
  unit: 'person' | 'family';
  area: string;
  group_harm: string | null;
  must_be_named: boolean;
}
export interface UserArea {
  id: string;
  it: string;
  en: string;
}
export interface Service {
  id: string;
  it: string;
  en: string;
}
export interface Taxonomy {
  version: string;
  hash: string;
  areas: UserArea[];
  targets: Target[];
  services: Service[];
  age_bands: string[];
  sexes: string[];
}

/** nano-rho, and the same as epsilon */
export interface Loss {
  rho: number;
  epsilon: number;
}
/** The numbers in force, open to everybody. */
export interface Protection {
  delta: number;
  organisations: number;
  studies: number;
  per_question: Loss | null;
  per_study: Loss | null;
  so_far: { organisations: number; loss: Loss }[];
}

export interface Study {
  id: string;
  title: string;
  purpose: string;
  requester: string;
  valid_from: string;
  valid_to: string;
  /** nano-rho */
  max_rho_per_query: number;
  /** nano-rho */
  max_rho_total: number;
  finest_level: string;
  targets: string[];
  measures: string[];
  participants?: string[];
  countersigned: string[];
}

export interface NodeInfo {
  id: string;
  name: string;
  state: string;
  last_seen?: string | null;
  edition?: string | number | null;
  finest_level?: string | null;
  datasets?: (string | { id: string })[] | null;
}

export type Measure = 'persons' | 'events' | 'households' | 'first-time' | 'sum' | 'bins';
/** Euro cents, or minutes. */
export type Quantity = 'amount' | 'duration';
export type Filter =
  | { target: string }
  | { sex: string }
  | { age: { min: number; max: number } }
  | { citizenship: string }
  | { any: Filter[] }
  | { all: Filter[] }
  | { not: Filter };
export interface Query {
  version: 1;
  measure: Measure;
  /** With `sum` and `bins`. */
  quantity?: Quantity;
  /** With `bins`. */
  edges?: number[];
  by: {
    /** A level, or several with the percent of rho each gets. */
    area: string | Record<string, number>;
    target?: string[];
    service?: boolean;
    sex?: boolean;
    age_band?: boolean;
    citizenship?: boolean;
    household?: boolean;
    period?: 'month' | 'quarter' | 'year';
  };
  period: { from: string; to: string };
  services?: string[];
  filter?: Filter;
  bounds: { cells: number; per_cell: number };
  /** Also count what the bounds cut off, for a share of the loss. */
  cut_off?: { share: number; at_most: number };
  /** nano-rho */
  rho: number;
}

/** At most so many cells of one person, and so much in each. */
export interface Bounds {
  cells: number;
  per_cell: number;
}
/** A release whose cells add up to a question's answer, for nothing. */
export interface Derivable {
  release: string;
  /** the least certain cell is the sum of so many */
  draws: number;
  margin_95: number;
  /** what the release was asked with */
  bounds: Bounds;
  /** how many of its cells one person can be in */
  reachable: number;
  cuts_more: boolean;
  /** organisations not in it that the question would be put to */
  refused: string[];
}

export interface Preview {
  query_hash: string;
  cells: number;
  price: { rho: number; epsilon: number; delta: number; lifetime?: { rho?: number; epsilon?: number } | null };
  standard_deviation: number;
  margin_95: number;
  per_node?: { node: string; variance: number }[];
  nodes?: number | string[];
  /** Where the answer is split: levels from the coarsest on, then `cut-off`. */
  parts?: { of: string; cells: number; rho: number; standard_deviation: number; margin_95: number }[];
  already_released: string | null;
  derivable?: Derivable | null;
  expected_cells_useful?: { cells?: number; useful?: number; typical?: number } | null;
}

export type QueryState = 'signing' | 'collecting' | 'released' | 'expired' | 'refused';
export interface NodeState {
  node: string;
  name?: string;
  state: string;
  rule?: string | null;
  field?: string | null;
  code?: string | null;
  at?: string | null;
}
export interface QueryView {
  id: string;
  study: string;
  query: Query;
  query_hash: string;
  asked_by: string;
  asked_at: string;
  expires_at: string;
  state: QueryState;
  release: string | null;
  nodes: NodeState[];
}

export interface ReleaseSummary {
  id: string;
  query_hash: string;
  query: Query;
  study: string;
  released_at: string;
  nodes_answered: number;
  measure: Measure;
  level: string;
  /** The question it is a part of, where one answer was split over levels. */
  part_of?: { query: string; query_hash: string; rho: number; releases: { level: string; release: string }[] } | null;
  /** the release whose cells it sums, where nobody was asked */
  derived_from?: string;
}
export interface Dimension {
  name: string;
  keys: string[];
}
export interface Release extends ReleaseSummary {
  dimensions: Dimension[];
  values: number[];
  display: number[];
  variance: number[];
  margin_95: number[];
  margin_9999: number[];
  /** Ends of intervals that hold nine times in ten, where the server was asked for them; not cut at zero. */
  low?: number[];
  high?: number[];
  /** Whether the 95 per cent margin exceeds the value, where the server says so. */
  too_uncertain?: boolean[] | null;
  /** Values whose displayed copy is below this are written '< minimum'. */
  display_minimum?: number | null;
  coverage: {
    answered: { node: string; dataset?: string; edition: string | number; variance: number }[];
    refused: { node: string; rule: string; field?: string | null; code?: string | null }[];
    offline: (string | { node: string })[];
    expired: (string | { node: string })[];
  };
  privacy: {
    rho: number;
    epsilon: number;
    delta: number;
    mechanism: string;
    noise_source: string;
    /** What the bounds cut off, citywide, where it was asked. */
    truncation?: { value: number; variance: number; margin_95: number; at_most: number } | null;
    /** the bounds applied, where they are not those of the question */
    bounds?: Bounds;
  };
  estimand: string;
  bracket?: { lower: number[]; upper: number[] } | null;
  /** What whoever sees it owes; absent where the answers stated nothing. */
  obligations?: { audience: 'requester' | 'participants' | 'public'; display_minimum: number; retention_months: number; kept_until: string } | null;
}

/** A question without span and terms. */
export type PlannedQuestion = Omit<Query, 'version' | 'period' | 'bounds' | 'rho'>;
/** Months, `YYYY-MM`, both inside. */
export interface Months {
  from: string;
  to: string;
}
export type CubeAskKind = 'past' | 'period' | 'revision';
/** A question planned once and asked period by period. */
export interface CubeInfo {
  id: string;
  study: string;
  definition: { question: PlannedQuestion; first: string; past: CubeTerms; each: CubeTerms };
  planned_at: string;
  /** The last month that everybody's current edition completes. */
  completed: string | null;
  asked: { kind: CubeAskKind; from: string; to: string; query: string; state: QueryState; release: string | null }[];
  due: { kind: CubeAskKind; from: string; to: string; rho: number } | null;
}
interface CubeTerms {
  bounds: { cells: number; per_cell: number };
  rho: number;
}

/** Where a number lies. Neither end: too uncertain to say. `low` alone: at least that. */
export interface StatisticCell {
  estimate: number | null;
  /** of a quantile, where its most plausible bin ends */
  estimate_to?: number | null;
  low: number | null;
  high: number | null;
}
export interface Series {
  statistic: 'mean' | 'deviation' | 'rate' | 'quantile';
  percent?: number;
  cells: StatisticCell[];
}
export interface Statistics {
  release: string;
  of?: string;
  /** the public number divided by */
  whole?: { what: 'residents' | 'families'; source: string; date: string };
  confidence: number;
  dimensions: Dimension[];
  series: Series[];
}

/** A number with the interval it lies in. */
export interface Interval {
  estimate: number;
  low: number;
  high: number;
}
/** What may be said of a difference: `not-comparable` between numbers that were bounded differently. */
export type Claim = 'higher' | 'lower' | 'too-uncertain' | 'not-comparable';
export interface ComparedItem {
  key: string;
  areas: string[];
  residents?: number;
  /** places on offer, where they are taken off */
  places?: number;
  now: Interval;
  before?: Interval;
  /** its place among all, the largest first, between `best` and `worst` */
  rank: { rank: number; best: number; worst: number };
  difference?: Interval & { p_value: number; verdict: Claim };
}
export interface Comparison {
  release: string;
  level: string;
  at: Record<string, string>;
  /** the other time; of other bounds no change is claimed */
  against?: { release: string; at: Record<string, string>; other_bounds?: boolean };
  whole?: { what: 'residents' | 'families'; source: string; date: string };
  confidence: number;
  false_claims: number;
  compared_with: 'reference' | 'whole' | 'before' | 'places' | 'nothing';
  together: Interval;
  items: ComparedItem[];
  left_out: string[];
}
/** How much of the volume those who answered hold; nothing where it is not known. */
export interface AnsweredShare {
  estimate: number | null;
  low: number | null;
  high: number | null;
  by_release: string | null;
  as_of: string | null;
}
export interface Consistent {
  query: string;
  estimand: string;
  confidence: number;
  levels: {
    level: string;
    release: string;
    dimensions: Dimension[];
    values: number[];
    low: number[];
    high: number[];
    /** by area */
    margin_95: number[];
    variance: number[];
    released_variance: number;
    too_uncertain: boolean[];
  }[];
  answered_share: AnsweredShare;
}
export interface Adjustment {
  areas: string[];
  from: number;
  to: number;
  thousandths: number;
  /** to each period of each area named */
  add?: number;
  reason: string;
}
export interface ForecastWanted {
  cube: string;
  level: string;
  at: Record<string, string>;
  horizon: number;
  adjustments: Adjustment[];
}
export interface ForecastAhead {
  mean: number;
  low: number[];
  high: number[];
  /** parts of the variance, which make 1 */
  width: { privacy: number; process: number; counting: number; growth: number };
}
export interface ForecastSeries {
  key: string;
  past: ({ value: number; low: number; high: number } | null)[];
  ahead: ForecastAhead[];
  adjusted?: ForecastAhead[];
  explanation: {
    level: number;
    slope: number;
    season: number[];
    /** what one working day more adds to a month, where the calendar stands out */
    per_working_day?: number;
    model: string | null;
    borrowed_season: boolean;
    borrowed_level: boolean;
    unusual: { period: string; what: 'outlier' | 'level-shift'; deviations: number }[];
  };
  backtest: {
    horizon: number;
    origins: number;
    mase: number | null;
    coverage: number;
    interval_score: number;
    skill: number | null;
    skill_noise_corrected: number | null;
  }[];
}
/** A forecast in a list. */
export interface ForecastSummary {
  id: string;
  baseline?: string;
  wanted: ForecastWanted;
  state: ForecastView['state'];
  /** version of the forecasting that made it */
  engine: number;
  asked_at: string;
}
export interface ForecastView {
  id: string;
  /** the statistical forecast that assumptions are applied to, where there are any */
  baseline?: string;
  asked_at: string;
  wanted: ForecastWanted;
  state: 'waiting' | 'running' | 'done' | 'cancelled' | 'failed';
  /** how much of the work is done, 0 to 1 */
  share: number;
  done: number;
  series: number;
  /** version of the forecasting that made it, and the one in force */
  engine: number;
  engine_now: number;
  releases: string[];
  failure?: string;
  result?: {
    past: string[];
    ahead: string[];
    /** periods that other organisations answered than the last */
    left_out: string[];
    /** periods of which there is nothing, and why */
    missing?: { period: string; why: 'ended' | 'not-released' }[];
    /** periods from which on the bounds cut otherwise than before */
    bounds_changed?: string[];
    levels: number[];
    /** levels of areas that were forecast together and agree, coarsest first */
    agree?: string[];
    series: ForecastSeries[];
  };
}

/** What an organisation offers: public facts of places and services. */
export interface PublishedOffer {
  organisation: string;
  revision: number;
  hash: string;
  published_at: string;
  sites: { id: string; name: string; address: string | null; position: [number, number] | null; nil: number | null; municipio: number | null }[];
  services: {
    id: string;
    name: string;
    service: string | null;
    targets: string[];
    served: string | null;
    sites: string[];
    capacity: number | null;
    cost: string | null;
    access: string | null;
  }[];
}

export interface LogEntry {
  index: number;
  kind: string;
  at: string;
  study?: string | null;
  query?: string | null;
  node?: string | null;
  summary_code: string;
  params?: Record<string, unknown> | null;
}

export interface ProblemBody {
  type?: string;
  title?: string;
  status: number;
  detail?: string;
  code: string;
  params?: Record<string, unknown>;
  path?: string;
}
