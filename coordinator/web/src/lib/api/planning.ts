// Access, scenarios, plans, tables of travel and saved views, as the coordinator sends and takes them.
import { BASE, idAfter, Problem, read, send } from './client';
import { sendFile, type Watch } from './files';

export type SiteStatus = 'candidate' | 'required' | 'extendable' | 'closed';
export interface PlannedSite {
  id: string;
  name?: string;
  nil?: string;
  latitude?: number;
  longitude?: number;
  status: SiteStatus;
  capacity?: number;
  fixed_cost?: number;
  running_cost?: number;
  module_capacity?: number;
  module_cost?: number;
  modules?: number;
  targets?: string[];
}
export type Candidates = Omit<PlannedSite, 'id' | 'name' | 'nil' | 'latitude' | 'longitude' | 'status'> & { areas?: string[] };
export type DemandSource =
  | { kind: 'release'; release: string; at?: Record<string, string>; target?: string; thousandths?: number }
  | { kind: 'forecast'; forecast: string; ahead: number; target?: string; thousandths?: number }
  | { kind: 'rows'; rows: { area: string; demand: number; variance?: number }[]; target?: string; source: string };
export type TravelWanted =
  | { kind: 'crow-flies'; detour: number; speed_kmh: number; mode: string; target_speed_kmh?: Record<string, number> }
  | { kind: 'table'; table: string; mode?: string };
export interface Basis {
  demand: DemandSource[];
  sites: PlannedSite[];
  candidates?: Candidates;
  travel: TravelWanted;
}
export interface Between {
  value: number;
  low: number;
  high: number;
}
export interface Source {
  kind: 'release' | 'forecast' | 'rows';
  target?: string;
  release?: string;
  query_hash?: string;
  study?: string;
  query?: import('./types').Query;
  at?: Record<string, string>;
  forecast?: string;
  period?: string;
  words?: string;
  thousandths: number;
  organisations?: number;
  unplaced?: Between;
  total: Between;
}
export type SiteOnMap = PlannedSite & { position: [number, number] };
export type DemandOfArea = Between & { area: string; target?: string };
export type TravelSource =
  | { kind: 'crow-flies'; detour: number; speed_kmh: number; mode: string; target_speed_kmh?: Record<string, number> }
  | { kind: 'table'; name: string; mode?: string };

export type Method = 'nearest' | 'cumulative' | '2sfca' | 'e2sfca' | 'raam';
export const METHODS: readonly Method[] = ['e2sfca', '2sfca', 'nearest', 'cumulative', 'raam'];
export interface Measure {
  method: Method;
  radius: number;
  tau?: number;
  seed?: number;
}
export type Edit =
  | { edit: 'open' | 'close'; site: string }
  | { edit: 'extend'; site: string; places: number }
  | { edit: 'move'; site: string; to: string }
  | { edit: 'demand'; area?: string; target?: string; factor: number }
  | { edit: 'forecast'; area: string; target?: string; demand: number; variance: number; from: string };
export interface Change {
  id?: string;
  target?: string;
  site_before?: string;
  site_after?: string;
  before: number | null;
  after: number | null;
  gain: number | null;
  lower: number | null;
  upper: number | null;
}
export interface Comparison {
  method: Method;
  rows: Change[];
  by_target: Change[];
  gaining: number;
  losing: number;
  uncertain: number;
}
export interface Cost {
  opening: number;
  running: number;
  places: number;
  total: number;
  more_places: number;
  over_budget: boolean | null;
}
export interface ScenarioWanted {
  name: string;
  note?: string;
  basis: Basis;
  edits: Edit[];
  measure: Measure;
  budget?: number;
  parent?: string;
}
export interface ScenarioResult {
  data_version: string;
  level: string;
  comparison: Comparison;
  cost: Cost;
  travel: TravelSource;
  sources: Source[];
  demand: DemandOfArea[];
  sites: SiteOnMap[];
  open_after: { id: string; capacity: number | null }[];
}
export interface ScenarioSummary {
  id: string;
  name: string;
  owner: string;
  created_at: string;
  parent: string | null;
  edits: number;
  gaining: number;
  losing: number;
  uncertain: number;
}
export interface ScenarioView {
  id: string;
  owner: string;
  created_at: string;
  wanted: ScenarioWanted;
  result: ScenarioResult;
}
export interface BetweenScenarios {
  against: string;
  scenario: string;
  comparison: Comparison;
  costs: [Cost, Cost];
}

