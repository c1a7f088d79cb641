// Which component shows a page and what its title is. Each page is a file of its own, fetched when it is first opened: the first view
// carries none of the others.
import type { Component } from 'svelte';
import type { Key } from '../lib/i18n/catalogue';
import type { Route, RouteOf } from '../lib/router';

/** A page takes its route, or nothing where it has one address only. */
type Loaded<P extends Route['page']> = { default: Component<{ route: RouteOf<P> }> | Component<Record<string, never>> };
type Entry<P extends Route['page']> = {
  title: Key;
  load: () => Promise<Loaded<P>>;
  /** Whether another address of the same page starts anew instead of changing what is shown. */
  anew?: boolean;
};

const PAGES: { [P in Route['page']]: Entry<P> } = {
  home: { title: 'home.title', load: () => import('./Home.svelte') },
  overview: { title: 'overview.title', load: () => import('./Overview.svelte') },
  explore: { title: 'explore.title', load: () => import('./Explore.svelte') },
  area: { title: 'area.title', load: () => import('./Area.svelte') },
  offer: { title: 'offer.title', load: () => import('./Offer.svelte') },
  forecast: { title: 'forecast.title', load: () => import('./Forecast.svelte') },
  simulate: { title: 'simulate.title', load: () => import('./Simulate.svelte'), anew: true },
  optimise: { title: 'optimise.title', load: () => import('./Optimise.svelte'), anew: true },
  reports: { title: 'reports.title', load: () => import('./Reports.svelte') },
  ask: { title: 'ask.title', load: () => import('./Ask.svelte') },
  asked: { title: 'asked.title', load: () => import('./Asked.svelte'), anew: true },
  cubes: { title: 'cubes.title', load: () => import('./Cubes.svelte') },
  nodes: { title: 'nodes.title', load: () => import('./Nodes.svelte') },
  log: { title: 'log.title', load: () => import('./Log.svelte') },
  protection: { title: 'protection.title', load: () => import('./Protection.svelte') },
  glossary: { title: 'glossary.title', load: () => import('./Glossary.svelte') },
  accessibility: { title: 'accessibility.title', load: () => import('./Accessibility.svelte') },
  'api-docs': { title: 'api-docs.title', load: () => import('./ApiDocs.svelte') },
  decisions: { title: 'decisions.title', load: () => import('./Decisions.svelte') },
  decision: { title: 'decision.title', load: () => import('./Decision.svelte'), anew: true },
  studies: { title: 'studies.title', load: () => import('./Studies.svelte') },
  policies: { title: 'policies.title', load: () => import('./Policies.svelte') },
  policy: { title: 'policy.title', load: () => import('./Policy.svelte'), anew: true },
  budgets: { title: 'budgets.title', load: () => import('./Budgets.svelte') },
  alerts: { title: 'alerts.title', load: () => import('./Alerts.svelte') },
  'not-found': { title: 'missing.title', load: () => import('./NotFound.svelte') },
};

/** A page to be shown: `PAGES` pairs each name with a component that takes that page's route, which one type for all cannot say. */
export type Page = { title: Key; load: () => Promise<{ default: Component<{ route: Route }> }>; anew: boolean };

export function pageOf(name: Route['page']): Page {
  const { title, load, anew = false } = PAGES[name];
  return { title, load: load as unknown as Page['load'], anew };
}
