// What is planned on, while it is chosen: demand of a release or forecast, sites, candidates, travel. Becomes a `Basis` to be sent.
import type { Basis, Candidates, PlannedSite, PublishedOffer, TravelTable } from './api/planning';
import { planning } from './api/planning';
import { api } from './api/client';
import type { CubeInfo, ForecastSummary, ForecastView, Release, ReleaseSummary } from './api/types';
import { firstToPlan, forecastsToPlan, plannable, servicesOfOffers, sitesOfOffers } from './planning';
import { Resource } from './resource.svelte';

const SERVICE = 'day-centre';

export class BasisChoice {
  releases = new Resource<ReleaseSummary[]>();
  offers = new Resource<PublishedOffer[]>();
  tables = new Resource<TravelTable[]>();
  release = new Resource<Release>();
  forecasts = new Resource<ForecastSummary[]>();
  cubes = new Resource<CubeInfo[]>();

  releaseId = $state('');
  at = $state.raw<Record<string, string>>({});
  percent = $state(100);
  forecast = $state.raw<{ id: string; ahead: number } | null>(null);
  /** The forecast that is planned on, once it has come. */
  forecastView = $state.raw<ForecastView | null>(null);
  service = $state('');
  sites = $state.raw<PlannedSite[]>([]);
  candidatesEverywhere = $state(true);
  candidate = $state<Required<Pick<Candidates, 'capacity' | 'fixed_cost' | 'running_cost' | 'module_capacity' | 'module_cost' | 'modules'>>>({
    capacity: 30, fixed_cost: 120_000, running_cost: 60_000, module_capacity: 10, module_cost: 20_000, modules: 2,
  });
  travelKind = $state<'crow-flies' | 'table'>('crow-flies');
  mode = $state('foot');
  detour = $state(1.3);
  speed = $state(3);
  table = $state('');
  tableMode = $state('');
  /** Whether sites were read off a saved basis, or by the person: published ones then do not take their place. */
  #own = false;

  /** What an address asks to plan on: `forecast`, and which period `ahead`. */
  constructor(parameters: URLSearchParams = new URLSearchParams()) {
    const forecast = parameters.get('forecast');
    if (forecast) this.forecast = { id: forecast, ahead: Math.max(1, Math.trunc(Number(parameters.get('ahead'))) || 1) };
  }

  async load(): Promise<void> {
    await Promise.all([
      this.releases.load(api.releases), this.offers.load(planning.offers), this.tables.load(planning.travelTables), this.forecasts.load(api.forecasts), this.cubes.load(api.cubes),
    ]);
    if (this.releaseId === '' && this.forecast === null) this.releaseId = firstToPlan(this.releases.value ?? [])?.id ?? '';
    const services = servicesOfOffers(this.offers.value ?? []);
    if (!this.#own) this.chooseService(services.includes(SERVICE) ? SERVICE : (services[0] ?? ''));
  }

  get choices(): ReleaseSummary[] {
    return plannable(this.releases.value ?? []);
  }

  /** Kept forecasts that need can be read off; one that is planned on is among them whatever it is of. */
  get forecastChoices(): ForecastSummary[] {
    return forecastsToPlan(this.forecasts.value ?? [], this.forecast?.id ?? null);
  }

  get services(): string[] {
    return servicesOfOffers(this.offers.value ?? []);
  }

  /** Takes need from the newest kept forecast, or from results again. */
  planOn(forecast: boolean): void {
    const newest = this.forecastChoices[0];
    this.forecast = forecast && newest ? { id: newest.id, ahead: 1 } : null;
    if (this.releaseId === '') this.releaseId = firstToPlan(this.releases.value ?? [])?.id ?? '';
  }

  chooseService(service: string): void {
    this.service = service;
    this.sites = service === '' ? [] : sitesOfOffers(this.offers.value ?? [], service);
  }

  setSites(sites: PlannedSite[]): void {
    this.#own = true;
    this.sites = sites;
  }

  /** Axes of the release that have more than one key, areas left out. */
  get axes(): { name: string; keys: string[] }[] {
    const release = this.release.value;
    return release && release.id === this.releaseId ? release.dimensions.filter(({ name, keys }) => name !== 'area' && keys.length > 1) : [];
  }

  /** The key of each axis: as chosen, or older people alone, the last period, the first of all others. */
  get atNow(): Record<string, string> {
    return Object.fromEntries(
      this.axes.map(({ name, keys }) => {
        const chosen = this.at[name] ?? '';
        const usual = name === 'period' ? keys.at(-1) : keys.includes('alone-75-plus') ? 'alone-75-plus' : keys[0];
        return [name, keys.includes(chosen) ? chosen : (usual ?? '')];
      }),
    );
  }

  /** The target group the demand is of, where the release says. */
  get target(): string | undefined {
    if (this.forecast) return this.forecastView?.id === this.forecast.id ? this.forecastView.wanted.at.target : undefined;
    const fixed = this.release.value?.dimensions.find(({ name }) => name === 'target')?.keys;
    return this.atNow.target ?? (fixed?.length === 1 ? fixed[0] : undefined);
  }

  get basis(): Basis | null {
    const known = this.forecast !== null || (this.releaseId !== '' && this.release.value?.id === this.releaseId);
    if (!known) return null;
    if (this.sites.length === 0 && !this.candidatesEverywhere) return null;
    const thousandths = Math.round(10 * this.percent);
    return {
      demand: [this.forecast ? { kind: 'forecast', forecast: this.forecast.id, ahead: this.forecast.ahead, thousandths } : { kind: 'release', release: this.releaseId, at: this.atNow, thousandths }],
      sites: this.sites,
      ...(this.candidatesEverywhere ? { candidates: { ...this.candidate } } : {}),
      travel:
        this.travelKind === 'table' && this.table !== ''
          ? { kind: 'table', table: this.table, ...(this.tableMode === '' ? {} : { mode: this.tableMode }) }
          : { kind: 'crow-flies', detour: this.detour, speed_kmh: this.speed, mode: this.mode },
    };
  }

  /** Takes over what was saved. */
  read(basis: Basis): void {
    this.#own = true;
    const [demand] = basis.demand;
    this.forecast = demand?.kind === 'forecast' ? { id: demand.forecast, ahead: demand.ahead } : null;
    if (demand?.kind === 'release') {
      this.releaseId = demand.release;
      this.at = demand.at ?? {};
    }
    if (demand && demand.kind !== 'rows') this.percent = (demand.thousandths ?? 1000) / 10;
    this.sites = basis.sites;
    this.candidatesEverywhere = basis.candidates !== undefined;
    if (basis.candidates) this.candidate = { ...this.candidate, ...basis.candidates };
    this.travelKind = basis.travel.kind;
    if (basis.travel.kind === 'crow-flies') {
      this.mode = basis.travel.mode;
      this.detour = basis.travel.detour;
      this.speed = basis.travel.speed_kmh;
    } else {
      this.table = basis.travel.table;
      this.tableMode = basis.travel.mode ?? '';
    }
  }
}