export type Model = 'p-median' | 'mclp' | 'lscp' | 'p-center' | 'location-allocation' | 'budget-allocation' | 'max-min' | 'cvar' | 'warehouse';
export interface PlanWanted {
  name: string;
  note?: string;
  basis: Basis;
  model: Model;
  p?: number;
  radius?: number;
  outer_radius?: number;
  budget?: number;
  unmet_cost?: number;
  tail?: number;
  robust?: number;
  draws?: number;
  alternatives?: number;
  front?: boolean;
  time_limit?: number;
  seed?: number;
}
export type PlanState = 'waiting' | 'running' | 'done' | 'cancelled' | 'failed';
export type PlanStatus = 'optimal' | 'feasible' | 'infeasible' | 'cancelled';
export interface Progress {
  state: PlanState;
  before: number;
  objective: number | null;
  bound: number | null;
  gap: number | null;
  open: string[];
  seconds: number;
}
export interface Interval {
  level: number;
  lower: number;
  median: number;
  upper: number;
}
export interface Relaxation {
  limit: string;
  from?: number;
  to?: number;
  areas?: string[];
}
export interface Plan {
  /** version of the method by which it was made; absent: 1 */
  method?: number;
  model: Model;
  status: PlanStatus;
  reason?: string;
  relaxations?: Relaxation[];
  objective: number | null;
  bound: number | null;
  gap: number | null;
  open: string[];
  modules?: { id: string; number: number }[];
  assignment: { id: string; target?: string; site: string; minutes: number; share: number }[];
  spent?: number;
  stability: {
    draws: number;
    sites: { id: string; in_100: number; is_open: boolean }[];
    same_plan: number;
    regret: Interval;
    value: Interval;
    out_of_sample: number;
    /** in how many draws of a hundred the sites have too few places; absent: in none */
    short?: number;
    interchangeable: { id: string; with: string[] }[];
  } | null;
  explanation?: {
    marginal: { limit: string; more: number; improvement: number }[];
    binding: string[];
    forced: { id: string; open: boolean; worsening: number | null }[];
  };
  alternatives?: { open: string[]; objective: number }[];
  front?: { p: number | null; budget: number | null; status: PlanStatus; objective: number | null; bound: number | null; open: string[]; spent: number | null }[];
  seconds: number;
  seed: number;
  data_version?: string;
}
export interface PlanView {
  id: string;
  owner: string;
  created_at: string;
  finished_at: string | null;
  wanted: PlanWanted;
  inputs: { data_version: string; level: string; sources: Source[]; travel: TravelSource; demand: DemandOfArea[]; sites: SiteOnMap[] };
  state: PlanState;
  progress: Progress | null;
  plan: Plan | null;
  method_now: number;
  failure: string | null;
}
export interface PlanSummary {
  id: string;
  name: string;
  owner: string;
  created_at: string;
  model: Model;
  state: PlanState;
  status: PlanStatus | null;
  objective: number | null;
}
export interface TravelTable {
  id: string;
  name: string;
  owner: string;
  created_at: string;
  pairs: number;
  modes: string[];
}
export interface SavedView {
  id: string;
  owner: string;
  created_at: string;
  name: string;
  note: string;
  address: string;
}
/** What organisations publish of their offer: the part that plans read. */
export interface PublishedOffer {
  organisation: string;
  sites: { id: string; name: string; position: [number, number] | null; nil: number | null }[];
  services: { service: string | null; name: string; capacity: number | null; targets: string[]; sites: string[] }[];
}

