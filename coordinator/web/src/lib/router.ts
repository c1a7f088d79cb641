// Which page a path means and which path a page has. Pure: history and the document are touched elsewhere.
export type Route =
  | { page: 'home' }
  | { page: 'explore'; release: string | null }
  | { page: 'overview' }
  | { page: 'area'; nil: string | null }
  | { page: 'offer' }
  | { page: 'forecast'; forecast: string | null }
  | { page: 'simulate'; scenario: string | null }
  | { page: 'optimise'; plan: string | null }
  | { page: 'reports' }
  | { page: 'ask' }
  | { page: 'asked'; query: string }
  | { page: 'cubes' }
  | { page: 'nodes' }
  | { page: 'log' }
  | { page: 'decisions' }
  | { page: 'decision'; decision: string }
  | { page: 'studies' }
  | { page: 'policies' }
  | { page: 'policy'; organisation: string; policy: string }
  | { page: 'budgets' }
  | { page: 'alerts' }
  | { page: 'protection' }
  | { page: 'glossary' }
  | { page: 'accessibility' }
  | { page: 'api-docs' }
  | { page: 'not-found' };
/** The route of one page. */
export type RouteOf<P extends Route['page']> = Extract<Route, { page: P }>;

const ID = '([^/]+)';
const ROUTES: [RegExp, (groups: string[]) => Route][] = [
  [/^\/$/, () => ({ page: 'home' })],
  [/^\/explore$/, () => ({ page: 'explore', release: null })],
  [new RegExp(`^/explore/${ID}$`), ([release]) => ({ page: 'explore', release: release ?? null })],
  [/^\/overview$/, () => ({ page: 'overview' })],
  [/^\/area$/, () => ({ page: 'area', nil: null })],
  [new RegExp(`^/area/${ID}$`), ([nil]) => ({ page: 'area', nil: nil ?? null })],
  [/^\/offer$/, () => ({ page: 'offer' })],
  [/^\/forecast$/, () => ({ page: 'forecast', forecast: null })],
  [new RegExp(`^/forecast/${ID}$`), ([forecast]) => ({ page: 'forecast', forecast: forecast ?? null })],
  [/^\/simulate$/, () => ({ page: 'simulate', scenario: null })],
  [new RegExp(`^/simulate/${ID}$`), ([scenario]) => ({ page: 'simulate', scenario: scenario ?? null })],
  [/^\/optimise$/, () => ({ page: 'optimise', plan: null })],
  [new RegExp(`^/optimise/${ID}$`), ([plan]) => ({ page: 'optimise', plan: plan ?? null })],
  [/^\/reports$/, () => ({ page: 'reports' })],
  [/^\/ask$/, () => ({ page: 'ask' })],
  [new RegExp(`^/ask/${ID}$`), ([query]) => ({ page: 'asked', query: query ?? '' })],
  [/^\/cubes$/, () => ({ page: 'cubes' })],
  [/^\/nodes$/, () => ({ page: 'nodes' })],
  [/^\/log$/, () => ({ page: 'log' })],
  [/^\/decisions$/, () => ({ page: 'decisions' })],
  [new RegExp(`^/decisions/${ID}$`), ([decision]) => ({ page: 'decision', decision: decision ?? '' })],
  [/^\/studies$/, () => ({ page: 'studies' })],
  [/^\/policies$/, () => ({ page: 'policies' })],
  [new RegExp(`^/policies/${ID}/${ID}$`), ([organisation, policy]) => ({ page: 'policy', organisation: organisation ?? '', policy: policy ?? '' })],
  [/^\/budgets$/, () => ({ page: 'budgets' })],
  [/^\/alerts$/, () => ({ page: 'alerts' })],
  // Where a signed-in person comes back to from a bookmarked sign-in page.
  [/^\/sign-in$/, () => ({ page: 'home' })],
  [/^\/protection$/, () => ({ page: 'protection' })],
  [/^\/glossary$/, () => ({ page: 'glossary' })],
  [/^\/accessibility$/, () => ({ page: 'accessibility' })],
  [/^\/api-docs$/, () => ({ page: 'api-docs' })],
];

export function match(path: string): Route {
  const clean = path.length > 1 ? path.replace(/\/+$/, '') || '/' : path;
  for (const [pattern, make] of ROUTES) {
    const found = pattern.exec(clean);
    if (!found) continue;
    try {
      return make(found.slice(1).map(decodeURIComponent));
    } catch {
      break;
    }
  }
  return { page: 'not-found' };
}

export function href(route: Route): string {
  switch (route.page) {
    case 'explore':
      return route.release === null ? '/explore' : `/explore/${encodeURIComponent(route.release)}`;
    case 'overview':
      return '/overview';
    case 'area':
      return route.nil === null ? '/area' : `/area/${encodeURIComponent(route.nil)}`;
    case 'offer':
      return '/offer';
    case 'forecast':
      return route.forecast === null ? '/forecast' : `/forecast/${encodeURIComponent(route.forecast)}`;
    case 'simulate':
      return route.scenario === null ? '/simulate' : `/simulate/${encodeURIComponent(route.scenario)}`;
    case 'optimise':
      return route.plan === null ? '/optimise' : `/optimise/${encodeURIComponent(route.plan)}`;
    case 'reports':
      return '/reports';
    case 'ask':
      return '/ask';
    case 'asked':
      return `/ask/${encodeURIComponent(route.query)}`;
    case 'cubes':
      return '/cubes';
    case 'nodes':
      return '/nodes';
    case 'log':
      return '/log';
    case 'decisions':
      return '/decisions';
    case 'decision':
      return `/decisions/${encodeURIComponent(route.decision)}`;
    case 'studies':
      return '/studies';
    case 'policies':
      return '/policies';
    case 'policy':
      return `/policies/${encodeURIComponent(route.organisation)}/${encodeURIComponent(route.policy)}`;
    case 'budgets':
      return '/budgets';
    case 'alerts':
      return '/alerts';
    case 'protection':
      return '/protection';
    case 'glossary':
      return '/glossary';
    case 'accessibility':
      return '/accessibility';
    case 'api-docs':
      return '/api-docs';
    case 'home':
    case 'not-found':
      return '/';
  }
}

/** Pages that explain the service: open to everybody, signed in or not. */
const OPEN: ReadonlySet<Route['page']> = new Set(['protection', 'glossary', 'accessibility', 'api-docs']);
export const isOpen = (page: Route['page']): boolean => OPEN.has(page);

/** The path with its search part rewritten: empty values leave it. */
export function withSearch(path: string, values: Readonly<Record<string, string | null>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== '') search.set(name, value);
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}
