// What pages on planning share: the first basis to plan on, who gains and loses, numbers with their units. Pure.
import type { Basis, Change, Comparison, DemandOfArea, Edit, Model, Plan, PlannedSite, PlanWanted, PublishedOffer, SiteOnMap, SiteStatus } from './api/planning';
import type { ForecastSummary, ForecastView, ReleaseSummary } from './api/types';
import { levelsOf } from './levels';

/** Releases that demand can be read off: counts by areas that have a place, newest first. */
export function plannable(releases: readonly ReleaseSummary[]): ReleaseSummary[] {
  const counts = new Set(['persons', 'households', 'events', 'first-time']);
  return releases
    .filter((release) => counts.has(release.measure) && release.level !== 'city')
    .toSorted((a, b) => b.released_at.localeCompare(a.released_at));
}

/** The release to begin with: of older people living alone by neighbourhood, if there is one, or by neighbourhood at all. */
export function firstToPlan(releases: readonly ReleaseSummary[]): ReleaseSummary | null {
  const score = (release: ReleaseSummary): number => {
    const targets = release.query.by.target ?? [];
    const period = release.query.by.period === undefined ? 1 : 0;
    return (levelsOf(release.query.by.area).at(-1) === 'nil' ? 4 : 0) + (targets.includes('alone-75-plus') ? 8 : targets.length === 0 ? 2 : 0) + period;
  };
  return plannable(releases).reduce<ReleaseSummary | null>((best, release) => (best === null || score(release) > score(best) ? release : best), null);
}

/** Kept forecasts of areas that have a place, newest first; `always` is listed whatever it is of. */
export function forecastsToPlan(forecasts: readonly ForecastSummary[], always: string | null = null): ForecastSummary[] {
  return forecasts
    .filter((one) => one.id === always || (one.state === 'done' && one.wanted.level !== 'city'))
    .toSorted((a, b) => b.asked_at.localeCompare(a.asked_at));
}

/** Two-sided 95 percent of a normal: what widths of intervals are turned into deviations by, as the service does. */
const TWO_SIDED_95 = 1.959963984540054;

/** Edits that put what a period of a forecast says in the place of today's need, for one area or all; `share` of the people come. */
export function forecastEdits(view: ForecastView, ahead: number, demand: readonly Pick<DemandOfArea, 'area' | 'target'>[], area: string | null, share: number): Edit[] {
  const widest = view.result?.levels.indexOf(95) ?? -1;
  return demand.flatMap((row): Edit[] => {
    if (area !== null && row.area !== area) return [];
    const series = view.result?.series.find((one) => one.key === row.area);
    const step = (series?.adjusted ?? series?.ahead)?.[ahead - 1];
    const [low, high] = [step?.low[widest], step?.high[widest]];
    if (!step || low === undefined || high === undefined) return [];
    const deviation = (share * (high - low)) / (2 * TWO_SIDED_95);
    return [{ edit: 'forecast', area: row.area, ...(row.target === undefined ? {} : { target: row.target }), demand: share * step.mean, variance: deviation * deviation, from: view.id }];
  });
}

/** Edits as they are listed: forecasts of areas that follow each other are one, whatever their number. */
export function listedEdits(edits: readonly Edit[]): Edit[][] {
  const groups: Edit[][] = [];
  for (const edit of edits) {
    const last = groups.at(-1);
    if (edit.edit === 'forecast' && last?.[0]?.edit === 'forecast') last.push(edit);
    else groups.push([edit]);
  }
  return groups;
}

/** Sites of one service as organisations publish them; each is open today with the places it has. */
export function sitesOfOffers(offers: readonly PublishedOffer[], service: string): PlannedSite[] {
  return offers.flatMap(({ organisation, sites, services }) =>
    sites.flatMap((site): PlannedSite[] => {
      const given = services.filter((one) => one.service === service && one.sites.includes(site.id));
      if (given.length === 0 || (site.nil === null && !site.position)) return [];
      const capacity = given.reduce((sum, one) => sum + (one.capacity ?? 0), 0);
      const place = site.position ? { latitude: site.position[1], longitude: site.position[0] } : {};
      return [{ id: `${organisation}:${site.id}`.slice(0, 80), name: site.name, status: 'required', capacity, ...(site.nil === null ? {} : { nil: String(site.nil) }), ...place }];
    }),
  );
}