async function made(path: string, resource: string, body: unknown): Promise<string> {
  const response = await send('POST', path, body);
  const id = idAfter(response.headers.get('location'), resource);
  if (!id) throw new Problem({ status: response.status, code: 'unexpected' });
  return id;
}
const part = encodeURIComponent;
const remove = async (path: string): Promise<void> => void (await send('DELETE', path));

export const planning = {
  previewScenario: async (wanted: ScenarioWanted, signal?: AbortSignal) => (await (await send('POST', 'scenarios/preview', wanted, {}, signal)).json()) as ScenarioResult,
  saveScenario: (wanted: ScenarioWanted) => made('scenarios', 'scenarios', wanted),
  scenarios: async () => (await read<{ scenarios: ScenarioSummary[] }>('scenarios')).scenarios,
  scenario: (id: string) => read<ScenarioView>(`scenarios/${part(id)}`),
  between: (id: string, against: string) => read<BetweenScenarios>(`scenarios/${part(id)}/comparison?against=${part(against)}`),
  removeScenario: (id: string) => remove(`scenarios/${part(id)}`),
  beginPlan: (wanted: PlanWanted) => made('plans', 'plans', wanted),
  plans: async () => (await read<{ plans: PlanSummary[] }>('plans')).plans,
  plan: (id: string) => read<PlanView>(`plans/${part(id)}`),
  cancelPlan: async (id: string): Promise<void> => void (await send('POST', `plans/${part(id)}/cancel`, {})),
  removePlan: (id: string) => remove(`plans/${part(id)}`),
  planFile: (id: string, kind: 'csv' | 'json') => `${BASE}/plans/${part(id)}.${kind}`,
  planEvents: (id: string) => `${BASE}/plans/${part(id)}/events`,
  travelTables: async () => (await read<{ tables: TravelTable[] }>('travel-tables')).tables,
  uploadTravel: async (name: string, csv: Blob, watch: Watch): Promise<string> => {
    const id = idAfter(await sendFile(`travel-tables?name=${part(name)}`, csv, 'text/csv', watch), 'travel-tables');
    if (!id) throw new Problem({ status: 0, code: 'unexpected' });
    return id;
  },
  views: async () => (await read<{ views: SavedView[] }>('views')).views,
  saveView: (name: string, note: string, address: string) => made('views', 'views', { name, note, address }),
  removeView: (id: string) => remove(`views/${part(id)}`),
  /** What is published of offers; nothing where this service has none. */
  offers: async (): Promise<PublishedOffer[]> => {
    try {
      return (await read<{ offers: PublishedOffer[] }>('offers')).offers;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return [];
      throw error;
    }
  },
};

/** Follows a plan until it ends; the returned function stops following. */
export function followPlan(id: string, onProgress: (progress: Progress) => void, onEnd: (view: PlanView) => void, onFault: (problem: unknown) => void): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let source: EventSource | undefined;
  const stop = () => {
    stopped = true;
    source?.close();
    clearTimeout(timer);
  };
  const take = (view: PlanView) => {
    if (stopped) return;
    if (view.state === 'waiting' || view.state === 'running') {
      if (view.progress) onProgress(view.progress);
      return;
    }
    stop();
    onEnd(view);
  };
  // Where the stream breaks, the plan is asked for by itself, and the stream is tried again; also after the service was out of reach.
  const look = async () => {
    try {
      take(await planning.plan(id));
    } catch (error) {
      if (!stopped) onFault(error);
      if (!(error instanceof Problem && error.code === 'unreachable')) stop();
    }
    if (!stopped) timer = setTimeout(listen, 2000);
  };
  const listen = () => {
    source = new EventSource(planning.planEvents(id));
    source.addEventListener('progress', (event) => {
      if (!stopped) onProgress(JSON.parse((event as MessageEvent<string>).data) as Progress);
    });
    source.addEventListener('plan', (event) => take(JSON.parse((event as MessageEvent<string>).data) as PlanView));
    source.onerror = () => {
      source?.close();
      if (!stopped) void look();
    };
  };
  listen();
  return stop;
}