export const servicesOfOffers = (offers: readonly PublishedOffer[]): string[] =>
  [...new Set(offers.flatMap(({ services }) => services.flatMap((one) => (one.service === null ? [] : [one.service]))))].toSorted();

export type Verdict = 'gains' | 'loses' | 'same' | 'uncertain';

/** What may be said of a change: only what its interval lies clear of zero for. */
export function verdictOf(change: Pick<Change, 'gain' | 'lower' | 'upper'>): Verdict {
  const { gain, lower, upper } = change;
  if (gain === null || lower === null || upper === null) return 'uncertain';
  // Both ends of what nobody touched are zero up to rounding.
  if (Math.abs(lower) < 1e-9 && Math.abs(upper) < 1e-9) return 'same';
  if (lower > 0) return 'gains';
  return upper < 0 ? 'loses' : 'uncertain';
}

export const VERDICT_COLOURS: Record<Verdict, string> = { gains: '#2a7a4b', loses: '#b3441f', same: '#e9edf1', uncertain: '#c9d2dc' };

/** The changes that say most first: gains and losses by size, then what noise hides, then what stays. */
export function ordered(rows: readonly Change[]): Change[] {
  const rank: Record<Verdict, number> = { loses: 0, gains: 1, uncertain: 2, same: 3 };
  return rows.toSorted((a, b) => rank[verdictOf(a)] - rank[verdictOf(b)] || Math.abs(b.gain ?? 0) - Math.abs(a.gain ?? 0));
}

/** Digits after the point with which a method's numbers are told. */
export const digitsOf = (method: Comparison['method']): number => (method === 'nearest' ? 1 : method === 'cumulative' ? 0 : 3);

export const isOpen = (status: SiteStatus): boolean => status === 'required' || status === 'extendable';

/** What a model's objective counts. */
export function unitOf(model: Model): 'person-minutes' | 'people' | 'sites' | 'minutes' | 'share' | 'cost' {
  switch (model) {
    case 'p-median':
      return 'person-minutes';
    case 'mclp':
    case 'budget-allocation':
      return 'people';
    case 'lscp':
      return 'sites';
    case 'p-center':
      return 'minutes';
    case 'max-min':
    case 'cvar':
      return 'share';
    default:
      return 'cost';
  }
}

/** What is to be filled in for a model. */
export const NEEDS: Record<Model, readonly ('p' | 'radius' | 'budget' | 'unmet_cost' | 'tail')[]> = {
  'p-median': ['p'],
  mclp: ['p', 'radius'],
  lscp: ['radius'],
  'p-center': ['p'],
  'location-allocation': ['budget', 'unmet_cost', 'p', 'radius'],
  'budget-allocation': ['budget', 'radius'],
  'max-min': ['budget', 'radius', 'p'],
  cvar: ['budget', 'radius', 'p', 'tail'],
  warehouse: [],
};
export const MODELS: readonly Model[] = ['mclp', 'location-allocation', 'p-median', 'p-center', 'lscp', 'budget-allocation', 'max-min', 'cvar'];
/** Models whose plan would be empty without these. */
export const REQUIRED: Partial<Record<Model, readonly string[]>> = { 'p-median': ['p'], mclp: ['p', 'radius'], lscp: ['radius'], 'p-center': ['p'], 'budget-allocation': ['budget'] };

/** In words, how often in a hundred draws: 'always', 'nearly always', 'mostly', 'about as often as not', 'rarely'. */
export function oftenness(in100: number): 'always' | 'nearly-always' | 'mostly' | 'sometimes' | 'rarely' {
  if (in100 >= 99.5) return 'always';
  if (in100 >= 95) return 'nearly-always';
  if (in100 >= 70) return 'mostly';
  return in100 >= 30 ? 'sometimes' : 'rarely';
}

/** Whether draws of the noise judged a plan: an interval that promises nothing comes of too few, and then frequencies say nothing either. */
export function isJudged(stability: Plan['stability'] | null): boolean {
  return (stability?.regret.level ?? 0) > 0;
}

/** What each step brings, one point a limit: parts of a budget of nothing are all the same limit, and one that no plan keeps has no point. */
export function frontOf(points: NonNullable<Plan['front']>): { at: number; value: number; point: NonNullable<Plan['front']>[number] }[] {
  const found = new Map(points.flatMap((point) => (point.objective === null ? [] : [[point.budget ?? point.p ?? 0, { value: point.objective, point }] as const])));
  return [...found].map(([at, rest]) => ({ at, ...rest }));
}

/**
 * Whether the noise could hide how much worse an alternative is, where the plan tells: it was asked of every exchange of one site of a plan
 * without capacities and budget, and of nothing else.
 */
export function hiddenByNoise(plan: Pick<Plan, 'open' | 'stability'>, other: readonly string[], wanted: Pick<PlanWanted, 'model' | 'budget'>): boolean | null {
  if (!plan.stability || (wanted.model !== 'p-median' && wanted.model !== 'mclp') || wanted.budget) return null;
  const out = plan.open.filter((id) => !other.includes(id));
  const taken = other.filter((id) => !plan.open.includes(id));
  const [site] = out;
  const [instead] = taken;
  if (out.length !== 1 || taken.length !== 1 || !site || !instead) return null;
  return plan.stability.interchangeable.some(({ id, with: others }) => id === site && others.includes(instead));
}

/** Sites as edits leave them: open or not, with how many places. Edits that cannot be made change nothing. */
export function edited(sites: readonly SiteOnMap[], edits: readonly Edit[]): SiteOnMap[] {
  const now = new Map(sites.map((site) => [site.id, { ...site }]));
  for (const edit of edits) {
    if (edit.edit === 'demand' || edit.edit === 'forecast') continue;
    const site = now.get(edit.site);
    if (!site) continue;
    if (edit.edit === 'open') site.status = 'required';
    else if (edit.edit === 'close') site.status = 'closed';
    else if (edit.edit === 'extend') site.capacity = (site.capacity ?? 0) + edit.places;
    else if (edit.edit === 'move') {
      const to = now.get(edit.to);
      if (!to) continue;
      to.status = site.status;
      if (site.capacity !== undefined) to.capacity = site.capacity;
      site.status = 'closed';
    }
  }
  return [...now.values()];
}

/** Straight lines from degrees to the map's frame, fitted to areas whose place is known in both. */
export function placer(known: readonly { lon: number; lat: number; x: number; y: number }[]): (lon: number, lat: number) => [number, number] {
  const line = (of: (one: (typeof known)[number]) => number, to: (one: (typeof known)[number]) => number) => {
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
    const [a, b] = [mean(known.map(of)), mean(known.map(to))];
    const spread = known.reduce((sum, one) => sum + (of(one) - a) ** 2, 0);
    const slope = spread === 0 ? 0 : known.reduce((sum, one) => sum + (of(one) - a) * (to(one) - b), 0) / spread;
    return (value: number) => b + slope * (value - a);
  };
  const x = line((one) => one.lon, (one) => one.x);
  const y = line((one) => one.lat, (one) => one.y);
  return (lon, lat) => [x(lon), y(lat)];
}

/** A basis as it is sent: what is empty is left out. */
export function tidy(basis: Basis): Basis {
  const { candidates, ...rest } = basis;
  return candidates ? { ...rest, candidates } : rest;
}

/** A gap in percent, rounded up to two digits: a bound that is rounded down promises too much. */
export function gapPercent(gap: number): number {
  return Math.max(0, Math.ceil(1e4 * gap - 1e-9)) / 100;
}
